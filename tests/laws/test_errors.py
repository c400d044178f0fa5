"""What the library says: every message is read whole, and every error is also the builtin one."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import wengert as wg
from wengert.base.errors import WengertError

GRAD = wg.grad
kept: list[Any] = []


def array_plus_tensor(x: Any) -> Any:
    total = np.zeros(2)
    total += x
    return np.sum(total)


def array_set_tensor(x: Any) -> Any:
    table = np.zeros(2)
    table[0] = x[0]
    return np.sum(table)


def setitem_shape(x: Any) -> Any:
    y = x * 1.0
    y[:2] = np.ones(3)
    return np.sum(y)


def setitem_window(x: Any) -> Any:
    y = x * 1.0
    turned = y.T
    turned[1] = 5.0
    return np.sum(y)


def read_stale(x: Any) -> Any:
    y = x * 1.0
    row = y[0]
    y[0, 0] = 5.0
    return np.sum(row)


def stale_window() -> Any:
    x = wg.tensor([1.0, 2.0])
    row = x[0]
    x[0] = 5.0
    return row


def use_leaked(transform: Any, argument: Any = 1.0) -> Any:
    transform(lambda x: kept.append(x) or x)(argument)
    return kept.pop() * 2


def write_constant(x: Any) -> Any:
    table = np.ones(3)
    y = x * table
    table[0] = 2.0
    return np.sum(y)


def backward_twice() -> None:
    x = wg.tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()
    y.backward()
    y.backward()


def backward_under_no_grad() -> None:
    x = wg.tensor(1.0, requires_grad=True)
    with wg.no_grad():
        y = x * x
    y.backward()


def result_without_grad() -> None:
    y = wg.tensor(1.0, requires_grad=True) * 2
    y.requires_grad = False


def assign_grad() -> None:
    x = wg.tensor([1.0, 2.0], requires_grad=True)
    x.grad = wg.ones(3)


def unused_input() -> None:
    x, y = wg.tensor(1.0, requires_grad=True), wg.tensor(1.0, requires_grad=True)
    wg.autograd.grad(x * 2, y)


def leaf_in_place() -> None:
    x = wg.tensor([1.0], requires_grad=True)
    x += 1


def leaf_item_in_place() -> None:
    x = wg.tensor([1.0], requires_grad=True)
    x[0] = 2.0


def in_place_shape() -> None:
    x = wg.tensor([1.0])
    x += wg.ones(3)


def in_place_dtype() -> None:
    x = wg.tensor([1, 2])
    x += 1.5


class Case(NamedTuple):
    """A call that is wrong, the builtin error it raises, and all it says but the user's line."""

    name: str
    call: Callable[[], Any]
    builtin: type[Exception]
    says: str


CASES = [
    Case(
        "add shapes",
        lambda: GRAD(lambda x: np.sum(x + np.ones(4)))(np.ones(3)),
        ValueError,
        "add: shapes [3], [4] do not broadcast (operand 1, axis -1: 4 against 3); needs equal lengths or "
        "1 on every axis, counted from the right\n"
        "  hint: insert an axis with x[:, None], or reshape one operand",
    ),
    Case(
        "add shapes of tensors",
        lambda: wg.tensor([1.0, 2.0]) + wg.tensor([1.0, 2.0, 3.0]),
        ValueError,
        "add: shapes [2], [3] do not broadcast (operand 1, axis -1: 3 against 2); needs equal lengths or "
        "1 on every axis, counted from the right\n"
        "  hint: insert an axis with x[:, None], or reshape one operand",
    ),
    Case(
        "add shapes in vmap",
        lambda: wg.vmap(lambda x: x + np.ones(4))(np.ones((2, 3))),
        ValueError,
        "add: shapes [3], [4] do not broadcast (operand 1, axis -1: 4 against 3); needs equal lengths or "
        "1 on every axis, counted from the right\n"
        "  hint: insert an axis with x[:, None], or reshape one operand",
    ),
    Case(
        "add none",
        lambda: wg.add(wg.tensor([1.0]), None),
        TypeError,
        "add: got float32[1], NoneType; operands are numbers, arrays or tensors",
    ),
    Case(
        "add an object",
        lambda: wg.add(wg.tensor([1.0]), object()),
        TypeError,
        "add: got float32[1], object; operands are numbers, arrays or tensors",
    ),
    Case(
        "matmul lengths",
        lambda: wg.matmul(wg.ones((2, 3)), wg.ones((2, 3))),
        ValueError,
        "matmul: got shapes [2, 3] and [2, 3]; needs the last axis of the first (3) equal to the second "
        "to last axis of the second (2)\n"
        "  hint: transpose an operand, for example x @ w.T",
    ),
    Case(
        "matmul of scalars",
        lambda: wg.tensor(1.0) @ wg.tensor(2.0),
        ValueError,
        "matmul: got float32[] and float32[]; both operands need at least one axis\n  hint: use * for scalars",
    ),
    Case(
        "matmul batch",
        lambda: wg.matmul(wg.ones((2, 3, 4)), wg.ones((3, 4, 5))),
        ValueError,
        "matmul (axes before the last two): shapes [2], [3] do not broadcast (operand 1, axis -1: 3 "
        "against 2); needs equal lengths or 1 on every axis, counted from the right\n"
        "  hint: insert an axis with x[:, None], or reshape one operand",
    ),
    Case(
        "matmul lengths in vmap",
        lambda: wg.vmap(lambda x: x @ np.ones((2, 2)))(np.ones((5, 3))),
        ValueError,
        "matmul: got shapes [3] and [2, 2]; needs the last axis of the first (3) equal to the second to "
        "last axis of the second (2)\n"
        "  hint: transpose an operand, for example x @ w.T",
    ),
    Case(
        "dot lengths",
        lambda: wg.dot(wg.ones(2), wg.ones(3)),
        ValueError,
        "matmul: got shapes [2] and [3]; needs the last axis of the first (2) equal to the only axis of "
        "the second (3)\n"
        "  hint: transpose an operand, for example x @ w.T",
    ),
    Case(
        "einsum letters",
        lambda: wg.einsum("ij,jk", wg.ones((2, 3))),
        ValueError,
        "einsum: 'ij,jk' names 2 operands, but 1 were given",
    ),
    Case(
        "einsum rank",
        lambda: wg.einsum("ijk,k->ij", wg.ones((2, 3)), wg.ones(3)),
        ValueError,
        "einsum: 'ijk' of 'ijk,k->ij' does not fit an operand of shape [2, 3]",
    ),
    Case(
        "einsum lengths",
        lambda: wg.einsum("ij,jk->ik", wg.ones((2, 3)), wg.ones((2, 3))),
        ValueError,
        "einsum: in 'ij,jk->ik', label 'j' has lengths 3 and 2 (shapes [2, 3], [2, 3])",
    ),
    Case(
        "einsum output",
        lambda: wg.einsum("ij->ik", wg.ones((2, 3))),
        ValueError,
        "einsum: 'ij->ik' is not valid; needs letters, and in the result each label at most once",
    ),
    Case(
        "einsum symbol",
        lambda: wg.einsum("i?,j->i", wg.ones((2, 3)), wg.ones(3)),
        ValueError,
        "einsum: 'i?,j->i' is not valid; needs letters, and in the result each label at most once",
    ),
    Case(
        "tensordot axes",
        lambda: wg.tensordot(wg.ones((2, 3)), wg.ones((2, 3)), 1),
        ValueError,
        "tensordot: got shapes [2, 3] and [2, 3] with axes [1] and [0]; needs equal lengths on paired axes",
    ),
    Case(
        "reshape size",
        lambda: wg.reshape(wg.ones((2, 3)), (4, 2)),
        ValueError,
        "reshape: cannot give [2, 3] (6 elements) the shape [4, 2] (8 elements)",
    ),
    Case(
        "reshape two open",
        lambda: wg.reshape(wg.ones((2, 3)), (-1, -1)),
        ValueError,
        "reshape: new shape (-1, -1) may hold one -1 and no other negative length",
    ),
    Case(
        "reshape by a fraction",
        lambda: wg.reshape(wg.ones(6), (2.0, 3)),
        ValueError,
        "reshape: shape (2.0, 3) is not made of integers",
    ),
    Case(
        "reshape order",
        lambda: wg.reshape(wg.ones(6), (2, 3), order="F"),
        ValueError,
        "reshape: got order='F'; only row-major order 'C' is recorded",
    ),
    Case(
        "transpose axes",
        lambda: wg.transpose(wg.ones((2, 3)), (0, 0)),
        ValueError,
        "transpose: axes (0, 0) are not a permutation of the 2 axes of [2, 3]",
    ),
    Case(
        "transpose range",
        lambda: wg.transpose(wg.ones((2, 3)), (0, 2)),
        IndexError,
        "transpose: axis 2 is out of range for 2 axes; needs -2 … 1",
    ),
    Case(
        "moveaxis",
        lambda: wg.moveaxis(wg.ones((2, 3)), (0, 1), (0,)),
        ValueError,
        "moveaxis: source (0, 1) and destination (0,) must be distinct and equally many",
    ),
    Case(
        "broadcast_to",
        lambda: wg.broadcast_to(wg.ones((2, 3)), (2, 4)),
        ValueError,
        "broadcast_to: shapes [2, 3], [2, 4] do not broadcast (operand 1, axis -1: 4 against 3); needs "
        "equal lengths or 1 on every axis, counted from the right\n"
        "  hint: insert an axis with x[:, None], or reshape one operand",
    ),
    Case(
        "broadcast_to shrinks",
        lambda: wg.broadcast_to(wg.ones((2, 3)), (3,)),
        ValueError,
        "broadcast_to: cannot repeat [2, 3] to the shape [3]",
    ),
    Case(
        "sum axis",
        lambda: wg.sum(wg.ones((2, 3)), axis=2),
        IndexError,
        "sum: axis 2 is out of range for 2 axes; needs -2 … 1",
    ),
    Case(
        "sum axis twice",
        lambda: wg.sum(wg.ones((2, 3)), axis=(0, 0)),
        IndexError,
        "sum: axis (0, 0) names an axis twice",
    ),
    Case(
        "sum axis text",
        lambda: wg.sum(wg.ones((2, 3)), axis="rows"),
        IndexError,
        "sum: axis 'rows' is not an integer",
    ),
    Case(
        "sum axis and dim",
        lambda: wg.sum(wg.ones((2, 3)), axis=0, dim=1),
        ValueError,
        "sum: got both axis and dim; they are the same",
    ),
    Case(
        "max of nothing",
        lambda: wg.max(wg.zeros((0, 3)), axis=0),
        ValueError,
        "max: got shape [0, 3], which has no element along axes (0,)\n"
        "  hint: state the value of an empty one: initial=…",
    ),
    Case(
        "concatenate lengths",
        lambda: wg.concatenate([wg.ones((2, 3)), wg.ones((3, 2))]),
        ValueError,
        "concatenate: got shapes [2, 3], [3, 2]; needs equal lengths on every axis but 0",
    ),
    Case(
        "concatenate nothing",
        lambda: wg.concatenate([]),
        ValueError,
        "concatenate: needs at least one array",
    ),
    Case(
        "concatenate scalars",
        lambda: wg.concatenate([wg.tensor(1.0), wg.tensor(2.0)]),
        ValueError,
        "concatenate: zero-dimensional arrays cannot be joined\n  hint: use wg.stack",
    ),
    Case(
        "stack shapes",
        lambda: wg.stack([wg.ones(2), wg.ones(3)]),
        ValueError,
        "stack: got shapes [2], [3]; needs equal shapes",
    ),
    Case(
        "split",
        lambda: wg.split(wg.ones(5), 2),
        ValueError,
        "split: axis 0 of length 5 does not divide into 2 equal parts\n  hint: wg.array_split allows unequal ones",
    ),
    Case(
        "squeeze",
        lambda: wg.squeeze(wg.ones((2, 3)), axis=0),
        ValueError,
        "squeeze: axis 0 of [2, 3] has length 2; needs 1",
    ),
    Case(
        "expand_dims",
        lambda: wg.expand_dims(wg.ones((2, 3)), axis=5),
        IndexError,
        "expand_dims: axis 5 is out of range for 3 axes; needs -3 … 2",
    ),
    Case(
        "where shapes",
        lambda: wg.where(np.array([True, False]), wg.ones(3), wg.zeros(3)),
        ValueError,
        "where: shapes [2], [3], [3] do not broadcast (operand 1, axis -1: 3 against 2); needs equal "
        "lengths or 1 on every axis, counted from the right\n"
        "  hint: insert an axis with x[:, None], or reshape one operand",
    ),
    Case(
        "astype",
        lambda: wg.astype(wg.ones(2), "no dtype"),
        TypeError,
        "astype: 'no dtype' is not a dtype",
    ),
    Case(
        "index range",
        lambda: wg.ones((2, 3))[2],
        IndexError,
        "getitem: got index (2,) for shape [2, 3]: index 2 is out of bounds for axis 0 with size 2",
    ),
    Case(
        "index count",
        lambda: wg.ones((2, 3))[0, 0, 0],
        IndexError,
        "getitem: got 3 indices for the 2 axes of [2, 3]",
    ),
    Case(
        "index fraction",
        lambda: wg.ones((2, 3))[1.5],
        IndexError,
        "getitem: got 1.5 in an index; needs integers, slices, None, Ellipsis, integer or boolean arrays",
    ),
    Case(
        "index text",
        lambda: wg.ones((2, 3))["a"],
        IndexError,
        "getitem: got str in an index; needs integers, slices, None, Ellipsis, integer or boolean arrays",
    ),
    Case(
        "index list range",
        lambda: wg.ones((2, 3))[[0, 7]],
        IndexError,
        "getitem: index 7 is out of bounds for axis 0 of length 2; needs -2 … 1",
    ),
    Case(
        "index mask shape",
        lambda: wg.ones((2, 3))[np.array([True, False, True])],
        IndexError,
        "getitem: a boolean mask of shape [3] does not fit the axes from 0 on of [2, 3]; needs equal lengths",
    ),
    Case(
        "index mask by an abstract value",
        lambda: wg.vmap(lambda x: x[x > 0])(np.ones((2, 3))),
        TypeError,
        "getitem: got a boolean mask bool[3] whose values are not known while recording, so the shape of "
        "the result would not be known either\n"
        "  hint: use wg.where(mask, x, other), or put the values with x.at[mask].set(number)",
    ),
    Case(
        "take range",
        lambda: wg.take(wg.ones(3), np.array([5])),
        IndexError,
        "getitem: index 5 is out of bounds for axis 0 of length 3; needs -3 … 2",
    ),
    Case(
        "solve shapes",
        lambda: wg.linalg.solve(wg.ones((2, 3)), wg.ones(2)),
        ValueError,
        "solve: got float32[2, 3]; needs square matrices in the last two axes",
    ),
    Case(
        "inv of a vector",
        lambda: wg.linalg.inv(wg.ones(3)),
        ValueError,
        "inv: got float32[3]; needs a matrix, or a stack of them, with at least two axes",
    ),
    Case(
        "inv singular",
        lambda: wg.linalg.inv(wg.zeros((2, 2))),
        np.linalg.LinAlgError,
        "inv: got float32[2, 2]; NumPy says: Singular matrix\n"
        "  hint: look at the matrix's condition with wg.linalg.cond; adding a small multiple of the "
        "identity makes a singular or indefinite matrix regular",
    ),
    Case(
        "cholesky indefinite",
        lambda: wg.linalg.cholesky(-wg.eye(2)),
        np.linalg.LinAlgError,
        "cholesky: got float32[2, 2]; NumPy says: Matrix is not positive definite\n"
        "  hint: look at the matrix's condition with wg.linalg.cond; adding a small multiple of the "
        "identity makes a singular or indefinite matrix regular",
    ),
    Case(
        "bitwise of floats",
        lambda: wg.bitwise_and(wg.ones(2), wg.ones(2)),
        TypeError,
        "bitwise_and: not defined for float32[2], float32[2]",
    ),
    Case(
        "grad of a vector",
        lambda: GRAD(lambda x: x * x)(np.ones(3)),
        TypeError,
        "grad: the function returned float64[3]; needs one scalar\n"
        "  hint: sum the output, or use wg.jacobian, wg.vjp or wg.elementwise_grad",
    ),
    Case(
        "grad of nothing",
        lambda: GRAD(lambda x: None)(1.0),
        TypeError,
        "grad: the function returned nothing; needs one scalar\n"
        "  hint: sum the output, or use wg.jacobian, wg.vjp or wg.elementwise_grad",
    ),
    Case(
        "grad of two",
        lambda: GRAD(lambda x: (x, x))(1.0),
        TypeError,
        "grad: the function returned float64[], float64[]; needs one scalar\n"
        "  hint: sum the output, or use wg.jacobian, wg.vjp or wg.elementwise_grad",
    ),
    Case(
        "grad of a complex value",
        lambda: GRAD(lambda x: x * 1j)(1.0),
        TypeError,
        "grad: the function returned a complex scalar, whose gradient is not defined\n"
        "  hint: return wg.real(y), wg.imag(y) or wg.abs(y)",
    ),
    Case(
        "grad of a text",
        lambda: GRAD(lambda x: "text")(1.0),
        TypeError,
        "grad: the function returned a str; needs numbers, arrays or tensors",
    ),
    Case(
        "grad by an integer",
        lambda: GRAD(lambda x: x * x)(3),
        TypeError,
        "grad: got argument 0 of dtype int, which has no derivative; needs a floating dtype\n"
        "  hint: convert it, for example float(x) or x.astype(float), or leave it out of argnums of grad",
    ),
    Case(
        "grad by a boolean",
        lambda: GRAD(lambda x: x * x)(True),
        TypeError,
        "grad: got argument 0 of dtype bool, which has no derivative; needs a floating dtype\n"
        "  hint: convert it, for example float(x) or x.astype(float), or leave it out of argnums of grad",
    ),
    Case(
        "grad by an integer array",
        lambda: GRAD(lambda x: np.sum(x * x))(np.arange(3)),
        TypeError,
        "grad: got argument 0 of dtype int64, which has no derivative; needs a floating dtype\n"
        "  hint: convert it, for example float(x) or x.astype(float), or leave it out of argnums of grad",
    ),
    Case(
        "grad by an integer leaf",
        lambda: GRAD(lambda t: t["a"] * 1.0)({"a": 1.0, "n": 3}),
        TypeError,
        "grad: got argument 0 (leaf 1) of dtype int, which has no derivative; needs a floating dtype\n"
        "  hint: convert it, for example float(x) or x.astype(float), or leave it out of argnums of grad",
    ),
    Case(
        "grad by a text",
        lambda: GRAD(lambda x: x)("text"),
        TypeError,
        "grad: got argument 0 of type str; needs arrays, tensors or floats",
    ),
    Case(
        "grad argnums range",
        lambda: wg.grad(lambda x: x, 2)(1.0),
        ValueError,
        "grad: argument number 2 was asked for, the call has 1",
    ),
    Case(
        "grad argnums twice",
        lambda: wg.grad(lambda x, y: x, (0, -2))(1.0, 2.0),
        ValueError,
        "grad: argnums (0, -2) names an argument twice",
    ),
    Case(
        "grad argnums kind",
        lambda: wg.grad(lambda x: x, "x")(1.0),
        ValueError,
        "grad: argnums must be integers, got 'x'",
    ),
    Case(
        "grad without aux",
        lambda: wg.grad(lambda x: x, has_aux=True)(1.0),
        ValueError,
        "grad: with has_aux=True the function returns (output, aux); got float64[]",
    ),
    Case(
        "vjp structure",
        lambda: wg.vjp(lambda x: (x, x), 1.0)[1](1.0),
        ValueError,
        "vjp: got the tree *; needs the same structure as (*, *)",
    ),
    Case(
        "vjp shape",
        lambda: wg.vjp(lambda x: x, np.ones(2))[1](np.ones(3)),
        ValueError,
        "vjp: got float64[3] for a value of float64[2]; needs the same shape",
    ),
    Case(
        "vjp dtype",
        lambda: wg.vjp(lambda x: x, np.ones(2))[1](np.ones(2) * 1j),
        TypeError,
        "vjp: got complex128[2] for a value of float64[2]; needs the same dtype",
    ),
    Case(
        "jvp without tuples",
        lambda: wg.jvp(np.sin, 1.0, 1.0),
        ValueError,
        "jvp: primals and tangents must be tuples with one entry for each argument",
    ),
    Case(
        "jvp shape",
        lambda: wg.jvp(lambda x: x, (np.ones(2),), (np.ones(3),)),
        ValueError,
        "jvp: got float64[3] for a value of float64[2]; needs the same shape",
    ),
    Case(
        "jvp dtype",
        lambda: wg.jvp(lambda x: x, (np.ones(2),), (np.ones(2) * 1j,)),
        TypeError,
        "jvp: got complex128[2] for a value of float64[2]; needs the same dtype",
    ),
    Case(
        "jvp count",
        lambda: wg.jvp(lambda x: x, (1.0,), (1.0, 2.0)),
        ValueError,
        "jvp: got the tree (*, *); needs the same structure as (*,)",
    ),
    Case(
        "jvp by an integer",
        lambda: wg.jvp(lambda x: x, (1,), (1.0,)),
        TypeError,
        "jvp: got argument 0 of dtype int, which has no derivative; needs a floating dtype\n"
        "  hint: convert it, for example float(x) or x.astype(float), or leave it out of argnums of jvp",
    ),
    Case(
        "elementwise_grad of a complex value",
        lambda: wg.elementwise_grad(lambda x: x * 1j)(np.ones(2)),
        TypeError,
        "elementwise_grad: the function returned complex values; return their real part",
    ),
    Case(
        "hessian of a vector",
        lambda: wg.hessian(lambda x: x)(np.ones(3)),
        TypeError,
        "grad: the function returned float64[3]; needs one scalar\n"
        "  hint: sum the output, or use wg.jacobian, wg.vjp or wg.elementwise_grad",
    ),
    Case(
        "vmap sizes",
        lambda: wg.vmap(lambda x, y: x + y)(np.ones(2), np.ones(3)),
        ValueError,
        "vmap: the arguments have different numbers of examples: float64[2] on axis 0, float64[3] on axis 0",
    ),
    Case(
        "vmap of scalars",
        lambda: wg.vmap(lambda x: x)(1.0),
        IndexError,
        "vmap: axis 0 of in_axes is out of range for an argument of float64[]",
    ),
    Case(
        "vmap axis",
        lambda: wg.vmap(lambda x: x, in_axes=2)(np.ones((2, 3))),
        IndexError,
        "vmap: axis 2 of in_axes is out of range for an argument of float64[2, 3]",
    ),
    Case(
        "vmap in_axes count",
        lambda: wg.vmap(lambda x: x, in_axes=(0, 0))(np.ones(3)),
        ValueError,
        "vmap: in_axes has 2 entries for 1 arguments",
    ),
    Case(
        "vmap in_axes tree",
        lambda: wg.vmap(lambda x: x, in_axes=([0, 0],))((np.ones(3),)),
        ValueError,
        "vmap: in_axes [0, 0] does not fit the tree (*,)",
    ),
    Case(
        "vmap nothing",
        lambda: wg.vmap(lambda x: x, in_axes=None)(np.ones(3)),
        ValueError,
        "vmap: no argument has an axis of examples\n  hint: give axis_size, or an axis for one argument in in_axes",
    ),
    Case(
        "vmap out_axes tree",
        lambda: wg.vmap(lambda x: (x, x), out_axes=(0, 0, 0))(np.ones(3)),
        ValueError,
        "vmap: out_axes (0, 0, 0) does not fit the tree (*, *)",
    ),
    Case(
        "vmap branch",
        lambda: wg.vmap(lambda x: x if x > 0 else -x)(np.ones(3)),
        TypeError,
        "bool: got bool[], whose value is not known while `vmap` records\n"
        "  hint: use wg.where or wg.cond to branch, wg.scan, wg.fori_loop or wg.while_loop to loop on "
        "values",
    ),
    Case(
        "vmap item",
        lambda: wg.vmap(lambda x: x.item())(np.ones(3)),
        TypeError,
        "item: got float64[], whose value is not known while `vmap` records\n"
        "  hint: use wg.where or wg.cond to branch, wg.scan, wg.fori_loop or wg.while_loop to loop on "
        "values",
    ),
    Case(
        "vmap float",
        lambda: wg.vmap(lambda x: float(x))(np.ones(3)),
        TypeError,
        "float: got float64[], whose value is not known while `vmap` records\n"
        "  hint: use wg.where or wg.cond to branch, wg.scan, wg.fori_loop or wg.while_loop to loop on "
        "values",
    ),
    Case(
        "vmap numpy",
        lambda: wg.vmap(lambda x: np.asarray(x))(np.ones(3)),
        TypeError,
        "numpy: got float64[], whose value is not known while `vmap` records\n"
        "  hint: use wg.where or wg.cond to branch, wg.scan, wg.fori_loop or wg.while_loop to loop on "
        "values",
    ),
    Case(
        "vmap range",
        lambda: wg.vmap(lambda x: [0] * int(x))(np.ones(3)),
        TypeError,
        "int: got float64[], whose value is not known while `vmap` records\n"
        "  hint: use wg.where or wg.cond to branch, wg.scan, wg.fori_loop or wg.while_loop to loop on "
        "values",
    ),
    Case(
        "tree_map structure",
        lambda: wg.tree_map(lambda x, y: x, {"a": 1}, {"b": 1}),
        ValueError,
        "tree_map: got the tree {'b': *}; needs the same structure as {'a': *}",
    ),
    Case(
        "float inside grad",
        lambda: GRAD(lambda x: float(x) * x)(1.0),
        TypeError,
        "float: a tensor that `grad` differentiates would become a constant\n"
        "  hint: compute with the tensor (np.sin, not math.sin); for the value alone use t.item()",
    ),
    Case(
        "math inside grad",
        lambda: GRAD(lambda x: math.sin(x))(1.0),
        TypeError,
        "float: a tensor that `grad` differentiates would become a constant\n"
        "  hint: compute with the tensor (np.sin, not math.sin); for the value alone use t.item()",
    ),
    Case(
        "np.array of tensors",
        lambda: GRAD(lambda x: np.sum(np.array([x, x])))(1.0),
        TypeError,
        "numpy: a recorded tensor would become a plain array and lose its gradient\n"
        "  hint: np.array([t, …]) is wg.stack([t, …]); for the value alone use t.detach() or t.item()",
    ),
    Case(
        "a list of tensors",
        lambda: GRAD(lambda x: np.sum(wg.add([x, x], 1.0)))(1.0),
        TypeError,
        "numpy: a recorded tensor would become a plain array and lose its gradient\n"
        "  hint: np.array([t, …]) is wg.stack([t, …]); for the value alone use t.detach() or t.item()",
    ),
    Case(
        "np.asarray of a tensor",
        lambda: np.asarray(wg.tensor([1.0], requires_grad=True)),
        TypeError,
        "numpy: a recorded tensor would become a plain array and lose its gradient\n"
        "  hint: np.array([t, …]) is wg.stack([t, …]); for the value alone use t.detach() or t.item()",
    ),
    Case(
        "numpy() of a tensor",
        lambda: wg.tensor([1.0], requires_grad=True).numpy(),
        TypeError,
        "numpy: a recorded tensor would become a plain array and lose its gradient\n"
        "  hint: np.array([t, …]) is wg.stack([t, …]); for the value alone use t.detach() or t.item()",
    ),
    Case(
        "unknown numpy function",
        lambda: GRAD(lambda x: np.polyfit(x, x, 1)[0])(np.ones(3)),
        TypeError,
        "np.polyfit: this function has no derivative here and would drop the recording\n"
        "  hint: wg.custom_vjp makes your own, x.detach().numpy() is the value alone",
    ),
    Case(
        "numpy function with a near one",
        lambda: GRAD(lambda x: np.nanpercentile(x, 50))(np.ones(3)),
        TypeError,
        "np.nanpercentile: this function has no derivative here and would drop the recording\n"
        "  hint: the nearest covered function is percentile; wg.custom_vjp makes your own, "
        "x.detach().numpy() is the value alone",
    ),
    Case(
        "cond of trees",
        lambda: wg.vmap(lambda x: wg.cond(x > 0, lambda: (1.0, 2.0), lambda: 1.0))(np.ones(2)),
        ValueError,
        "cond: branch 'true' returns the tree (*, *), branch 'false' *; needs the same structure",
    ),
    Case(
        "unknown ufunc",
        lambda: GRAD(lambda x: np.spacing(x))(1.0),
        TypeError,
        "np.spacing: this function has no derivative here and would drop the recording\n"
        "  hint: wg.custom_vjp makes your own, x.detach().numpy() is the value alone",
    ),
    Case(
        "unknown ufunc method",
        lambda: GRAD(lambda x: np.sum(np.subtract.accumulate(x)))(np.ones(3)),
        TypeError,
        "subtract.accumulate: this function has no derivative here and would drop the recording\n"
        "  hint: wg.custom_vjp makes your own, x.detach().numpy() is the value alone",
    ),
    Case(
        "ufunc where",
        lambda: GRAD(lambda x: np.sum(np.add(x, 1.0, where=np.array([True, False]))))(np.ones(2)),
        TypeError,
        "np.add: the keyword where=… is not recorded\n"
        "  hint: compute everywhere, then choose: wg.where(mask, new, old)",
    ),
    Case(
        "ufunc out",
        lambda: GRAD(lambda x: np.add(x, 1.0, out=np.ones(2))[0])(np.ones(2)),
        TypeError,
        "add: an array cannot take a recorded result in place (out=…, or `array += tensor`)\n"
        "  hint: write the result to a new name: a = a + t",
    ),
    Case(
        "array += tensor",
        lambda: GRAD(array_plus_tensor)(np.ones(2)),
        TypeError,
        "add: an array cannot take a recorded result in place (out=…, or `array += tensor`)\n"
        "  hint: write the result to a new name: a = a + t",
    ),
    Case(
        "function out",
        lambda: GRAD(lambda x: np.sum(np.cumsum(x, out=np.ones(2))))(np.ones(2)),
        TypeError,
        "cumsum: an array cannot take a recorded result in place (out=…, or `array += tensor`)\n"
        "  hint: write the result to a new name: a = a + t",
    ),
    Case(
        "setitem shape",
        lambda: GRAD(setitem_shape)(np.ones(3)),
        ValueError,
        "setitem: got values of shape [3] for an index that picks [2]; needs a shape that broadcasts to it",
    ),
    Case(
        "setitem into a window",
        lambda: GRAD(setitem_window)(np.ones((2, 3))),
        TypeError,
        "setitem: this tensor came from indexing, reshaping or transposing another one, which NumPy would"
        " change too; here results are values, not windows\n"
        "  hint: write into the original: t = t.at[i].set(v), or take a copy first: t[i].clone()",
    ),
    Case(
        "read after a write to the base",
        lambda: GRAD(read_stale)(np.ones((2, 3))),
        RuntimeError,
        "this tensor was taken from another one by indexing, reshaping or transposing, and that one was "
        "written to since; NumPy would show the new values, here results are values and not windows\n"
        "  hint: take it again after writing, or copy it before: t[i].clone()",
    ),
    Case(
        "stale window to numpy",
        lambda: stale_window().numpy(),
        RuntimeError,
        "this tensor was taken from another one by indexing, reshaping or transposing, and that one was "
        "written to since; NumPy would show the new values, here results are values and not windows\n"
        "  hint: take it again after writing, or copy it before: t[i].clone()",
    ),
    Case(
        "stale window as a number",
        lambda: float(stale_window()[()]),
        RuntimeError,
        "this tensor was taken from another one by indexing, reshaping or transposing, and that one was "
        "written to since; NumPy would show the new values, here results are values and not windows\n"
        "  hint: take it again after writing, or copy it before: t[i].clone()",
    ),
    Case(
        "vmap out_axes range",
        lambda: wg.vmap(lambda x: x, out_axes=3)(np.ones(2)),
        IndexError,
        "vmap (out_axes): axis 3 is out of range for 1 axes; needs -1 … 0",
    ),
    Case(
        "vmap out_axes none",
        lambda: wg.vmap(lambda x: x, out_axes=None)(np.ones(2)),
        ValueError,
        "vmap: out_axes=None is given for a result that differs from example to example",
    ),
    Case(
        "leaked tensor",
        lambda: use_leaked(GRAD),
        RuntimeError,
        "a tensor recorded by `grad` is used outside of it\n"
        "  hint: return it from the function instead of storing it in a global, an attribute or an outer "
        "list",
    ),
    Case(
        "leaked tensor of vmap",
        lambda: use_leaked(wg.vmap, np.ones(3)),
        RuntimeError,
        "a tensor recorded by `vmap` is used outside of it\n"
        "  hint: return it from the function instead of storing it in a global, an attribute or an outer "
        "list",
    ),
    Case(
        "backward of a vector",
        lambda: (wg.tensor([1.0, 2.0], requires_grad=True) * 2).backward(),
        RuntimeError,
        "backward: got float32[2]; without a gradient argument it needs one element\n"
        "  hint: call it on a loss such as t.sum() or t.mean(), or pass gradient=",
    ),
    Case(
        "backward twice",
        backward_twice,
        RuntimeError,
        "backward: the values recorded for `multiply` (at FILE:LINE in backward_twice) were released by "
        "an earlier backward\n"
        "  hint: call the first backward with retain_graph=True",
    ),
    Case(
        "backward without recording",
        lambda: wg.tensor(1.0).backward(),
        RuntimeError,
        "backward: this tensor (float32[]) was not recorded, so nothing can be swept\n"
        "  hint: make an input with requires_grad=True, and compute outside of no_grad",
    ),
    Case(
        "backward under no_grad",
        backward_under_no_grad,
        RuntimeError,
        "backward: this tensor (float32[]) was not recorded, so nothing can be swept\n"
        "  hint: make an input with requires_grad=True, and compute outside of no_grad",
    ),
    Case(
        "backward gradient shape",
        lambda: (wg.tensor([1.0, 2.0], requires_grad=True) * 2).backward(wg.ones(3)),
        ValueError,
        "backward: got a gradient float32[3] for a tensor float32[2]; needs the same shape",
    ),
    Case(
        "backward inside grad",
        lambda: GRAD(lambda x: (x * x).backward())(1.0),
        RuntimeError,
        "backward: inside `grad` the transform sweeps; return the value instead",
    ),
    Case(
        "requires_grad of integers",
        lambda: wg.tensor([1, 2], requires_grad=True),
        TypeError,
        "tensor: got int64 with requires_grad=True; only floating and complex tensors have gradients\n"
        "  hint: give a floating dtype, such as dtype=wg.float64",
    ),
    Case(
        "requires_grad of a result",
        result_without_grad,
        RuntimeError,
        "requires_grad: only leaves can be switched off; this tensor is a result\n  hint: use t.detach()",
    ),
    Case(
        "grad assigned a wrong shape",
        assign_grad,
        ValueError,
        "grad: got float32[3] for a tensor float32[2]; needs the same shape and dtype",
    ),
    Case(
        "autograd.grad of an unused input",
        unused_input,
        RuntimeError,
        "autograd.grad: the outputs do not depend on input 0 (float32[])\n"
        "  hint: pass allow_unused=True to get None for it",
    ),
    Case(
        "autograd.grad of arrays",
        lambda: wg.autograd.grad(wg.tensor(1.0, requires_grad=True) * 2, np.ones(2)),
        TypeError,
        "autograd.grad: got float64; needs tensors",
    ),
    Case(
        "leaf in place",
        leaf_in_place,
        RuntimeError,
        "add_: a leaf tensor with requires_grad is changed in place while recording\n"
        "  hint: update it inside `with wg.no_grad():`",
    ),
    Case(
        "leaf item in place",
        leaf_item_in_place,
        RuntimeError,
        "setitem: a leaf tensor with requires_grad is changed in place while recording\n"
        "  hint: update it inside `with wg.no_grad():`",
    ),
    Case(
        "in place shape",
        in_place_shape,
        RuntimeError,
        "add_: the result has shape [3]; an in-place update keeps [1]",
    ),
    Case(
        "in place dtype",
        in_place_dtype,
        RuntimeError,
        "add_: the result is float64; an in-place update keeps int64",
    ),
    Case(
        "assign_ shape",
        lambda: wg.tensor([1.0]).assign_(np.ones(2)),
        RuntimeError,
        "assign_: got float32[2] for a tensor of float32[1]; needs the same shape",
    ),
    Case(
        "item of many",
        lambda: wg.ones(3).item(),
        TypeError,
        "item: got float32[3]; needs one element",
    ),
    Case(
        "bool of many",
        lambda: bool(wg.ones(3)),
        TypeError,
        "bool: got float32[3]; needs one element",
    ),
    Case(
        "len of a scalar",
        lambda: len(wg.tensor(1.0)),
        TypeError,
        "len: a 0-d tensor has no length",
    ),
    Case(
        "iterate a scalar",
        lambda: list(wg.tensor(1.0)),
        TypeError,
        "iter: a 0-d tensor cannot be iterated",
    ),
    Case(
        "to a device",
        lambda: wg.ones(3).to("cuda"),
        TypeError,
        "to: device 'cuda' is not available; tensors live on the CPU",
    ),
    Case(
        "default dtype",
        lambda: wg.set_default_dtype("int32"),
        TypeError,
        "set_default_dtype: got int32; needs a real floating dtype",
    ),
    Case(
        "zeros negative",
        lambda: wg.zeros((2, -1)),
        ValueError,
        "zeros: shape (2, -1) has a negative length",
    ),
    Case(
        "zeros huge",
        lambda: wg.zeros((2**40, 2**40)),
        ValueError,
        "zeros: shape (1099511627776, 1099511627776) has 1208925819614629174706176 elements, more than memory can hold",
    ),
    Case(
        "tensor of a text",
        lambda: wg.tensor("text"),
        TypeError,
        "tensor: got a str that makes an array of <U4; needs numbers",
    ),
    Case(
        "tensor ragged",
        lambda: wg.tensor([[1.0], [1.0, 2.0]]),
        ValueError,
        "tensor: got a list that makes no array (setting an array element with a sequence. The requested "
        "array has an inhomogeneous shape after 1 dimensions. The detected shape was (2,) + inhomogeneous"
        " part.)",
    ),
    Case(
        "softmax axis",
        lambda: wg.softmax(wg.ones(3), axis=1),
        IndexError,
        "softmax: axis 1 is out of range for 1 axes; needs -1 … 0",
    ),
    Case(
        "sort axis",
        lambda: wg.sort(wg.ones(3), axis=1),
        IndexError,
        "sort: axis 1 is out of range for 1 axes; needs -1 … 0",
    ),
    Case(
        "while_loop in reverse",
        lambda: GRAD(lambda x: wg.while_loop(lambda v: v < 9.0, lambda v: v * x, x))(2.0),
        NotImplementedError,
        "while_loop: reverse mode needs the number of steps, which is not known when the list is written\n"
        "  hint: use wg.fori_loop with known bounds or wg.scan; or forward mode: wg.jvp, wg.jacfwd",
    ),
    Case(
        "custom_vjp without rule",
        lambda: GRAD(wg.custom_vjp(lambda x: x * x))(1.0),
        NotImplementedError,
        "<lambda>: no rule was defined\n  hint: call <lambda>.defvjp(fwd, bwd)",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_message(case: Case) -> None:
    kept.clear()
    with pytest.raises(WengertError) as caught:
        case.call()
    error = caught.value
    assert isinstance(error, case.builtin)
    said, _, where = str(error).rpartition("\n")
    assert re.sub(r"at test_errors\.py:\d+ in", "at FILE:LINE in", said) == case.says
    assert re.fullmatch(r"  at test_errors\.py:\d+ in \S+", where)


def test_names_are_given_once() -> None:
    assert len({c.name for c in CASES}) == len(CASES) >= 60


def test_an_operand_of_another_kind_is_left_to_python() -> None:
    with pytest.raises(TypeError, match="unsupported operand type"):
        wg.tensor([1.0]) + "a"


def test_a_locked_array_is_refused_by_numpy() -> None:
    with pytest.raises(ValueError, match="assignment destination is read-only"):
        wg.grad(write_constant)(np.ones(3))


def test_an_array_that_takes_a_tensor_says_why_below() -> None:
    """NumPy words the error itself; ours is its cause."""
    with pytest.raises(ValueError, match="setting an array element with a sequence") as caught:
        wg.grad(array_set_tensor)(np.ones(2))
    assert "a tensor that `grad` differentiates would become a constant" in str(caught.value.__cause__)
