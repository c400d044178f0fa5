"""What the comparisons with PyTorch share. Where PyTorch is missing this can be imported: the files skip themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import wengert as wg

try:
    import torch
except ImportError:
    torch = None


def draw(kind: str, *shape: int, seed: int = 1) -> Any:
    """Normal numbers, "real" or "complex"; for one seed and shape always the same."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape) + (1j * rng.normal(size=shape) if kind == "complex" else 0)


def array(t: Any) -> Any:
    return t.detach().resolve_conj().resolve_neg().numpy()


def total(terms: Any) -> Any:
    """The real part of the sum of all elements of all terms, ours or PyTorch's."""
    return sum(s.real if isinstance(s, torch.Tensor) else wg.real(s) for s in (x.sum() for x in terms))


def compare(ours: Callable, theirs: Callable, *xs: Any, order: int = 1, atol: float = 1e-12) -> None:
    """Values, and gradients of a random weighting; with order=2 also gradients of a random weighting of the gradients.

    The real part of a weighting is what is differentiated. Of complex arguments PyTorch's gradients are the conjugates
    of ours.
    """
    ts = [torch.tensor(x, requires_grad=True) for x in xs]
    y = theirs(*ts)
    np.testing.assert_allclose(ours(*xs), array(y), atol=atol)
    w = draw("complex" if y.is_complex() else "real", *y.shape)[()]
    wanted = torch.autograd.grad(total([y * torch.tensor(w)]), ts, create_graph=order == 2)
    for found, t in zip(wg.vjp(ours, *xs)[1](w), wanted, strict=True):
        np.testing.assert_allclose(found, array(t.conj()), atol=atol)
    if order == 2:
        vs = [draw("complex" if np.iscomplexobj(x) else "real", *np.shape(x), seed=2)[()] for x in xs]
        second = torch.autograd.grad(total(t.conj() * torch.tensor(v) for t, v in zip(wanted, vs, strict=True)), ts)
        weighted = wg.grad(
            lambda *a: total(g * v for g, v in zip(wg.vjp(ours, *a)[1](w), vs, strict=True)), tuple(range(len(xs)))
        )
        for found, t in zip(weighted(*xs), second, strict=True):
            np.testing.assert_allclose(found, array(t.conj()), atol=50 * atol)


def compare_hessians(ours: Callable, theirs: Callable, x: Any, atol: float = 1e-12) -> None:
    """All second derivatives of a scalar function."""
    wanted = torch.autograd.functional.hessian(theirs, torch.tensor(x))
    np.testing.assert_allclose(wg.hessian(ours)(x), array(wanted), atol=atol)
