"""The operators, methods and conversions of `Tensor`, from tables of names.

A method is the public function of that name: ``t.sum(axis=0)`` is ``wg.sum(t, axis=0)``.
"""

from __future__ import annotations

import operator
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from wengert.base.errors import AssignmentError, InPlaceError, OperandError, TracedValueError, show
from wengert.core.epoch import changed, replaced
from wengert.core.primitive import Primitive
from wengert.core.record import STALE, Tensor, bind, concrete, current, escaped, local, needs_value
from wengert.core.tape import Leaf
from wengert.core.windows import join, origin_of
from wengert.ops import FUNCTIONS
from wengert.ops.indexing import plain

_OPERANDS = (Tensor, np.ndarray, np.generic, int, float, complex, list, tuple)

BINARY = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "power",
    "mod": "remainder", "floordiv": "floor_divide", "matmul": "matmul",
    "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
    "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift",
}  # fmt: skip
COMPARISONS = {
    "eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal",
}  # fmt: skip
UNARY = {"neg": "negative", "pos": "positive", "abs": "abs", "invert": "bitwise_invert"}

# Methods that are the function of the same name (NumPy's and PyTorch's).
METHODS = """
    abs absolute acos acosh add all allclose amax amin any argmax argmin argpartition argsort asin asinh astype atan
    atan2 atanh bmm broadcast_to ceil cholesky chunk clamp clip conj copysign cos cosh cross cummax cummin cumprod
    cumsum deg2rad det diag diagonal diff divide dot eq erf erfc exp exp2 expand_dims expm1 flatten flip fliplr flipud
    floor floor_divide fmax fmin fmod ge gelu greater gt hypot imag index_select inner inv inverse isclose isfinite
    isinf isnan kron ldexp le less log log10 log1p log2 log_softmax logaddexp logcumsumexp logical_and logical_not
    logical_or logical_xor logit logsumexp lt masked_fill matmul matrix_power max maximum mean median min minimum mm
    moveaxis multiply mv nan_to_num nanmean nansum ne negative nonzero norm not_equal outer partition pinverse positive
    power prod ptp quantile rad2deg ravel real reciprocal relu remainder repeat roll rot90 round rsqrt searchsorted
    sigmoid sign sin sinc sinh softmax softplus sort split sqrt square squeeze std subtract sum swapaxes take
    take_along_axis tan tanh tensordot tile topk trace tril triu true_divide trunc unique unsqueeze vdot var where
    clone copy gather index_add masked_select narrow scatter scatter_add
""".split()
# Methods under another name than the function's.
RENAMED = {
    "pow": "power", "sub": "subtract", "mul": "multiply", "div": "divide", "neg": "negative", "permute": "transpose",
    "conjugate": "conj", "det": "linalg.det", "inverse": "linalg.inv", "cholesky": "linalg.cholesky",
    "norm": "linalg.norm", "matrix_power": "linalg.matrix_power", "pinverse": "linalg.pinv",
    "eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal",
}  # fmt: skip
# In-place methods of PyTorch; the function whose result replaces the value.
IN_PLACE = {
    "add_": "add", "sub_": "subtract", "mul_": "multiply", "div_": "divide", "pow_": "power", "neg_": "negative",
    "exp_": "exp", "sqrt_": "sqrt", "clamp_": "clamp", "abs_": "abs", "tanh_": "tanh", "sigmoid_": "sigmoid",
    "relu_": "relu", "floor_": "floor", "round_": "round",
}  # fmt: skip


# ----- operators ------------------------------------------------------------------------------------
def _binary(function: Callable[..., Any], name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """``x op other`` and its reflection; straight to `bind` where the function is one primitive."""
    primitive: Primitive | None = getattr(function, "primitive", None)
    if primitive is not None:

        def forward(self: Tensor, other: Any) -> Any:
            return bind(primitive, (self, other)) if isinstance(other, _OPERANDS) else NotImplemented

        def reflected(self: Tensor, other: Any) -> Any:
            return bind(primitive, (other, self)) if isinstance(other, _OPERANDS) else NotImplemented

    else:

        def forward(self: Tensor, other: Any) -> Any:
            return function(self, other) if isinstance(other, _OPERANDS) else NotImplemented

        def reflected(self: Tensor, other: Any) -> Any:
            return function(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    forward.__name__, reflected.__name__ = f"__{name}__", f"__r{name}__"
    return forward, reflected


def _in_place(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def update(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return replace(self, function(self, *args, **kwargs), name)

    update.__name__ = name
    update.__doc__ = f"Replace the value by ``{name.strip('_')}`` of it; see `Tensor` on in-place updates."
    return update


# ----- writing --------------------------------------------------------------------------------------
class Alias(Tensor):
    """What ``x.data`` and ``x.detach()`` give: the value without its recording. Writing to it writes to `x`, too."""

    __slots__ = ("origin",)

    def __init__(self, t: Tensor) -> None:
        # While a function is recorded for the compiler the value is a tensor of its list.
        below = t if t.rec is not None and t.rec.plain else t.value if isinstance(t.value, Tensor) else None
        if below is None:
            super().__init__(t.value)
        else:
            super().__init__(below.value, below.node, below.rec)
        self.origin = weakref.ref(origin_of(t))


def _write_origin(alias: Tensor, value: Any, what: str) -> None:
    """What is written to an alias is written to the tensor it was taken from, where that is still in use."""
    t = origin_of(alias)
    if t is alias:
        return
    if t.node is not None and not isinstance(t.node, Leaf):
        raise AssignmentError(
            f"{what}: this tensor was detached from a result that is still in use, and PyTorch would change both",
            hint="write into a copy: t.detach().clone()",
        )
    assign(t, value)


def replace(t: Tensor, new: Any, what: str) -> Tensor:
    """Make the handle `t` stand for `new`: every in-place operation ends here.

    A leaf with ``requires_grad`` can be replaced only where recording is paused (it stays a leaf and keeps its
    gradient); lines recorded before keep the value they read.
    """
    if new.shape != t.shape:
        raise InPlaceError(f"{what}: the result has shape {list(new.shape)}; an in-place update keeps {list(t.shape)}")
    if new.dtype != t.dtype:
        if not np.can_cast(new.dtype, t.dtype, "same_kind"):
            raise InPlaceError(f"{what}: the result is {new.dtype}; an in-place update keeps {t.dtype}")
        new = FUNCTIONS["astype"](new, t.dtype)
    if local.lifting is not None:
        local.lifting.bring((t, new))
    elif t.rec is None and isinstance(new, Tensor) and new.rec is not None:
        changed()  # a compiled function that reads it would have to be recorded by the session
    _write_origin(t, new, what)
    back = _write_source(t, new, what, replace)
    _leave_windows(t, what)
    is_leaf = isinstance(t.node, Leaf)
    if is_leaf and t.rec is not None and t.rec.session:
        if local.paused <= local.least:
            raise InPlaceError(
                f"{what}: a leaf tensor with requires_grad is changed in place while recording",
                hint="update it inside `with wg.no_grad():`",
            )
        value = current(new)
        t.node = Leaf(value, t.node.cell)
        t.value = value
        return t
    if isinstance(new, Tensor):
        t.value, t.node, t.rec = new.value, new.node, new.rec
    else:
        t.value, t.node, t.rec = new, None, None
    if back is not None:
        join(back[0], t, back[1])
    return t


def _write_source(t: Tensor, new: Any, what: str, write: Callable[..., Any]) -> tuple[Any, Any] | None:
    """Writing into a window that was taken by an index writes into what it was taken from; that, and the index."""
    group = getattr(t, "group", None)
    source, index = (None, None) if group is None else group.source(t)
    if group is None or source is None or index is None:
        return None
    group.leave(t)  # it would become unreadable with the others
    t.group = None
    write(source, FUNCTIONS["setitem"](source, plain(index), new), what)
    return source, index


def _leave_windows(t: Tensor, what: str) -> None:
    """Writing to a base makes its windows unreadable; writing to a window in use is refused."""
    group = getattr(t, "group", None)
    if group is None:
        return
    others = group.others(t)
    if others and group.base() is not t:
        raise AssignmentError(
            f"{what}: this tensor came from indexing, reshaping or transposing another one, which NumPy would "
            "change too; here results are values, not windows",
            hint="write into the original: t = t.at[i].set(v), or take a copy first: t[i].clone()",
        )
    for window in others:
        window.rec = STALE
        window.node = None
    t.group = None


def assign(self: Tensor, value: Any) -> Tensor:
    """Give the tensor the values of an array of the same shape and dtype, as optimizers do (no recording)."""
    if local.lifting is None:
        value = np.array(concrete(value, "assign_"), dtype=self.dtype)
    else:
        local.lifting.bring((self,))
        value = FUNCTIONS["astype"](local.lifting.traced(value), self.dtype, copy=False)
    if value.shape != self.shape:
        raise InPlaceError(f"assign_: got {show(value)} for a tensor of {show(self)}; needs the same shape")
    _write_origin(self, value, "assign_")
    back = _write_source(self, value, "assign_", lambda source, new, _what: assign(source, new))
    _leave_windows(self, "assign_")
    if isinstance(self.node, Leaf):
        self.node = Leaf(value, self.node.cell)
        self.value = value
    elif isinstance(value, Tensor):
        self.value, self.node, self.rec = value.value, value.node, value.rec
    elif self.node is not None:
        raise InPlaceError("assign_: only leaves and tensors without requires_grad can be assigned")
    else:
        self.value = value
    replaced()
    if back is not None:
        join(back[0], self, back[1])
    return self


def _zero(self: Tensor) -> Tensor:
    """Set every element to 0, in place."""
    return (
        assign(self, np.zeros(self.shape, self.dtype))
        if local.paused > local.least or self.node is None
        else replace(self, np.zeros(self.shape, self.dtype), "zero_")
    )


def _fill(self: Tensor, value: Any) -> Tensor:
    """Set every element to `value`, in place."""
    return replace(self, np.full(self.shape, concrete(value, "fill_"), self.dtype), "fill_")


def _copy_from(self: Tensor, source: Any) -> Tensor:
    """Copy the (broadcast) values of `source`, in place."""
    return replace(self, FUNCTIONS["broadcast_to"](source, self.shape), "copy_")


def _setitem(self: Tensor, index: Any, value: Any) -> None:
    replace(self, FUNCTIONS["setitem"](self, index, value), "setitem")


# ----- conversions ------------------------------------------------------------------------------------
def _array(self: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
    if self.rec is not None:
        if self.rec is STALE:
            raise escaped(STALE)
        if self.rec.abstract:
            raise needs_value(self, "numpy")
        raise TracedValueError(
            "numpy: a recorded tensor would become a plain array and lose its gradient",
            hint="np.array([t, …]) is wg.stack([t, …]); for the value alone use t.detach() or t.item()",
        )
    value = np.asarray(concrete(self))
    if dtype is not None and np.dtype(dtype) != value.dtype:
        return value.astype(dtype)
    if copy:
        return value.copy()
    view = value.view()
    view.flags.writeable = False
    return view


def _numpy(self: Tensor, *, force: bool = False) -> np.ndarray:
    """The value as a read-only NumPy array (``.copy()`` makes a writable one).

    A recorded tensor must be detached first; ``force=True`` does that.
    """
    return _array(self.detach() if force else self)


def _item(self: Tensor, *index: int) -> Any:
    """The only element (or the one at `index`) as a Python number, without gradient."""
    value = np.asarray(concrete(self, "item"))
    if not index and value.size != 1:
        raise OperandError(f"item: got {show(self)}; needs one element")
    return value.item(*index)


def _tolist(self: Tensor) -> Any:
    """The values as nested lists of Python numbers, without gradient."""
    return np.asarray(concrete(self, "tolist")).tolist()


def _scalar(kind: Callable[[Any], Any]) -> Callable[[Tensor], Any]:
    def convert(self: Tensor) -> Any:
        rec = self.rec
        if rec is not None and not rec.session and rec is not STALE and kind is not bool and not rec.abstract:
            raise TracedValueError(
                f"{kind.__name__}: a tensor that `{rec.what}` differentiates would become a constant",
                hint="compute with the tensor (np.sin, not math.sin); for the value alone use t.item()",
            )
        value = np.asarray(concrete(self, kind.__name__))
        if value.size != 1:
            raise OperandError(f"{kind.__name__}: got {show(self)}; needs one element")
        return kind(value.item())

    convert.__name__ = f"__{kind.__name__}__"
    return convert


def _index(self: Tensor) -> int:
    return operator.index(np.asarray(concrete(self, "index")).item())


def _length(self: Tensor) -> int:
    if not self.shape:
        raise OperandError("len: a 0-d tensor has no length")
    return self.shape[0]


def _iterate(self: Tensor) -> Iterator[Any]:
    if not self.shape:
        raise OperandError("iter: a 0-d tensor cannot be iterated")
    return (self[i] for i in range(self.shape[0]))


def _format(self: Tensor, spec: str) -> str:
    return format(_item(self), spec) if spec and self.value is not None and not self.shape else format(str(self), spec)


def _contains(self: Tensor, item: Any) -> bool:
    return bool(np.any(np.asarray(concrete(self, "in")) == concrete(item, "in")))


# ----- shapes as PyTorch and NumPy spell them ------------------------------------------------------------
def _varargs(name: str) -> Callable[..., Any]:
    """A method that takes its shape or axes as one tuple or as several numbers."""

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        if len(args) > 1 or (len(args) == 1 and isinstance(args[0], int)):
            args = (args,)
        return FUNCTIONS[name](self, *args, **kwargs)

    method.__name__ = name
    return method


def _expand(self: Tensor, *sizes: Any) -> Any:
    """Repeat axes of length 1 to `sizes`; -1 keeps a length (PyTorch's ``expand``)."""
    wanted = sizes[0] if len(sizes) == 1 and isinstance(sizes[0], tuple | list) else sizes
    shape = (1,) * (len(wanted) - len(self.shape)) + self.shape
    return FUNCTIONS["broadcast_to"](self, tuple(n if m == -1 else m for m, n in zip(wanted, shape, strict=True)))


def _swap_last(self: Tensor) -> Any:
    """The last two axes exchanged (``.mT``)."""
    return FUNCTIONS["swapaxes"](self, -1, -2)


def _type_as(dtype: Any) -> Callable[[Tensor], Any]:
    def convert(self: Tensor) -> Any:
        return FUNCTIONS["astype"](self, dtype, copy=False)

    convert.__doc__ = f"The tensor as {np.dtype(dtype)}."
    return convert


def _device(self: Tensor) -> str:
    """Where the values are: always the CPU here."""
    return "cpu"


def _to(self: Tensor, *targets: Any, dtype: Any = None, device: Any = None) -> Any:
    """Convert to a dtype; devices other than the CPU are refused."""
    for target in (*targets, device):
        if target is None or target == "cpu":
            continue
        if isinstance(target, str) and target.split(":")[0] in ("cuda", "gpu", "mps"):
            raise OperandError(f"to: device {target!r} is not available; tensors live on the CPU")
        dtype = target
    return self if dtype is None else FUNCTIONS["astype"](self, dtype, copy=False)


_PROPERTIES: dict[str, Callable[[Tensor], Any]] = {
    "ndim": lambda t: len(t.shape),
    "size": lambda t: int(np.prod(t.shape)),
    "itemsize": lambda t: t.dtype.itemsize,
    "nbytes": lambda t: int(np.prod(t.shape)) * t.dtype.itemsize,
    "T": lambda t: FUNCTIONS["transpose"](t),
    "mT": _swap_last,
    "mH": lambda t: FUNCTIONS["conj"](_swap_last(t)),
    "device": _device,
    "at": lambda t: FUNCTIONS["at"](t),
    "real": lambda t: FUNCTIONS["real"](t),
    "imag": lambda t: FUNCTIONS["imag"](t),
}
_SPECIAL: dict[str, Callable[..., Any]] = {
    "__array__": _array, "__float__": _scalar(float), "__int__": _scalar(int), "__complex__": _scalar(complex),
    "__bool__": _scalar(bool), "__index__": _index, "__len__": _length, "__iter__": _iterate, "__format__": _format,
    "__contains__": _contains, "__setitem__": _setitem, "numpy": _numpy, "item": _item, "tolist": _tolist,
    "zero_": _zero, "fill_": _fill, "copy_": _copy_from, "assign_": assign, "expand": _expand, "to": _to,
    "float": _type_as(np.float32), "double": _type_as(np.float64), "long": _type_as(np.int64),
    "int": _type_as(np.int32), "bool": _type_as(np.bool_), "numel": lambda t: int(np.prod(t.shape)),
    "dim": lambda t: len(t.shape), "t": lambda t: FUNCTIONS["transpose"](t),
    "where": lambda t, condition, other: FUNCTIONS["where"](condition, t, other),  # PyTorch's order
    "reshape": _varargs("reshape"), "view": _varargs("reshape"), "transpose": _varargs("transpose"),
    "permute": _varargs("transpose"), "contiguous": lambda t: t, "cpu": lambda t: t,
}  # fmt: skip


def install() -> None:
    """Give `Tensor` everything of the tables for which there is an operation."""
    for name, function_name in (BINARY | COMPARISONS).items():
        if function_name in FUNCTIONS:
            forward, reflected = _binary(FUNCTIONS[function_name], name)
            setattr(Tensor, f"__{name}__", forward)
            if name in BINARY:
                setattr(Tensor, f"__r{name}__", reflected)
                setattr(Tensor, f"__i{name}__", _in_place(FUNCTIONS[function_name], f"{name}_"))
    for name, function_name in UNARY.items():
        if function_name in FUNCTIONS:
            setattr(Tensor, f"__{name}__", FUNCTIONS[function_name])
    for name in (*METHODS, *RENAMED):
        function = FUNCTIONS.get(RENAMED.get(name, name))
        if function is not None:
            setattr(Tensor, name, function)
    for name, function_name in IN_PLACE.items():
        if function_name in FUNCTIONS:
            setattr(Tensor, name, _in_place(FUNCTIONS[function_name], name))
    for name, function in _SPECIAL.items():
        setattr(Tensor, name, function)
    for name, getter in _PROPERTIES.items():
        setattr(Tensor, name, property(getter))
    if "getitem" in FUNCTIONS:
        setattr(Tensor, "__getitem__", FUNCTIONS["getitem"])  # noqa: B010  (a type checker sees the stub in the class)
    Tensor.__hash__ = object.__hash__  # type: ignore[method-assign]  # defining == would take it away


install()
