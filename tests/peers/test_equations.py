"""Linear equations against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from tests.peers.helpers import compare, compare_hessians, draw

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize(
    "a,b", [((3, 3), (3, 2)), ((3, 3), (3,)), ((2, 3, 3), (2, 3, 4)), ((2, 3, 3), (3, 1)), ((1, 1), (1,))]
)
def test_solve(kind, a, b):
    a, b = draw(kind, *a, seed=3) + 3 * np.eye(a[-1]), draw(kind, *b, seed=4)
    compare(wg.linalg.solve, torch.linalg.solve, a, b, atol=1e-10)
    compare(wg.linalg.inv, torch.linalg.inv, a, atol=1e-10)


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("unit", [True, False])
def test_solve_triangular(kind, lower, unit):
    a, b = draw(kind, 3, 3, seed=3) + 3 * np.eye(3), draw(kind, 3, 2, seed=4)
    compare(
        lambda a, b: wg.linalg.solve_triangular(a, b, lower=lower, unit_diagonal=unit),
        lambda a, b: torch.linalg.solve_triangular(a, b, upper=not lower, unitriangular=unit),
        a,
        b,
        atol=1e-10,
    )


def test_second_order():
    a, b = draw("real", 3, 3, seed=3) + 3 * np.eye(3), draw("real", 3, seed=4)
    t = torch.tensor(b)
    compare_hessians(lambda a: wg.vdot(wg.linalg.solve(a, b), b), lambda s: torch.dot(torch.linalg.solve(s, t), t), a)
