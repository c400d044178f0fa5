"""Rearrangements against NumPy (values) and differences (derivatives), in both modes and batched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.base.errors import ArgumentError, AxisError, ShapeError, TracedValueError

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))
C = RNG.normal(size=(2, 3, 4))
V = RNG.normal(size=5)

# Called with the namespace (np or wg) and the arrays.
CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "ravel": (lambda m, x: m.ravel(x), (C,)),
    "ravel F": (lambda m, x: m.ravel(x, order="F"), (C,)),
    "swapaxes": (lambda m, x: m.swapaxes(x, 0, -1), (C,)),
    "rollaxis": (lambda m, x: m.rollaxis(x, 2, 1), (C,)),
    "rollaxis end": (lambda m, x: m.rollaxis(x, 0, 3), (C,)),
    "matrix_transpose": (lambda m, x: m.matrix_transpose(x), (C,)),
    "expand_dims": (lambda m, x: m.expand_dims(x, (0, -2)), (A,)),
    "squeeze": (lambda m, x: m.squeeze(x), (A[None, :, None],)),
    "squeeze axis": (lambda m, x: m.squeeze(x, axis=-2), (A[None, :, None],)),
    "atleast_1d": (lambda m, x: m.atleast_1d(x), (np.array(2.0),)),
    "atleast_2d": (lambda m, x: m.atleast_2d(x), (V,)),
    "atleast_3d": (lambda m, x: m.atleast_3d(x), (A,)),
    "broadcast_arrays": (lambda m, x, y: m.broadcast_arrays(x, y), (A, V[:4])),
    "meshgrid": (lambda m, x, y: m.meshgrid(x, y), (V, V[:3])),
    "meshgrid ij": (lambda m, x, y: m.meshgrid(x, y, indexing="ij", sparse=True), (V, V[:3])),
    "hstack": (lambda m, x, y: m.hstack([x, y]), (A, B)),
    "hstack vectors": (lambda m, x, y: m.hstack([x, y]), (V, V[:2])),
    "vstack": (lambda m, x, y: m.vstack([x, y]), (A, A[0])),
    "dstack": (lambda m, x, y: m.dstack([x, y]), (A, B)),
    "column_stack": (lambda m, x, y: m.column_stack([x, y]), (A, A[:, 0])),
    "block": (lambda m, x, y: m.block([[x, y], [y, x]]), (A, B)),
    "append": (lambda m, x, y: m.append(x, y, axis=0), (A, B)),
    "append flat": (lambda m, x, y: m.append(x, y), (A, V)),
    "insert": (lambda m, x, y: m.insert(x, 1, y, axis=1), (A, A[:, 0])),
    "insert several": (lambda m, x, y: m.insert(x, [1, 3, 1], y), (V, V[:3])),
    "insert slice": (lambda m, x: m.insert(x, slice(0, 4, 2), 7), (V,)),
    "insert rows": (lambda m, x, y: m.insert(x, 1, y, axis=0), (A, A[0])),
    "delete": (lambda m, x: m.delete(x, [0, -1], axis=1), (A,)),
    "delete slice": (lambda m, x: m.delete(x, slice(None, None, 2)), (V,)),
    "delete one": (lambda m, x: m.delete(x, 1, 0), (A,)),
    "compress": (lambda m, x: m.compress([True, False, True], x, axis=0), (A,)),
    "extract": (lambda m, x: m.extract(A > 0, x), (B,)),
    "split": (lambda m, x: m.split(x, 2, axis=1), (A,)),
    "split at": (lambda m, x: m.split(x, [1, 3], axis=-1), (A,)),
    "array_split": (lambda m, x: m.array_split(x, 3), (V,)),
    "hsplit": (lambda m, x: m.hsplit(x, 2), (A,)),
    "vsplit": (lambda m, x: m.vsplit(x, 3), (A,)),
    "dsplit": (lambda m, x: m.dsplit(x, 2), (C,)),
    "unstack": (lambda m, x: m.unstack(x, axis=1), (A,)),
    "tile": (lambda m, x: m.tile(x, (2, 1, 3)), (A,)),
    "tile short": (lambda m, x: m.tile(x, 2), (C,)),
    "repeat": (lambda m, x: m.repeat(x, 3, axis=1), (A,)),
    "repeat each": (lambda m, x: m.repeat(x, [2, 0, 1], axis=0), (A,)),
    "repeat flat": (lambda m, x: m.repeat(x, 2), (A,)),
    "resize": (lambda m, x: m.resize(x, (4, 5)), (A,)),
    "flip": (lambda m, x: m.flip(x), (C,)),
    "flip axes": (lambda m, x: m.flip(x, (0, -1)), (C,)),
    "fliplr": (lambda m, x: m.fliplr(x), (A,)),
    "flipud": (lambda m, x: m.flipud(x), (A,)),
    "rot90": (lambda m, x: [m.rot90(x, k, axes=(2, 0)) for k in range(-1, 4)], (C,)),
    "roll": (lambda m, x: m.roll(x, 2, axis=1), (A,)),
    "roll flat": (lambda m, x: m.roll(x, -3), (A,)),
    "roll several": (lambda m, x: m.roll(x, (1, -2), axis=(0, 1)), (A,)),
    "pad zero": (lambda m, x: m.pad(x, ((1, 0), (0, 2))), (A,)),
    "pad constant": (lambda m, x: m.pad(x, 1, constant_values=((1, 2), (3, 4))), (A,)),
    "pad edge": (lambda m, x: m.pad(x, 2, mode="edge"), (A,)),
    "pad reflect": (lambda m, x: m.pad(x, (1, 6), mode="reflect"), (A,)),
    "pad symmetric": (lambda m, x: m.pad(x, 5, mode="symmetric"), (A,)),
    "pad wrap": (lambda m, x: m.pad(x, 5, mode="wrap"), (A,)),
    "triu": (lambda m, x: m.triu(x, 1), (C,)),
    "tril": (lambda m, x: m.tril(x, -1), (C,)),
    "diag of": (lambda m, x: [m.diag(x, k) for k in (0, 1, -2)], (V,)),
    "diag from": (lambda m, x: [m.diag(x, k) for k in (0, 2, -1, -5)], (A,)),
    "diagonal": (lambda m, x: m.diagonal(x, -1, 2, 0), (C,)),
    "diagflat": (lambda m, x: m.diagflat(x, -1), (A,)),
    "vander": (lambda m, x: m.vander(x, 3), (V,)),
    "vander up": (lambda m, x: m.vander(x, increasing=True), (V,)),
}


def same(found: Any, wanted: Any) -> None:
    """Equal but for the rounding of the last digit (powers are computed in another order)."""
    precision = np.finfo(wanted.dtype).eps if wanted.dtype.kind in "fc" else 0
    np.testing.assert_allclose(found, wanted, rtol=16 * precision, atol=0)


def parts(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple | list) else [result]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.int64])
def test_values_are_those_of_numpy(name: str, dtype: Any) -> None:
    f, arrays = CASES[name]
    xs = [(4 * x).astype(dtype) for x in arrays]
    for found, wanted in zip(parts(f(wg, *xs)), parts(f(np, *xs)), strict=True):
        same(found, wanted)
        assert found.dtype == wanted.dtype
    tensors = [wg.tensor(x) for x in xs]
    for found, wanted in zip(parts(f(np, *tensors)), parts(f(np, *xs)), strict=True):  # through NumPy's protocol
        assert isinstance(found, wg.Tensor)
        same(found.numpy(), wanted)


@pytest.mark.parametrize("name", CASES)
def test_derivatives_and_batching(name: str) -> None:
    f, arrays = CASES[name]

    def energy(*xs: Any) -> Any:
        return sum(np.sum(y**2 * (k + 1)) for k, y in enumerate(parts(f(wg, *xs))))

    wg.check_grads(energy, arrays)
    stacks = [np.stack([x, 2 * x, 3 * x]) for x in arrays]
    batched = wg.vmap(lambda *xs: tuple(parts(f(wg, *xs))))(*stacks)
    for k in range(3):
        for found, wanted in zip(batched, parts(f(np, *[s[k] for s in stacks])), strict=True):
            same(found[k], wanted)


def test_empty_axes() -> None:
    empty = np.zeros((0, 3))
    for f in (np.ravel, np.flip, np.transpose, lambda x: np.roll(x, 1, 0), lambda x: np.tile(x, 2), np.triu):
        np.testing.assert_array_equal(f(wg.tensor(empty)).numpy(), f(empty))
    assert wg.pad(empty, 1).shape == (2, 5)
    assert wg.diag(np.zeros(0)).shape == (0, 0)


def test_a_recorded_constant_pads() -> None:
    assert wg.grad(lambda c: wg.pad(A, 1, constant_values=c).sum())(2.0) == 5 * 6 - 12


@pytest.mark.parametrize(
    ("error", "words", "call"),
    [
        (ShapeError, "squeeze: axis 1 of [3, 4] has length 4; needs 1", lambda: wg.squeeze(A, 1)),
        (ShapeError, "does not divide into 3 equal parts", lambda: wg.split(A, 3, axis=1)),
        (ShapeError, "diag: got float64[2,3,4]|diag: got float64[2, 3, 4]", lambda: wg.diag(C)),
        (ShapeError, "repeat: got 2 repeats for axis 0 of length 3", lambda: wg.repeat(A, [1, 2], axis=0)),
        (ShapeError, "pad: got pad_width=(1, 2, 3) for 2 axes", lambda: wg.pad(A, (1, 2, 3))),
        (ShapeError, "block: the lists are nested to different depths", lambda: wg.block([[A], A])),
        (ShapeError, "axis 0 is empty; mode 'edge'", lambda: wg.pad(np.zeros(0), 1, mode="edge")),
        (ArgumentError, "got mode='median'", lambda: wg.pad(A, 1, mode="median")),
        (ArgumentError, "meshgrid: got indexing='yx'", lambda: wg.meshgrid(V, indexing="yx")),
        (AxisError, "swapaxes: axis 2 is out of range", lambda: wg.swapaxes(A, 0, 2)),
        (AxisError, "needs two different ones", lambda: wg.rot90(A, axes=(1, -1))),
        (TracedValueError, "repeats", lambda: wg.vmap(lambda n: wg.repeat(V, n))(np.arange(3))),
    ],
)
def test_errors_say_what_is_needed(error: type, words: str, call: Any) -> None:
    with pytest.raises(error) as caught:
        call()
    assert any(part in str(caught.value) for part in words.split("|"))
