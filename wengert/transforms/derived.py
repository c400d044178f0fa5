"""The transforms users call: grad, vjp, jvp, jacobian, hessian, vmap …, over trees of arguments and results.

All are pure functions of functions: NumPy in, NumPy out. They nest in any order.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.base import shapes
from wengert.base.dtypes import SCALAR_TYPES, is_differentiable
from wengert.base.errors import ArgumentError, AxisError, DTypeError, OperandError, ScalarError, ShapeError, show
from wengert.core.record import Recorded, Tensor, as_array, bind, trace
from wengert.core.tree import Structure, flatten, match
from wengert.ops.structure import RESHAPE
from wengert.transforms.batch import vmap_flat
from wengert.transforms.forward import linearize_flat, push
from wengert.transforms.reverse import owned, pull, vjp_flat

Function = Callable[..., Any]


# ----- leaves ---------------------------------------------------------------------------------------
def _operand(x: Any, what: str, place: str) -> Any:
    """A differentiable leaf: floating array, tensor or float; integers are refused by name."""
    if isinstance(x, int):
        kind = type(x).__name__
    elif isinstance(x, float | complex):
        return as_array(x)
    elif isinstance(x, Tensor | np.ndarray | np.generic):
        if is_differentiable(x):
            return x
        kind = str(x.dtype)
    else:
        raise OperandError(f"{what}: got {place} of type {type(x).__name__}; needs arrays, tensors or floats")
    raise DTypeError(
        f"{what}: got {place} of dtype {kind}, which has no derivative; needs a floating dtype",
        hint=f"convert it, for example float(x) or x.astype(float), or leave it out of argnums of {what}",
    )


def _result(x: Any, what: str, place: str = "the function returned") -> Any:
    """A leaf of what a function returned (or of the arguments of `vmap`) as an array or tensor."""
    if isinstance(x, Tensor | np.ndarray | np.generic):
        return x
    if not isinstance(x, int | float | complex):
        raise OperandError(f"{what}: {place} a {type(x).__name__}; needs numbers, arrays or tensors")
    return as_array(x)


class _Call:
    """One call of `f` seen as a flat function of the leaves of the arguments in `argnums`."""

    def __init__(self, f: Function, args: Sequence[Any], kwargs: dict[str, Any], argnums: Any, what: str) -> None:
        self.f, self.args, self.kwargs, self.what = f, list(args), kwargs, what
        self.single = not isinstance(argnums, tuple | list)
        numbers = (argnums,) if self.single else tuple(argnums)
        self.numbers = [self._number(n, len(args)) for n in numbers]
        if len(set(self.numbers)) != len(self.numbers):
            raise ArgumentError(f"{what}: argnums {argnums} names an argument twice")
        flat, self.structure = flatten(tuple(args[n] for n in self.numbers))
        self.leaves = [_operand(x, what, f"argument {self._place(k)}") for k, x in enumerate(flat)]
        self.output: Structure | None = None
        self.aux: Any = None

    def _number(self, n: Any, count: int) -> int:
        try:
            number = operator.index(n)
        except TypeError:
            raise ArgumentError(f"{self.what}: argnums must be integers, got {n!r}") from None
        if not -count <= number < count:
            raise ArgumentError(f"{self.what}: argument number {number} was asked for, the call has {count}")
        return number % count

    def _place(self, leaf: int) -> str:
        """Which argument a leaf belongs to."""
        for n, child in zip(self.numbers, self.structure.children, strict=True):
            if leaf < child.count:
                return f"{n}" if child.kind is None else f"{n} (leaf {leaf})"
            leaf -= child.count
        return "?"

    def flat(self, has_aux: bool = False) -> Callable[..., list[Any]]:
        """`f` from leaves to leaves; the structure of its result, and its auxiliary output, are noted here."""

        def call(*leaves: Any) -> list[Any]:
            args = list(self.args)
            for n, value in zip(self.numbers, self.structure.unflatten(leaves), strict=True):
                args[n] = value
            out = self.f(*args, **self.kwargs)
            if has_aux:
                if not isinstance(out, tuple | list) or len(out) != 2:
                    raise ArgumentError(
                        f"{self.what}: with has_aux=True the function returns (output, aux); got {show(out)}"
                    )
                out, self.aux = out
            results, self.output = flatten(out)
            return [_result(y, self.what) for y in results]

        return call

    def gradient(self, leaves: Sequence[Any]) -> Any:
        """Leaves back in the form of the chosen arguments."""
        tree = self.structure.unflatten(owned(leaves))
        return tree[0] if self.single else tree


def _unrecorded(aux: Any) -> Any:
    """Auxiliary outputs without this transform's recording: tensors become the values below."""
    leaves, structure = flatten(aux)
    return structure.unflatten(
        x.value if isinstance(x, Tensor) and x.rec is not None and not x.rec.open else x for x in leaves
    )


def _named(transformed: Function, f: Function, what: str) -> Function:
    functools.update_wrapper(transformed, f)
    transformed.__name__ = f"{what}_of_{getattr(f, '__name__', 'function')}"
    return transformed


# ----- reverse ---------------------------------------------------------------------------------------
def value_and_grad(f: Function, argnums: Any = 0, has_aux: bool = False) -> Function:
    """The function ``args -> (f(*args), gradient)`` for a scalar `f`.

    ``argnums`` is an argument's number or a tuple of them; arguments are trees of floating arrays. With
    ``has_aux`` the function returns ``(output, aux)`` and the result is ``((output, aux), gradient)``.
    Raises `ScalarError` where the output is no scalar, `DTypeError` for integer arguments.

    >>> import wengert as wg
    >>> wg.value_and_grad(lambda x: x**2)(3.0)
    (np.float64(9.0), np.float64(6.0))
    """

    def transformed(*args: Any, **kwargs: Any) -> Any:
        call = _Call(f, args, kwargs, argnums, "grad")
        values, pullback = vjp_flat(call.flat(has_aux), call.leaves, "grad")
        seed = _scalar_seed(values, call)
        gradient = call.gradient(pullback([seed]))
        value = owned(values)[0]
        return ((value, _unrecorded(call.aux)) if has_aux else value), gradient

    return _named(transformed, f, "value_and_grad")


def _scalar_seed(values: Sequence[Any], call: _Call) -> Any:
    if len(values) != 1 or shapes.size_of(values[0].shape) != 1:
        got = ", ".join(map(show, values))
        raise ScalarError(
            f"grad: the function returned {got or 'nothing'}; needs one scalar",
            hint="sum the output, or use wg.jacobian, wg.vjp or wg.elementwise_grad",
        )
    if values[0].dtype.kind == "c":
        raise ScalarError(
            "grad: the function returned a complex scalar, whose gradient is not defined",
            hint="return wg.real(y), wg.imag(y) or wg.abs(y)",
        )
    if values[0].dtype.kind == "b":
        raise DTypeError(
            "grad: the function returned a truth value, which has no derivative",
            hint="return the number that was compared; wg.where(condition, a, b) chooses with a derivative",
        )
    dtype = values[0].dtype if values[0].dtype.kind == "f" else np.dtype(np.float64)
    return np.ones(values[0].shape, dtype)


def grad(f: Function, argnums: Any = 0, has_aux: bool = False) -> Function:
    """The gradient of a scalar function: ``grad(f)(x)[i] = df/dx[i]``.

    ``argnums`` is an argument's number or a tuple of them; arguments are trees of floating arrays, and the
    gradient has their structure, shapes and dtypes. With ``has_aux`` the function returns ``(output, aux)`` and
    the result is ``(gradient, aux)``. For complex arguments see `wengert.ops.elementwise`.

    Raises `ScalarError` where the output is no scalar, `DTypeError` for integer arguments or a truth value as output.

    >>> import numpy as np, wengert as wg
    >>> wg.grad(lambda x: np.sum(np.tanh(x) ** 2))(np.zeros(2))
    array([0., 0.])
    >>> wg.grad(wg.grad(lambda x: x**3))(2.0)
    np.float64(12.0)
    """
    both = value_and_grad(f, argnums, has_aux)

    def transformed(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return _named(transformed, f, "grad")


def elementwise_grad(f: Function, argnums: Any = 0) -> Function:
    """The derivative of each output by its own input, for `f` that acts on every element separately.

    It is the gradient of ``sum(f(x))``. Nests to any order.

    >>> import numpy as np, wengert as wg
    >>> wg.elementwise_grad(np.tanh)(np.array([0.0, 1.0]))
    array([1.        , 0.41997434])
    """

    def transformed(*args: Any, **kwargs: Any) -> Any:
        call = _Call(f, args, kwargs, argnums, "elementwise_grad")
        values, pullback = vjp_flat(call.flat(), call.leaves, "elementwise_grad")
        if any(y.dtype.kind == "c" for y in values):
            raise ScalarError("elementwise_grad: the function returned complex values; return their real part")
        return call.gradient(pullback(_ones(y) for y in values))

    return _named(transformed, f, "elementwise_grad")


def _ones(y: Any) -> Any:
    return np.ones(y.shape, y.dtype if y.dtype.kind in "fc" else np.float64)


def vjp(f: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """``f(*primals)`` and its pullback ``g -> (J₁ᵀ g, J₂ᵀ g, …)``, one cotangent for every primal.

    With ``has_aux`` the result is ``(output, pullback, aux)``. The pullback may be called again and again.

    >>> import numpy as np, wengert as wg
    >>> y, pullback = wg.vjp(lambda a, b: a @ b, np.eye(2), np.array([1.0, 2.0]))
    >>> pullback(np.array([1.0, 0.0]))[1]
    array([1., 0.])
    """
    call = _Call(f, primals, {}, tuple(range(len(primals))), "vjp")
    values, back = vjp_flat(call.flat(has_aux), call.leaves)
    output = call.output
    assert output is not None

    def pullback(cotangents: Any) -> Any:
        gs = [_like(g, y, "vjp") for g, y in zip(match(output, cotangents, "vjp"), values, strict=True)]
        return call.gradient(back(gs))

    out = output.unflatten(owned(values))
    return (out, pullback, _unrecorded(call.aux)) if has_aux else (out, pullback)


def _like(g: Any, y: Any, what: str) -> Any:
    """A cotangent or tangent, checked against the value it belongs to; Python scalars take its dtype."""
    dtype = y.dtype if y.dtype.kind in "fc" else np.dtype(np.float64)
    g = np.asarray(g, dtype)[()] if type(g) in SCALAR_TYPES else g if isinstance(g, Tensor) else np.asarray(g)
    if g.shape != y.shape:
        raise ShapeError(f"{what}: got {show(g)} for a value of {show(y)}; needs the same shape")
    if g.dtype != dtype:
        if not np.can_cast(g.dtype, dtype, "same_kind"):
            raise DTypeError(f"{what}: got {show(g)} for a value of {show(y)}; needs the same dtype")
        return g.astype(dtype)
    return g


# ----- forward -----------------------------------------------------------------------------------------
def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> tuple[Any, ...]:
    """``f(*primals)`` and its directional derivative ``J t`` along `tangents`.

    Both are tuples with one tree an argument. With ``has_aux`` the result is ``(output, tangent, aux)``.

    >>> import numpy as np, wengert as wg
    >>> wg.jvp(np.sin, (0.0,), (2.0,))
    (np.float64(0.0), np.float64(2.0))
    """
    if not isinstance(primals, tuple | list) or not isinstance(tangents, tuple | list):
        raise ArgumentError("jvp: primals and tangents must be tuples with one entry for each argument")
    call = _Call(f, primals, {}, tuple(range(len(primals))), "jvp")
    values, forward = linearize_flat(call.flat(has_aux), call.leaves)
    given = match(call.structure, tuple(tangents), "jvp")
    ts = [_like(t, x, "jvp") for t, x in zip(given, call.leaves, strict=True)]
    assert call.output is not None
    out = call.output.unflatten(owned(values)), call.output.unflatten(owned(forward(ts)))
    return (*out, _unrecorded(call.aux)) if has_aux else out


def linearize(f: Function, *primals: Any) -> tuple[Any, Function]:
    """``f(*primals)`` and the linear map ``(t₁, t₂, …) -> J t``, which reuses the recorded list.

    >>> import numpy as np, wengert as wg
    >>> y, push = wg.linearize(np.exp, 0.0)
    >>> push(3.0)
    np.float64(3.0)
    """
    call = _Call(f, primals, {}, tuple(range(len(primals))), "linearize")
    values, forward = linearize_flat(call.flat(), call.leaves, "linearize")
    output = call.output
    assert output is not None

    def pushforward(*tangents: Any) -> Any:
        given = match(call.structure, tangents, "linearize")
        ts = [_like(t, x, "linearize") for t, x in zip(given, call.leaves, strict=True)]
        return output.unflatten(owned(forward(ts)))

    return output.unflatten(owned(values)), pushforward


# ----- batching --------------------------------------------------------------------------------------
def vmap(f: Function, in_axes: Any = 0, out_axes: Any = 0, axis_size: int | None = None) -> Function:
    """Apply `f`, written for one example, to many: as a loop over an axis would, in one sweep of array operations.

    ``in_axes``: the axis of the examples in each argument (a number for all, a tuple with one entry an argument,
    each a number, None for "shared by all", or a tree as the argument); ``out_axes`` likewise for the results.
    Python branching on values is not possible inside `f`; see `wg.cond` and `wg.where`.

    >>> import numpy as np, wengert as wg
    >>> wg.vmap(np.dot)(np.ones((3, 2)), np.ones((3, 2)))
    array([2., 2., 2.])
    """

    def transformed(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = flatten((tuple(args), kwargs))
        leaves = [_result(x, "vmap", "an argument is") for x in leaves]
        axes = _argument_axes(in_axes, structure, leaves)
        size = _example_count(leaves, axes, axis_size)
        output: list[Structure] = []

        def call(*xs: Any) -> list[Any]:
            given, keywords = structure.unflatten(xs)
            results, found = flatten(f(*given, **keywords))
            output.append(found)
            return [_result(y, "vmap") for y in results]

        def places(_count: int) -> list[int | None]:
            return _spread_axes(out_axes, output[0], "out_axes")

        results = vmap_flat(call, size, leaves, axes, places)
        return output[0].unflatten(owned(results))

    return _named(transformed, f, "vmap")


def _argument_axes(in_axes: Any, structure: Structure, leaves: Sequence[Any]) -> list[int | None]:
    positional, keywords = structure.children
    spec = in_axes if isinstance(in_axes, tuple | list) else (in_axes,) * len(positional.children)
    if len(spec) != len(positional.children):
        raise ArgumentError(f"vmap: in_axes has {len(spec)} entries for {len(positional.children)} arguments")
    axes: list[int | None] = []
    for entry, child in zip(spec, positional.children, strict=True):
        axes += _spread_axes(entry, child, "in_axes")
    axes += [0] * keywords.count
    out: list[int | None] = []
    for x, axis in zip(leaves, axes, strict=True):
        if axis is not None and not -len(x.shape) <= axis < len(x.shape):
            raise AxisError(f"vmap: axis {axis} of in_axes is out of range for an argument of {show(x)}")
        out.append(axis if axis is None else axis % len(x.shape))
    return out


def _spread_axes(entry: Any, structure: Structure, what: str) -> list[int | None]:
    """One axis a leaf from a number, None, or a tree of them."""
    if entry is None or isinstance(entry, int):
        return [entry] * structure.count
    given = list(entry.values()) if isinstance(entry, dict) else list(entry)
    if len(given) != len(structure.children):
        raise ArgumentError(f"vmap: {what} {entry!r} does not fit the tree {structure}")
    return [axis for e, child in zip(given, structure.children, strict=True) for axis in _spread_axes(e, child, what)]


def _example_count(leaves: Sequence[Any], axes: Sequence[int | None], axis_size: int | None) -> int:
    sizes = {x.shape[a] for x, a in zip(leaves, axes, strict=True) if a is not None}
    if axis_size is not None:
        sizes.add(axis_size)
    if not sizes:
        raise ShapeError(
            "vmap: no argument has an axis of examples", hint="give axis_size, or an axis for one argument in in_axes"
        )
    if len(sizes) != 1:
        given = ", ".join(f"{show(x)} on axis {a}" for x, a in zip(leaves, axes, strict=True) if a is not None)
        raise ShapeError(
            f"vmap: the arguments have different numbers of examples: {given}"
            + ("" if axis_size is None else f", and axis_size={axis_size}")
        )
    return sizes.pop()


# ----- matrices of derivatives ------------------------------------------------------------------------
def jacobian(f: Function, argnums: Any = 0) -> Function:
    """The matrix of all partial derivatives, ``J[i…, j…] = d f[i…] / d x[j…]``.

    Reverse mode where the results have at most as many elements as the arguments, else forward mode; the sweep
    over the basis is batched. The result has the shape ``(*f(x).shape, *x.shape)``; trees of results and
    arguments give trees of blocks.

    >>> import numpy as np, wengert as wg
    >>> wg.jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return _jacobian(f, argnums, None)


def jacfwd(f: Function, argnums: Any = 0) -> Function:
    """`jacobian` by forward mode: one sweep for each element of the arguments.

    >>> import numpy as np, wengert as wg
    >>> wg.jacfwd(np.sin)(0.0)
    np.float64(1.0)
    """
    return _jacobian(f, argnums, "forward")


def jacrev(f: Function, argnums: Any = 0) -> Function:
    """`jacobian` by reverse mode: one sweep for each element of the results.

    >>> import numpy as np, wengert as wg
    >>> wg.jacrev(np.sin)(0.0)
    np.float64(1.0)
    """
    return _jacobian(f, argnums, "reverse")


def _jacobian(f: Function, argnums: Any, mode: str | None) -> Function:
    def transformed(*args: Any, **kwargs: Any) -> Any:
        call = _Call(f, args, kwargs, argnums, "jacobian")
        recorded = trace(call.flat(), call.leaves, "jacobian", keep_all=True)  # serves either direction
        values = recorded.values
        total_out = sum(shapes.size_of(y.shape) for y in values)
        total_in = sum(shapes.size_of(x.shape) for x in call.leaves)
        if mode == "forward" or (mode is None and total_out > total_in):
            blocks = _forward_blocks(recorded, call.leaves)
        else:
            blocks = _reverse_blocks(recorded, call.leaves)
        assert call.output is not None
        return call.output.unflatten(call.gradient(row) for row in blocks)

    return _named(transformed, f, "jacobian")


def _basis(x: Any) -> Any:
    """Unit vectors for every element of `x`, stacked in front."""
    size = shapes.size_of(x.shape)
    return np.eye(size, dtype=x.dtype).reshape((size, *x.shape))


def _reverse_blocks(recorded: Recorded, leaves: Sequence[Any]) -> list[list[Any]]:
    rows = []
    values = recorded.values
    for i, y in enumerate(values):
        if y.dtype.kind not in "fc":
            rows.append([np.zeros(y.shape + x.shape, x.dtype) for x in leaves])
            continue

        def one(g: Any, i: int = i) -> list[Any]:
            return pull(recorded, [g if k == i else None for k in range(len(values))])

        basis = _basis(y)
        sweeps = vmap_flat(one, basis.shape[0], [basis], [0], lambda n: [0] * n)
        rows.append([bind(RESHAPE, (s,), {"shape": y.shape + x.shape}) for s, x in zip(sweeps, leaves, strict=True)])
    return rows


def _forward_blocks(recorded: Recorded, leaves: Sequence[Any]) -> list[list[Any]]:
    columns = []
    values = recorded.values
    for j, x in enumerate(leaves):

        def one(t: Any, j: int = j) -> list[Any]:
            return push(recorded, [t if k == j else None for k in range(len(leaves))])

        basis = _basis(x)
        sweeps = vmap_flat(one, basis.shape[0], [basis], [0], lambda n: [-1] * n)
        columns.append([bind(RESHAPE, (s,), {"shape": y.shape + x.shape}) for s, y in zip(sweeps, values, strict=True)])
    return [[column[i] for column in columns] for i in range(len(values))]


def hessian(f: Function, argnums: Any = 0) -> Function:
    """The matrix of second derivatives of a scalar function, as forward-over-reverse.

    ``H[i…, j…] = d²f / dx[i…] dx[j…]``, shape ``(*x.shape, *x.shape)``.

    >>> import numpy as np, wengert as wg
    >>> wg.hessian(lambda x: x[0] * x[1] ** 2)(np.array([1.0, 2.0]))
    array([[0., 4.],
           [4., 2.]])
    """
    return _named(jacfwd(grad(f, argnums), argnums), f, "hessian")


def hvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The Hessian of a scalar function times a vector, without the Hessian: ``d/de grad f(x + e t)``.

    Forward-over-reverse; costs a small multiple of one gradient.

    >>> import numpy as np, wengert as wg
    >>> wg.hvp(lambda x: np.sum(x**3), (np.array([1.0, 2.0]),), (np.array([1.0, 0.0]),))
    array([6., 0.])
    """
    primals = primals if isinstance(primals, tuple | list) else (primals,)
    tangents = tangents if isinstance(tangents, tuple | list) else (tangents,)
    numbers = 0 if len(primals) == 1 else tuple(range(len(primals)))
    return jvp(grad(f, numbers), primals, tangents)[1]


__all__ = [
    "elementwise_grad", "grad", "hessian", "hvp", "jacfwd", "jacobian", "jacrev", "jvp", "linearize",
    "value_and_grad", "vjp", "vmap",
]  # fmt: skip
