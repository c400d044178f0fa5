"""SPEC 3 and 13: the zoo of activations with both derivatives, corners, and the variance Xavier's rule is about."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import elementwise_grad as egrad
from wengert import nn, optim
from wengert.nn import functional

ZOO = {
    "identity": nn.Identity(), "square": nn.Square(), "sigmoid": functional.sigmoid, "tanh": np.tanh,
    "step": functional.step, "softplus": functional.softplus, "relu": functional.relu,
    "softsign": functional.softsign, "elu": functional.elu, "logsigmoid": functional.log_sigmoid,
    "swish": nn.Swish(), "sinc": functional.sinc, "mish": functional.mish, "gelu": functional.gelu,
    "leaky_relu_0.01": lambda x: functional.leaky_relu(x, 0.01),
    "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),
}  # fmt: skip
# At 0 these second derivatives jump; PyTorch's and the example's sides differ.
JUMPS = ("elu''", "softsign''")


def test_the_zoo_is_whole(golden: Any) -> None:
    assert {name.rstrip("'") for name in golden("G32").expected} == ZOO.keys()


@pytest.mark.parametrize("name", ZOO)
def test_value_and_two_derivatives(golden: Any, name: str) -> None:
    g = golden("G32")
    x, f = g.input("x"), ZOO[name]
    for key in (name, name + "'", name + "''"):
        keep = x != 0 if key in JUMPS else slice(None)
        np.testing.assert_allclose(
            np.asarray(f(x))[keep], np.array(g.expected[key])[keep], rtol=1e-11, atol=1e-13, err_msg=key
        )
        f = egrad(f)


@pytest.mark.parametrize(("name", "start"), [("gelu", -0.7), ("swish", -1.2), ("mish", -1.1)])
def test_the_bump_is_no_elus(golden: Any, name: str, start: float) -> None:
    g = golden("G33")
    found = optim.newton_root(egrad(ZOO[name]), start)
    g.check(**{f"{name}_argmin": found.x, f"{name}_min": ZOO[name](found.x)})
    slopes = egrad(functional.elu)(np.linspace(-3, 3, 601))
    g.check(elu_min_derivative_on_grid=slopes.min())


def test_softmax_is_the_gradient_of_logsumexp(golden: Any) -> None:
    g = golden("G23")
    x = g.input("x")
    g.check(hessian_lse=wg.hessian(wg.logsumexp)(x), softmax=wg.softmax(x))
    g.check(softmax_jacobian=wg.jacobian(wg.softmax)(x))
    assert float(wg.softmax(golden("G24").input("x")).sum()) == pytest.approx(1, abs=1e-15)


def test_derivatives_at_the_corner(golden: Any) -> None:
    """The lectures' two rules for ReLU at 0 are two functions here: clamp takes 1, ReLU takes 0."""
    g = golden("G63")
    g.check(**{"torch_leaky_relu_0.01": egrad(ZOO["leaky_relu_0.01"])(np.array(0.0))})
    g.check(seed002_relu=egrad(lambda x: wg.clamp(x, min=0))(np.array(0.0)), seed004_relu=egrad(wg.relu)(np.array(0.0)))
    g.check(seed002_elu=egrad(wg.elu)(np.array(0.0)), seed004_elu=egrad(wg.elu)(np.array(0.0)))


def test_xaviers_rule_keeps_the_variance_of_centred_inputs_only(golden: Any) -> None:
    """var(w x) = d var(w) (v + m²): 1 for inputs of mean 0, 2 where the mean is 1, though the slide claims 1."""
    g = golden("G43")
    d = int(g.input("d"))
    wg.manual_seed(0)
    weight = nn.init.lecun_normal_(nn.Parameter(np.zeros((40_000, d)))).detach().numpy()
    np.testing.assert_allclose(weight.var(), g.input("var_w"), rtol=0.01)
    x = np.random.default_rng(0).normal(size=d)
    centred = (x - x.mean()) / x.std()
    for shift, expected in ((0.0, "zero_mean_x"), (1.0, "mean1_var1_x")):
        np.testing.assert_allclose((weight @ (centred + shift)).var(), g.expected[expected], rtol=0.03)
    assert g.expected["mean1_var1_x_claimed"] != g.expected["mean1_var1_x"]


def test_best_line_through_xor_is_one_half(golden: Any) -> None:
    g = golden("G56")
    x = np.hstack([g.input("x"), np.ones((4, 1))])
    line = np.linalg.solve(wg.hessian(lambda w: 0.5 * ((x @ w) ** 2).sum())(np.zeros(3)), x.T @ np.array([0, 1, 1, 0]))
    np.testing.assert_allclose(x @ line, g.expected["best_linear"], rtol=1e-12)


def test_norms_of_the_penalty(golden: Any) -> None:
    g = golden("G52")
    weights = g.input("W1"), g.input("W2")
    g.check(
        spectral_norms=[wg.linalg.norm(w, 2) for w in weights], frobenius_norms=[wg.linalg.norm(w) for w in weights]
    )


def test_fibonacci_by_calls_by_memory_and_by_table(golden: Any) -> None:
    """A table is a Wengert list: as many additions as the list has lines."""
    g = golden("G53")

    def naive(n: int) -> tuple[int, int]:
        if n < 2:
            return n, 1
        (a, calls), (b, more) = naive(n - 1), naive(n - 2)
        return a + b, calls + more + 1

    def remembered(n: int, known: dict[int, int], calls: list[int]) -> int:
        calls[0] += 1
        if n not in known:
            known[n] = n if n < 2 else remembered(n - 1, known, calls) + remembered(n - 2, known, calls)
        return known[n]

    def table(first: Any, second: Any, n: int) -> Any:
        for _ in range(n - 1):
            first, second = second, first + second
        return second

    for k, n in enumerate(g.entry["inputs"]["N"]):
        assert naive(n) == (g.expected["F"][k], g.expected["naive_calls"][k])
        known: dict[int, int] = {}
        calls = [0]
        assert remembered(n, known, calls) == g.expected["F"][k]
        assert (len(known), calls[0]) == (g.expected["memo_subproblems"][k], g.expected["memo_calls"][k])
        assert len(wg.record(table, 0, 1, n).tape) == g.expected["tabulation_additions"][k]
        assert int(table(wg.tensor(0), wg.tensor(1), n)) == g.expected["F"][k]
    assert int(table(wg.tensor(0), wg.tensor(1), 90)) == g.expected["F90"]


def test_no_worked_example_is_left_out() -> None:
    folder = Path(__file__).parent
    tested = set(re.findall(r'"(G\d+)"', "".join(p.read_text() for p in folder.glob("test_*.py"))))
    examples = [g["id"] for g in json.loads((folder / "goldens.json").read_text())]
    assert examples == [f"G{k:02}" for k in range(1, 69)]
    assert set(examples) - tested == set()
