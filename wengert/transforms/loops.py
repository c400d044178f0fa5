"""The lines of control flow: `switch` (and cond), `scan`, `while`; their rules are lines of the same kind.

A rule transforms the sub-list (`pushforward`, `pullback`, `batched`) and binds it again, so all orders, nested
batches and recordings follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.base.dtypes import is_differentiable
from wengert.base.errors import MissingRuleError
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import bind, record_flat
from wengert.core.tape import Tape
from wengert.ops.arithmetic import add, multiply
from wengert.ops.comparison import less
from wengert.ops.rounding import where
from wengert.ops.structure import AS_TYPE, RESHAPE, Dims, Samples, moveaxis, stacked, sum_axes, to_front
from wengert.transforms import batch
from wengert.transforms.sublists import (
    aval,
    batched,
    close,
    fill,
    pullback,
    pushforward,
    results_at,
    run,
)


# ----- branches -----------------------------------------------------------------------------------------
class Switch(Primitive):
    """One of several lists, by the value of the first operand (a boolean or an integer, clamped)."""

    name = "switch"
    multi = True

    def impl(self, index: Any, *xs: Any, **branches: Tape) -> tuple[Any, ...]:
        tapes = list(branches.values())
        return tuple(run(tapes[min(max(int(index), 0), len(tapes) - 1)], xs))

    def aval(self, _index: Any, *xs: Any, **branches: Tape) -> tuple[Aval, ...]:
        return tuple(results_at(next(iter(branches.values())), xs))

    def vjp(self, g: Any, _y: Any, index: Any, *xs: Any, **branches: Tape) -> tuple[Any, ...]:
        which = [is_differentiable(x) for x in xs]
        back = {k: pullback(_at(t, xs), which) for k, t in branches.items()}
        given = iter(bind(self, (index, *xs, *(c for c in g if is_differentiable(c))), back) if any(which) else ())
        return (None, *(next(given) if w else None for w in which))

    def jvp(self, ts: Sequence[Any], y: Any, index: Any, *xs: Any, **branches: Tape) -> tuple[Any, ...]:
        which = [t is not None for t in ts[1:]]
        push = {k: pushforward(_at(t, xs), which) for k, t in branches.items()}
        out = bind(self, (index, *xs, *(t for t in ts[1:] if t is not None)), push)
        return _tangents_only(out[len(y) :], y)

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, **branches: Tape) -> tuple[Any, list[int | None]]:
        index, *rest = xs
        moved = [x if d is None else to_front(x, d) for x, d in zip(rest, dims[1:], strict=True)]
        examples = [d is not None for d in dims[1:]]
        if dims[0] is None:
            found = [batched(t, size, examples)[1] for t in branches.values()]
            keep = [any(column) for column in zip(*found, strict=True)]
            tapes = {k: batched(t, size, examples, keep)[0] for k, t in branches.items()}
            return list(bind(self, (index, *moved), tapes)), [0 if k else None for k in keep]
        index = to_front(index, dims[0])
        dims_now = [0 if e else None for e in examples]
        results = []
        for tape in branches.values():
            with np.errstate(all="ignore"):  # every example runs through branches it does not take
                pairs = batch.walk(tape, size, list(zip(moved, dims_now, strict=True)))
            results.append([stacked(size, y, d) for y, d in pairs])
        chosen = results[0]
        for number, later in enumerate(results[1:], start=1):
            taken = index if index.dtype.kind == "b" else less(number - 1, index)
            chosen = [where(_along(taken, len(b.shape)), b, a) for a, b in zip(chosen, later, strict=True)]
        return chosen, [0] * len(chosen)

    def samples(self, rng: np.random.Generator) -> Samples:
        avals = [np.zeros(3), np.zeros(())]
        tapes = {
            "false": close(lambda a, b: [multiply(a, b), b], avals, "cond")[0],
            "true": close(lambda a, b: [add(a, a), multiply(b, b)], avals, "cond")[0],
        }
        yield [np.True_, rng.normal(size=3), rng.normal(size=())], tapes
        yield [np.int64(0), rng.normal(size=3), rng.normal(size=())], tapes


SWITCH = Switch()


def _at(tape: Tape, xs: Sequence[Any]) -> Tape:
    """`tape` recorded at the dtypes of `xs`."""
    given = [aval(x) for x in xs]
    if given == [aval(x) for x in tape.inputs]:
        return tape
    return record_flat(lambda *a: run(tape, a), given)


def _along(pred: Any, rank: int) -> Any:
    """One truth value an example, with axes of length 1 behind."""
    return bind(RESHAPE, (pred,), {"shape": (pred.shape[0],) + (1,) * (rank - 1)}) if rank > 1 else pred


def _tangents_only(ts: Sequence[Any], ys: Sequence[Any]) -> tuple[Any, ...]:
    """A tangent for every floating result, None for the others."""
    given = iter(ts)
    return tuple(next(given) if is_differentiable(y) else None for y in ys)


# ----- scan ---------------------------------------------------------------------------------------------
def saving(body: Tape, consts: int, carries: int) -> Tape:
    """The body that also gives, as its last results, the carry it was called with: what its pullback needs."""
    return Tape(body.inputs, body.nodes, (*body.outputs, *body.inputs[consts : consts + carries]))


class Scan(Primitive):
    """A loop over the first axis of the last operands; operands: `consts`, then `carries`, then the slices."""

    name = "scan"
    multi = True

    def impl(self, *xs: Any, body: Tape, consts: int, carries: int, length: int, reverse: bool) -> tuple[Any, ...]:
        fixed, carry, slices = _split(xs, consts, carries)
        rows: list[Any] = []
        for step in reversed(range(length)) if reverse else range(length):
            out = run(body, [*fixed, *carry, *(x[step] for x in slices)])
            carry, ys = out[:carries], out[carries:]
            if not rows:
                rows = [np.empty((length, *y.shape), y.dtype) for y in ys]
            for row, y in zip(rows, ys, strict=True):
                row[step] = y
        if not length:
            each = [Aval(tuple(x.shape[1:]), x.dtype) for x in slices]
            found = results_at(body, [*fixed, *carry, *each])[carries:]
            rows = [np.empty((0, *a.shape), a.dtype) for a in found]
        return (*(np.asarray(c) for c in carry), *rows)

    def aval(self, *xs: Any, body: Tape, consts: int, carries: int, length: int, reverse: bool) -> tuple[Aval, ...]:
        fixed, carry, slices = _split(xs, consts, carries)
        each = [Aval(tuple(x.shape[1:]), x.dtype) for x in slices]
        found = results_at(body, [*fixed, *carry, *each])
        return (*found[:carries], *(Aval((length, *a.shape), a.dtype) for a in found[carries:]))

    def vjp(
        self, g: Any, y: Any, *xs: Any, body: Tape, consts: int, carries: int, length: int, reverse: bool
    ) -> tuple[Any, ...]:
        fixed, carry, slices = _split(xs, consts, carries)
        body = _at(body, [*fixed, *carry, *(Aval(tuple(x.shape[1:]), x.dtype) for x in slices)])
        if tuple(body.outputs[-carries:]) == body.inputs[consts : consts + carries] and carries:
            saved = y[-carries:]
        else:
            saved = bind(self, xs, {"body": saving(body, consts, carries), "consts": consts, "carries": carries,
                                    "length": length, "reverse": reverse})[len(y) :]  # fmt: skip
        return _pulled_scan(g, [fixed, carry, slices], saved, body, length, reverse)

    def jvp(
        self, ts: Sequence[Any], y: Any, *xs: Any, body: Tape, consts: int, carries: int, length: int, reverse: bool
    ) -> tuple[Any, ...]:
        fixed, carry, slices = _split(xs, consts, carries)
        body = _at(body, [*fixed, *carry, *(Aval(tuple(x.shape[1:]), x.dtype) for x in slices)])
        t_fixed, t_carry, t_slices = _split(ts, consts, carries)
        moving = [*(t is not None for t in t_fixed), *map(is_differentiable, carry), *(t is not None for t in t_slices)]
        pushed = pushforward(body, moving)
        m_fixed, m_carry, m_slices = _split(moving, consts, carries)
        tangents = [fill(*three) for three in zip((t_fixed, t_carry, t_slices), (fixed, carry, slices),
                                                  (m_fixed, m_carry, m_slices), strict=True)]  # fmt: skip
        tape = _interleaved(pushed, [len(fixed), len(carry), len(slices)], [len(t) for t in tangents])
        operands = [*fixed, *tangents[0], *carry, *tangents[1], *slices, *tangents[2]]
        count = len(y)
        results = list(tape.outputs)
        both = carries + len(tangents[1])
        # The list gives (carry, ys, carry tangents, ys tangents); a scan wants carries in front.
        ordered = [*results[:carries], *results[count : count + len(tangents[1])], *results[carries:count],
                   *results[count + len(tangents[1]) :]]  # fmt: skip
        out = bind(self, operands, {"body": Tape(tape.inputs, tape.nodes, ordered), "length": length,
                   "consts": consts + len(tangents[0]), "carries": both, "reverse": reverse})  # fmt: skip
        return _tangents_only([*out[carries:both], *out[both + count - carries :]], y)

    def batch(
        self, size: int, xs: Sequence[Any], dims: Dims, *, body: Tape, consts: int, carries: int, length: int,
        reverse: bool,
    ) -> tuple[Any, list[int | None]]:  # fmt: skip
        front = consts + carries
        moved = [
            x if d is None else to_front(x, d) if i < front else moveaxis(x, d, 1)
            for i, (x, d) in enumerate(zip(xs, dims, strict=True))
        ]
        examples = [d is not None for d in dims]
        keep = examples[consts:front]
        while True:  # a carry has examples as soon as one step gives it examples
            now = [*examples[:consts], *keep, *examples[front:]]
            tape, found = batched(body, size, now, [*keep, *[False] * (len(body.outputs) - carries)])
            if found[:carries] == keep:
                break
            keep = found[:carries]
        for i, has in enumerate(keep, start=consts):
            if has and dims[i] is None:
                moved[i] = stacked(size, moved[i], None)
        attrs = {"body": tape, "consts": consts, "carries": carries, "length": length, "reverse": reverse}
        ys = bind(self, moved, attrs)
        return list(ys), [0 if f else None for f in keep] + [1 if f else None for f in found[carries:]]

    def samples(self, rng: np.random.Generator) -> Samples:
        avals = [np.zeros(2), np.zeros(()), np.zeros(2)]
        body = close(lambda w, c, x: [add(multiply(c, 0.5), sum_axes(multiply(w, x), (0,))), multiply(x, c)],
                     avals, "scan")[0]  # fmt: skip
        attrs = {"body": body, "consts": 1, "carries": 1, "reverse": False}
        yield [rng.normal(size=2), rng.normal(size=()), rng.normal(size=(3, 2))], {**attrs, "length": 3}
        yield [rng.normal(size=2), rng.normal(size=()), rng.normal(size=(0, 2))], {**attrs, "length": 0}
        saved = {**attrs, "body": saving(body, 1, 1), "length": 2, "reverse": True}
        yield [rng.normal(size=2), rng.normal(size=()), rng.normal(size=(2, 2))], saved


SCAN = Scan()


def _split(xs: Sequence[Any], first: int, second: int) -> tuple[list[Any], list[Any], list[Any]]:
    return list(xs[:first]), list(xs[first : first + second]), list(xs[first + second :])


def _interleaved(tape: Tape, counts: Sequence[int], tangents: Sequence[int]) -> Tape:
    """The inputs ``(a, b, c, ta, tb, tc)`` in the order ``(a, ta, b, tb, c, tc)``."""
    groups, start = [], 0
    for n in (*counts, *tangents):
        groups.append(tape.inputs[start : start + n])
        start += n
    half = len(counts)
    return Tape([x for i in range(half) for x in (*groups[i], *groups[half + i])], tape.nodes, tape.outputs)


def _pulled_scan(
    g: Sequence[Any], groups: Sequence[list[Any]], saved: Sequence[Any], body: Tape, length: int, reverse: bool
) -> tuple[Any, ...]:
    """The cotangents of a scan, by a scan from the other end that carries those of carry and constants."""
    fixed, carry, slices = groups
    consts, carries = len(fixed), len(carry)
    wanted = [*map(is_differentiable, fixed), *map(is_differentiable, carry), *map(is_differentiable, slices)]
    back = pullback(body, wanted)
    of_fixed, of_carry, of_slices = (sum(map(is_differentiable, group)) for group in groups)
    g_carry = [c for c in g[:carries] if is_differentiable(c)]
    g_ys = [c for c in g[carries:] if is_differentiable(c)]
    n_ys = len(g_ys)

    def step(*args: Any) -> list[Any]:
        constants, rest = list(args[:consts]), args[consts:]
        gc, sums, rest = list(rest[:of_carry]), rest[of_carry : of_carry + of_fixed], rest[of_carry + of_fixed :]
        x, c, gy = list(rest[: len(slices)]), rest[len(slices) : len(slices) + carries], rest[len(slices) + carries :]
        out = run(back, [*constants, *c, *x, *gc, *gy])
        added = [add(s, d) for s, d in zip(sums, out[:of_fixed], strict=True)]
        return [*out[of_fixed : of_fixed + of_carry], *added, *out[of_fixed + of_carry :]]

    zeros = [np.zeros(x.shape, x.dtype) for x in fixed if is_differentiable(x)]
    operands = [*fixed, *g_carry, *zeros, *slices, *saved, *g_ys]
    split = consts + of_carry + of_fixed
    avals = [aval(x) if i < split else Aval(tuple(x.shape[1:]), x.dtype) for i, x in enumerate(operands)]
    tape = record_flat(step, avals, "scan")
    carried = of_carry + of_fixed
    if n_ys or of_slices or of_fixed or of_carry:
        tape = saving(tape, consts, carried)
    out = bind(SCAN, operands, {"body": tape, "consts": consts, "carries": carried, "length": length,
                                "reverse": not reverse})  # fmt: skip
    given = iter([*out[of_carry:carried], *out[:of_carry], *out[carried : carried + of_slices]])
    return tuple(next(given) if w else None for w in wanted)


# ----- while --------------------------------------------------------------------------------------------
class While(Primitive):
    """A loop as long as `test` holds; operands: constants of the test, of the body, then the carry."""

    name = "while"
    multi = True

    def impl(self, *xs: Any, test: Tape, body: Tape, test_consts: int, body_consts: int) -> tuple[Any, ...]:
        first, second, carry = _split(xs, test_consts, body_consts)
        while run(test, [*first, *carry])[0]:
            carry = run(body, [*second, *carry])
        return tuple(np.asarray(c) for c in carry)

    def aval(self, *xs: Any, test: Tape, body: Tape, test_consts: int, body_consts: int) -> tuple[Aval, ...]:
        _, second, carry = _split(xs, test_consts, body_consts)
        return tuple(results_at(body, [*second, *carry]))

    def vjp(self, _g: Any, _y: Any, *_xs: Any, test: Tape, body: Tape, test_consts: int, body_consts: int) -> Any:
        raise MissingRuleError(
            "while_loop: reverse mode needs the number of steps, which is not known when the list is written",
            hint="use wg.fori_loop with known bounds or wg.scan; or forward mode: wg.jvp, wg.jacfwd",
        )

    def jvp(
        self, ts: Sequence[Any], y: Any, *xs: Any, test: Tape, body: Tape, test_consts: int, body_consts: int
    ) -> tuple[Any, ...]:
        first, second, carry = _split(xs, test_consts, body_consts)
        body = _at(body, [*second, *carry])
        _, t_second, t_carry = _split(ts, test_consts, body_consts)
        moving = [*(t is not None for t in t_second), *map(is_differentiable, carry)]
        pushed = pushforward(body, moving)
        m_second, m_carry = moving[:body_consts], moving[body_consts:]
        moved, carried = fill(t_second, second, m_second), fill(t_carry, carry, m_carry)
        tape = _interleaved(pushed, [len(second), len(carry)], [len(moved), len(carried)])
        wider = Tape((*test.inputs, *_inputs_like(carried)), test.nodes, test.outputs)
        operands = [*first, *second, *moved, *carry, *carried]
        out = bind(self, operands, {"test": wider, "body": tape, "test_consts": test_consts,
                                    "body_consts": body_consts + len(moved)})  # fmt: skip
        return _tangents_only(out[len(carry) :], y)

    def batch(
        self, size: int, xs: Sequence[Any], dims: Dims, *, test: Tape, body: Tape, test_consts: int, body_consts: int
    ) -> tuple[Any, list[int | None]]:
        moved = [x if d is None else to_front(x, d) for x, d in zip(xs, dims, strict=True)]
        first, second, keep = _split([d is not None for d in dims], test_consts, body_consts)
        while True:
            some = batched(test, size, [*first, *keep])[1][0]
            wanted = [True] * len(keep) if some else keep
            found = batched(body, size, [*second, *wanted], wanted)[1]
            if found == keep:
                break
            keep = found
        start = test_consts + body_consts
        for i, has in enumerate(keep, start=start):
            if has and dims[i] is None:
                moved[i] = stacked(size, moved[i], None)
        tape = batched(body, size, [*second, *keep], keep)[0]
        check = batched(test, size, [*first, *keep])[0]
        attrs = {"test": check, "body": tape, "test_consts": test_consts, "body_consts": body_consts}
        if some:
            attrs = _until_all_done(check, tape, test_consts, body_consts)
            moved = [*moved[:test_consts], *moved[:start], *moved[start:]]
        return list(bind(self, moved, attrs)), [0 if k else None for k in keep]

    def samples(self, rng: np.random.Generator) -> Samples:
        avals = [np.zeros(()), np.zeros(()), np.zeros(3)]
        test = close(lambda limit, n, c: [less(n, limit)], avals, "while_loop")[0]
        body = close(lambda w, n, c: [add(n, 1.0), multiply(c, w)], avals, "while_loop")[0]
        attrs = {"test": test, "body": body, "test_consts": 1, "body_consts": 1}
        yield [np.float64(2.5), rng.normal(size=()), np.float64(0.0), rng.normal(size=3)], attrs


WHILE = While()


def _inputs_like(xs: Sequence[Any]) -> list[Any]:
    return list(record_flat(lambda *a: a, [aval(x) for x in xs]).inputs)


def _until_all_done(test: Tape, body: Tape, test_consts: int, body_consts: int) -> dict[str, Any]:
    """Loop while any example goes on; examples that are done keep their values. The body asks the test again."""

    def any_left(*args: Any) -> list[Any]:
        going = bind(AS_TYPE, (run(test, args)[0],), {"dtype": np.dtype(np.int64)})
        return [less(0, sum_axes(going, (0,)))]

    def step(*args: Any) -> list[Any]:
        first, second, carry = _split(args, test_consts, body_consts)
        going = run(test, [*first, *carry])[0]
        new = run(body, [*second, *carry])
        return [where(_along(going, len(b.shape)), b, a) for a, b in zip(carry, new, strict=True)]

    test_avals = [aval(x) for x in test.inputs]
    body_avals = [*test_avals[:test_consts], *(aval(x) for x in body.inputs)]
    return {
        "test": record_flat(any_left, test_avals, "while_loop"),
        "body": record_flat(step, body_avals, "while_loop"),
        "test_consts": test_consts,
        "body_consts": test_consts + body_consts,
    }


__all__: list[str] = []
