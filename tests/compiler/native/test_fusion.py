"""What becomes one kernel and what does not, as text; and that values written over others were read before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from tests.compiler.native.comparing import compare, groups, made, tape_of
from wengert import nn, optim
from wengert.compiler.native.program import Program

RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(5, 7)), RNG.normal(size=(7, 9)), RNG.normal(size=9)
LABELS = np.array([0, 3, -1, 6, 2])


def kernels(f: Any, *arguments: Any, least: float = 0.0) -> list[str]:
    return groups(compare(tape_of(f, list(arguments)), list(arguments), least=least))


def padded(x: Any) -> Any:
    return wg.nn.functional.pad(wg.exp(x), (1, 1)) + 1.0


@pytest.mark.parametrize(
    ("f", "arguments", "wanted"),
    [
        (lambda x: wg.exp(x * 2 + 1) - x, (X,), ["loop [5, 7]: multiply add exp subtract"]),
        (lambda x, w, b: wg.relu(x @ w + b), (X, W, B), ["matmul [5, 9]: matmul add relu"]),
        (lambda x: wg.exp(x).sum(), (X,), ["loop [5, 7]: exp sum"]),
        (lambda x: x / x.sum(1, keepdims=True), (X,), ["loop [5, 7]: sum divide"]),
        (lambda x: (x.sum(0), x.sum(1)), (X,), ["loop [5, 7]: sum", "loop [5, 7]: sum"]),
        (lambda x: wg.softmax(x, 1), (X,), ["loop [5, 7]: max isfinite where subtract exp sum equal where divide"]),
        (lambda x, w: (x @ w, (x @ w).T), (X, W), ["matmul [5, 9]: matmul"]),
        (lambda x, w: wg.exp((x @ w).T), (X, W), ["matmul [9, 5]: matmul exp"]),
        (lambda x, w: wg.exp(x).T @ x, (X, W), ["loop [5, 7]: exp", "matmul [7, 7]: matmul"]),
        (lambda x: wg.sort(x) * 2, (X,), ["host [5, 7]: argsort", "indexed [5, 7]: gather", "loop [5, 7]: multiply"]),
    ],
)  # fmt: skip
def test_groups(f: Any, arguments: tuple[Any, ...], wanted: list[str]) -> None:
    assert kernels(f, *arguments) == wanted


def test_normalisations_are_one_kernel() -> None:
    def norm(x: Any) -> Any:
        centred = x - x.mean(1, keepdims=True)
        return centred / wg.sqrt((centred * centred).mean(1, keepdims=True) + 1e-5)

    assert len(kernels(norm, X)) == 1
    assert len(kernels(lambda x: norm(x.T), X)) == 1
    assert len(kernels(lambda x: wg.softmax(norm(wg.softmax(x, 1)), 1), X)) <= 2


def test_a_cycle_is_cut() -> None:
    """A line that reads a group and what was made of that group elsewhere does not join it."""

    def f(x: Any, w: Any) -> Any:
        e = wg.exp(x)
        return e + (e @ w @ w.T) * e.sum(), wg.exp((e @ w).sum()) * e

    kernels(f, X, W * 0.1)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_pads_and_joins(dtype: Any) -> None:
    x = X.astype(dtype)
    kernels(padded, x)
    kernels(lambda x: wg.concatenate([-x[:2], x > 0, wg.exp(x)[1:], x[:1] * 2]).sum(0), x)
    kernels(lambda x: wg.concatenate([wg.negative(x), x], 1)[:, 3:-2] * 3, x)
    kernels(lambda x: wg.concatenate([wg.negative(x[:1, :3]).reshape(-1), x[0]]), x)
    kernels(wg.grad(lambda x: (wg.concatenate([x[1:], x * x, x[:, ::-1]]) ** 3).sum()), x)


def test_masks_are_computed_again() -> None:
    kernels(wg.grad(lambda x, w: (wg.relu(x @ w).T @ wg.maximum(x, 0.1)).sum(), argnums=(0, 1)), X, W)
    kernels(wg.grad(lambda x: (wg.where(x > 0, x, x * 0.1) @ wg.where(x > 0, x, -x).T).sum()), X)


# ----- index arrays -----------------------------------------------------------------------------------------------
def loss(x: Any, labels: Any) -> Any:
    return nn.functional.cross_entropy(x, labels)


def test_picked_and_spread() -> None:
    kernels(lambda x: x[np.arange(5), LABELS] * 2, X)
    kernels(wg.grad(lambda x: (x[np.arange(5), LABELS] ** 3).sum()), X)
    kernels(lambda x, y: wg.grad(loss)(x, y), X, np.array([0, 3, 1, 6, 2]))


@pytest.mark.parametrize("bad", [7, -8, 1 << 40])
def test_indices_out_of_bounds(bad: int) -> None:
    def f(x: Any, i: Any) -> Any:
        return wg.exp(x)[np.arange(5), i].sum() + x[i % 5].sum()

    compiled, labels = wg.compile(f), LABELS.copy()
    wanted = float(compiled(X, labels))
    labels[3] = bad
    with pytest.raises(wg.errors.IndexingError, match=f"getitem: index {bad} is out of bounds for axis 1 of length 7"):
        compiled(X, labels)
    assert float(compiled(X, LABELS)) == wanted


def test_a_step_with_an_index_out_of_bounds_changes_nothing() -> None:
    wg.random.manual_seed(0)
    model = nn.Sequential(nn.Embedding(6, 4), nn.Linear(4, 3), nn.BatchNorm1d(3))
    optimizer = optim.Adam(model.parameters())
    last = wg.tensor(np.zeros(5, np.int64))

    @wg.compile
    def step(i: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(i), y)
        loss.backward()
        optimizer.step()
        last.assign_(i)
        return loss

    good, y = np.array([0, 1, 2, 3, 5]), np.array([0, 1, 2, 0, 1])
    for _ in range(3):
        step(good, y)
    before = [np.array(v) for v in wg.tree_leaves((model.state_dict(), optimizer.state_dict()["state"]))]
    for bad in (np.array([0, 1, 2, 3, 6]), np.array([0, -7, 2, 3, 5])):
        with pytest.raises(IndexError):
            step(bad, y)
        after = wg.tree_leaves((model.state_dict(), optimizer.state_dict()["state"]))
        for a, b in zip(after, before, strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(last.numpy(), good)


# ----- big reductions, scans ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("n", [32_767, 32_768, 32_769, 40_003, 131_071, 100_000])
def test_reductions_in_pieces(n: int) -> None:
    x = np.random.default_rng(0).normal(size=n)
    kernels(lambda x: (x.sum(), (x * x).sum() * 2, x.max(), x.min(), (x > 3).any(), wg.isfinite(x).all()), x)
    m = np.resize(x, (n // 7, 7)).astype(np.float32)
    kernels(lambda m: (m.sum(), wg.exp(m - m.max()).sum(), m.argmax()), m)


def scanned(body: Any, *arguments: Any, **more: Any) -> list[str]:
    def f(c: Any, xs: Any, *rest: Any) -> Any:
        return wg.scan(lambda c, x: body(c, x, *rest), c, xs, **more)

    found = kernels(f, *arguments)
    kernels(wg.grad(lambda *a: sum((y * y).sum() for y in wg.tree_leaves(f(*a)))), *arguments, least=1e-2)
    return found


@pytest.mark.parametrize("length", [1, 2, 9])
@pytest.mark.parametrize("reverse", [False, True])
def test_scans(length: int, reverse: bool) -> None:
    c, xs, w = RNG.normal(size=7), RNG.normal(size=(length, 7)), RNG.normal(size=(7, 7)) * 0.3
    first = scanned(lambda c, x, w: (wg.tanh(c @ w + x), (c * 2, c.sum())), c, xs, w, reverse=reverse)
    assert first[0].startswith("scan")
    scanned(lambda c, x: (c, x * 2 + c), c, xs, reverse=reverse)  # a carry that never changes
    scanned(lambda c, x: (x, c), c, xs, reverse=reverse)  # handed on by one place
    scanned(lambda c, x: (c[::-1] + x, None), c, xs, reverse=reverse)
    scanned(lambda c, x: (wg.softmax(c) * x.sum(), wg.ones(3)), c, xs, reverse=reverse)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("m", "n"), [(4, 64), (5, 67), (33, 129), (70, 300)])
def test_factors_that_stay_are_copied_once(m: int, n: int, dtype: Any) -> None:
    c, w = RNG.normal(size=(m, n)).astype(dtype), (RNG.normal(size=(n, n)) / n).astype(dtype)
    xs = RNG.normal(size=(5, m, n)).astype(dtype)

    def f(c: Any, w: Any, xs: Any) -> Any:
        return wg.scan(lambda c, x: (wg.tanh(c @ w + x), c @ w.T - x @ w), c, xs)

    def text(length: int) -> str:
        arguments = [c, w, xs[:length]]
        return compare(tape_of(f, arguments), arguments).writing.text

    packed = text(5).count("_pack(")
    assert packed >= 4  # written and called, for w and for its transpose
    assert text(5).count("call void @product") > text(5).count("_pack(")
    assert text(3).count("_pack(") == 0  # few rounds
    kernels(wg.grad(lambda *a: sum((y * y).sum() for y in f(*a)), argnums=(0, 1, 2)), c, w, xs, least=1e-1)


def test_factors_that_change_are_not() -> None:
    def f(c: Any, xs: Any) -> Any:
        return wg.scan(lambda c, x: (c @ x * 0.1, c @ c), c, xs)

    c, xs = RNG.normal(size=(70, 70)), RNG.normal(size=(6, 70, 70))
    assert "_pack" not in compare(tape_of(f, [c, xs]), [c, xs]).writing.text


@pytest.mark.parametrize("rows", [1, 2])
def test_places_of_nothing(rows: int) -> None:
    x = RNG.normal(size=(rows, 5))
    kernels(lambda x: wg.vjp(lambda q: q[1:], x)[1](x[1:] * 2)[0], x)
    kernels(lambda x: wg.vjp(lambda q: (q[1:] - q[:-1]) * -2.0, x)[1](x[1:])[0], x)
    kernels(lambda x: wg.concatenate([x[:0], x * 2]) + 1, x)


def test_other_orders_of_bytes() -> None:
    x = RNG.normal(size=(3, 4))
    for f in (lambda x: np.sum(x, 0), lambda x: x * 2 - x, lambda x: x @ x.T, lambda x: wg.softmax(x, 1), np.tanh):
        for dtype in (">f8", ">f4"):
            found = wg.compile(f)(x.astype(dtype))
            np.testing.assert_allclose(found, f(x.astype(dtype)), rtol=1e-5)


def test_carries_that_change_places() -> None:
    def f(a: Any, b: Any, xs: Any) -> Any:
        def body(c: Any, x: Any) -> Any:
            a, b, n = c
            return (b, a @ b * 0.3 + x, n + 1), (a.T, n, a.sum())

        return wg.scan(body, (a, b, np.int64(0)), xs)

    kernels(f, X[:, :5], X[:, 1:6], RNG.normal(size=(6, 5, 5)))


def test_results_that_nobody_reads() -> None:
    c, xs = RNG.normal(size=3), RNG.normal(size=(4, 3))
    kernels(lambda c, xs: wg.scan(lambda c, x: (c * x, (c + 1, x)), c, xs)[0], c, xs)
    kernels(lambda c, xs: wg.scan(lambda c, x: (c * x, (c + 1, x)), c, xs)[1][0], c, xs)


def test_scans_in_scans() -> None:
    def inner(c: Any, r: Any) -> Any:
        return wg.scan(lambda c, x: (0.5 * c + wg.sin(x), c * x), c, r)

    def f(c: Any, xs: Any) -> Any:
        return wg.scan(lambda c, r: (inner(c, r)[0] * 0.9, inner(c, r)[1].sum()), c, xs)

    kernels(f, np.float64(0.3), X)


# ----- written over ------------------------------------------------------------------------------------------------
def written(tape_function: Any, given: Any, aliases: dict[int, int], *arguments: Any) -> Program:
    """A program of results and new values; `aliases` as `Writing` takes them."""
    tape = tape_of(tape_function, list(arguments))
    return made(tape, len(tape.outputs) - len(aliases), given, aliases)


def test_an_old_value_is_read_before_it_is_written_over() -> None:
    f = lambda x, p, q: ((p @ x).sum(), p - x, q + p.T)  # noqa: E731
    square = RNG.normal(size=(5, 5))
    program = written(f, 1, {1: 1, 2: 2}, square, square + 1, square + 2)
    assert set(program.plan.direct) == {1, 2}
    order = [n.prim.name for g in program.writing.order for n in g.nodes]
    assert order.index("subtract") > order.index("matmul")
    assert order.index("subtract") > order.index("add")


def test_what_reads_the_old_value_elsewhere_is_not_written_over_it() -> None:
    p = wg.tensor(RNG.normal(size=(4, 4)))
    q = wg.tensor(RNG.normal(size=(4, 4)))
    plain = [p.numpy().copy(), q.numpy().copy()]

    @wg.compile
    def step(x: Any) -> Any:
        old = p * 1
        p.assign_(p.T + x)  # turned around
        q.assign_(q / q.sum(0) + old[::-1])  # reads all of it first
        return old.sum()

    x = RNG.normal(size=(4, 4))
    for _ in range(4):
        got = step(x)
        a, b = plain
        plain = [a.T + x, b / b.sum(0) + a[::-1]]
        np.testing.assert_allclose(float(got), a.sum(), rtol=1e-12)
        np.testing.assert_allclose(p.numpy(), plain[0], rtol=1e-12)
        np.testing.assert_allclose(q.numpy(), plain[1], rtol=1e-9)


def test_two_that_swap() -> None:
    a, b = wg.tensor([1.0, 2.0]), wg.tensor([3.0, 4.0])

    @wg.compile
    def swap(x: Any) -> Any:
        old = a * 1
        a.assign_(b * 1)
        b.assign_(old)
        return x + 1

    for k in range(1, 5):
        swap(np.float64(1.0))
        assert (a.tolist(), b.tolist()) == (([3.0, 4.0], [1.0, 2.0]) if k % 2 else ([1.0, 2.0], [3.0, 4.0]))


def test_who_holds_an_old_array_keeps_its_values() -> None:
    p = wg.tensor(np.zeros(5))
    add = wg.compile(lambda x: (p.add_(x), p.sum() * 1)[1])
    held = []
    for k in range(6):
        held.append((p.numpy(), np.full(5, float(k))))
        if k % 2:
            held.append((p.numpy()[1:3], np.full(2, float(k))))
        add(np.ones(5))
    for array, wanted in held:
        np.testing.assert_array_equal(array, wanted)


@pytest.mark.parametrize("zero", [True, False])
def test_a_closed_gate(zero: bool) -> None:
    """Nothing but gradients changes where one of them is not finite, also where they are gathered."""
    wg.random.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    last, hidden = wg.tensor(np.zeros(3, np.float32)), wg.tensor(np.zeros(3, np.float32))

    @wg.compile
    def step(x: Any) -> Any:
        if zero:
            optimizer.zero_grad()
        loss = (model(x) ** 2).sum()
        loss.backward()
        optimizer.step()
        last.assign_(x[0])  # written, never read
        hidden.assign_(wg.scan(lambda c, r: (0.9 * c + wg.tanh(r), c.sum()), hidden, x)[0])
        return loss

    def state() -> list[np.ndarray]:
        return [np.array(v) for v in wg.tree_leaves((model.state_dict(), optimizer.state_dict(), last, hidden))]

    x = RNG.normal(size=(6, 3)).astype(np.float32)
    for _ in range(4):
        step(x)
    before = state()
    for _ in range(2):
        with pytest.raises(wg.errors.NonFiniteError):
            step(np.full_like(x, np.nan))
        for a, b in zip(state(), before, strict=True):
            np.testing.assert_array_equal(a, b)
    if zero:
        step(x)
        assert any(not np.array_equal(a, b) for a, b in zip(state(), before, strict=True))


def test_long_chains_are_cut() -> None:
    """Neither Python's stack nor the translator sees all of a chain of thousands of lines at once."""

    def f(x: Any, w: Any) -> Any:
        for k in range(400):
            x = wg.sin(x * 1.01 + w * (k * 0.001)) - x * 0.1
        return x.sum(), (x + w).max()

    found = kernels(f, X[0], X[1])
    assert 2000 / 256 < len(found) < 60

    def doubled(x: Any) -> Any:
        for _ in range(60):  # what a line costs is not counted over and over
            x = (x + 0.5 * x) * 0.6
        return x / x.sum(-1, keepdims=True)

    kernels(doubled, X)
