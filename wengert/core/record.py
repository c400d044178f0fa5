"""Recording: `Tensor`, the handle a program computes with, and `bind`, which computes and writes the line.

Every recording has a level. Level 0 is the session: tensors with ``requires_grad``. Each running transform
opens a `Recorder` one level higher. A tensor belongs to one recorder and stands for a value of the level below
(an array, or a tensor of a lower level); `bind` finds the highest recorder among its operands, computes one level
lower, and appends one node. Nesting of transforms needs nothing else.

A recorder is either eager (values are there, Python may branch on them) or abstract (shapes and dtypes only).
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wengert.base.dtypes import SCALAR_TYPES, get_default_dtype
from wengert.base.errors import (
    CompileError,
    EscapedTensorError,
    OperandError,
    TracedValueError,
    WengertError,
    show,
)
from wengert.base.source import capture
from wengert.core import epoch
from wengert.core.primitive import PART, Aval, Primitive
from wengert.core.tape import Const, Input, Leaf, Node, Tape, Var, cut
from wengert.core.tape import next_number as _next
from wengert.core.tree import listed
from wengert.core.windows import join

NO_ATTRS: dict[str, Any] = {}


class _Local(threading.local):
    """What a thread is doing: how many recorders are open, and up to which level recording is paused."""

    depth = 0
    paused = -1
    mark: Any = None  # that it does not record
    retaining = False  # whether sweeps keep the gradient of every intermediate tensor
    lifting: Any = None  # while a compiled function is recorded: the `Lifting` of it (see core/lifting.py)
    least = -1  # what `paused` goes back to where recording is switched on


local = _Local()
OPEN: list[Any] = []  # the recordings for the compiler that are going on, in all threads


class Recorder:
    """One recording. ``keep_all``: every value is kept and every line written, also those without derivative.

    ``session``: whether it is the session, or the one that stands for it while a function is recorded for the compiler.
    ``plain``: whether its tensors stand for arrays of eager code (those of a function recorded for the compiler).
    """

    __slots__ = ("level", "keep_all", "abstract", "open", "what", "session", "plain")

    def __init__(self, what: str, keep_all: bool = False, abstract: bool = False) -> None:
        self.level = 0
        self.what = what
        self.keep_all = keep_all or abstract
        self.abstract = abstract
        self.open = True
        self.session = self.plain = False

    def __enter__(self) -> Recorder:
        local.depth += 1
        self.level = local.depth
        return self

    def __exit__(self, *exception: object) -> None:
        local.depth -= 1
        self.open = False

    def input(self, value: Any) -> Tensor:
        """A tensor of this recording that stands for an argument (an array, scalar or lower tensor)."""
        value = value if isinstance(value, Tensor) else as_array(value)
        if self.abstract:
            return Tensor(None, Input(value.shape, value.dtype), self)
        return Tensor(value, Input(value.shape, value.dtype, value), self)

    def variable(self, x: Any) -> Any:
        """How a line of this recording refers to `x`: its variable, a Python scalar, or a constant."""
        if isinstance(x, Tensor) and x.rec is self:
            return x.node
        return x if type(x) in SCALAR_TYPES else Const(x if isinstance(x, Tensor) else as_array(x))


SESSION = Recorder("session")
SESSION.session = True
STALE = Recorder("a tensor that was written to")  # where windows of a written tensor belong: nobody may read them
STALE.open = False


class Tensor:
    """An array the library can record: a value, the variable that names it, and the recording it belongs to."""

    __slots__ = ("value", "node", "rec", "group", "__weakref__")
    __array_priority__ = 1000.0

    value: Any
    node: Any
    rec: Recorder | None
    group: Any  # handles that share memory in NumPy, see core/windows.py; set where there are any

    if TYPE_CHECKING:  # operators, methods and conversions come from tables on floor 2 and 3

        def __getattr__(self, name: str) -> Any: ...
        def __getitem__(self, index: Any) -> Any: ...
        def __add__(self, other: Any) -> Any: ...
        def __radd__(self, other: Any) -> Any: ...
        def __sub__(self, other: Any) -> Any: ...
        def __rsub__(self, other: Any) -> Any: ...
        def __mul__(self, other: Any) -> Any: ...
        def __rmul__(self, other: Any) -> Any: ...
        def __truediv__(self, other: Any) -> Any: ...
        def __rtruediv__(self, other: Any) -> Any: ...
        def __matmul__(self, other: Any) -> Any: ...
        def __pow__(self, other: Any) -> Any: ...
        def __neg__(self) -> Any: ...

    def __init__(self, value: Any, node: Var | None = None, rec: Recorder | None = None) -> None:
        # `Tensor([1.0, 2.0])` is the constructor of the lectures; the library itself passes arrays.
        self.value = np.array(value, get_default_dtype()) if isinstance(value, list | tuple) else value
        self.node = node
        self.rec = rec

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of every axis."""
        return self.value.shape if self.value is not None else self.node.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype of the elements."""
        return self.value.dtype if self.value is not None else self.node.dtype


_new = Tensor.__new__
_new_node = Node.__new__


def as_array(x: Any) -> Any:
    """`x` as NumPy array or scalar; Python scalars become float64/int64/complex128 as in NumPy."""
    if isinstance(x, np.ndarray | np.generic):
        return x
    if isinstance(x, int | float | complex):
        return np.asarray(x)[()]
    if isinstance(x, list | tuple):
        if any(isinstance(leaf, Tensor) for leaf in listed(x)):
            raise OperandError(
                "asarray: got a list that holds tensors, which NumPy would not differentiate",
                hint="use wg.stack([...]) or wg.array([...])",
            )
        return np.asarray(x)
    raise OperandError(f"operand: got {type(x).__name__}; needs a number, an array or a tensor")


def bind(prim: Primitive, args: Sequence[Any], attrs: dict[str, Any] = NO_ATTRS) -> Any:
    """Compute ``prim(*args, **attrs)`` and, where an operand is recorded, write the line.

    The result is a plain array where no operand is a tensor. Shapes and dtypes come from NumPy's own result;
    the primitive's `aval` runs only for abstract recordings, and to word the error when NumPy refused.
    """
    if OPEN and local.lifting is not None:
        local.lifting.bring(args)
    top: Recorder | None = None
    for x in args:
        if isinstance(x, Tensor):
            rec = x.rec
            if rec is not top and rec is not None:
                top = rec if top is None else _higher(top, rec)
    if top is None:
        return _compute(prim, args, attrs)
    if not top.open:
        raise escaped(top)
    if top.abstract:
        return _bind_abstract(prim, args, attrs, top)
    nested = False
    tracked = 0
    bit = 1
    values = []
    for x in args:
        if isinstance(x, Tensor):
            if x.rec is top:
                tracked |= bit
                x = x.value
                if isinstance(x, Tensor):
                    nested = True
            elif x.rec is None:
                x = x.value
            else:
                nested = True
        values.append(x)
        bit += bit
    y = bind(prim, values, attrs) if nested else _call(prim, values, attrs)
    if top.level <= local.paused and not top.keep_all:
        return _view(prim, args, attrs, _wrap(prim, y)) if top is SESSION and not nested else y
    if prim.multi:
        return _write_parts(prim, args, attrs, top, tracked, y)
    if y.dtype.kind not in "fc" and not top.keep_all:
        return Tensor(y) if top is SESSION else y
    return _write(prim, args, attrs, top, tracked, values, y)


def _higher(a: Recorder, b: Recorder) -> Recorder:
    """The recorder of the higher level; two of the same level cannot both be running."""
    if a.level == b.level:
        raise escaped(b if not b.open else a)
    return a if a.level > b.level else b


def _call(prim: Primitive, values: Sequence[Any], attrs: dict[str, Any]) -> Any:
    """The value, from NumPy; what NumPy refuses is worded in our way."""
    try:
        return prim.impl(*values, **attrs)
    except WengertError:
        raise
    except Exception as error:
        raise refused(prim, values, attrs, error) from error


def _write(
    prim: Primitive, args: Sequence[Any], attrs: dict[str, Any], top: Recorder, tracked: int, values: list[Any], y: Any
) -> Tensor:
    """Write a line with one value, and keep beside it what its rules will read."""
    keep: Any
    keep, keep_y = prim.keeps(tracked)
    if top.keep_all:
        keep, keep_y = range(len(args)), True
    inputs = []
    for x in args:
        if isinstance(x, Tensor) and x.rec is top:
            inputs.append(x.node)
        elif type(x) in SCALAR_TYPES:
            inputs.append(x)
        else:
            value = x if isinstance(x, Tensor) and x.rec is not None else _raw(x)
            inputs.append(Const(value, len(inputs) in keep))
    for i in keep:
        if tracked >> i & 1:
            inputs[i].value = values[i]
    # Slots are set one by one: the constructors would cost as much as the rest of this function.
    node = _new_node(Node)
    node.prim = prim
    node.attrs = attrs
    node.shape = y.shape
    node.dtype = y.dtype
    node.extra = None
    node.value = y if keep_y else None
    node.inputs = tuple(inputs)
    node.code, node.lasti = capture()
    node.number = _next()
    result = _new(Tensor)
    result.value = y
    result.node = node
    result.rec = top
    if prim.window:
        join(args[0], result, attrs.get("index"))
    return result


def _raw(x: Any) -> Any:
    return x.value if isinstance(x, Tensor) else as_array(x)


def _compute(prim: Primitive, args: Sequence[Any], attrs: dict[str, Any]) -> Any:
    """The value where nothing is recorded; a tensor if an operand is one."""
    wrap = False
    values = []
    for x in args:
        if isinstance(x, Tensor):
            wrap = True
            x = x.value
        values.append(x)
    y = _call(prim, values, attrs)
    return _view(prim, args, attrs, _wrap(prim, y)) if wrap else y


def _wrap(prim: Primitive, y: Any) -> Any:
    return tuple(Tensor(v) for v in y) if prim.multi else Tensor(y)


def _view(prim: Primitive, args: Sequence[Any], attrs: dict[str, Any], result: Any) -> Any:
    """Note a window onto its base, for results that are not recorded."""
    if prim.window and isinstance(result, Tensor) and isinstance(args[0], Tensor):
        join(args[0], result, attrs.get("index"))
    return result


def refused(prim: Primitive, values: Sequence[Any], attrs: dict[str, Any], error: Exception) -> Exception:
    """NumPy refused: our own words for it where `aval` finds the fault, else NumPy's with our frame around."""
    for x in values:
        if type(x) not in SCALAR_TYPES and not isinstance(x, np.ndarray | np.generic):
            return OperandError(
                f"{prim.name}: got {', '.join(map(show, values))}; operands are numbers, arrays or tensors"
            )
    try:
        prim.aval(*values, **attrs)
    except WengertError as ours:
        return ours
    except Exception:
        return _worded(prim, values, error)
    return _worded(prim, values, error)


def _worded(prim: Primitive, values: Sequence[Any], error: Exception) -> Exception:
    kind = type(error)
    text = f"{prim.name}: got {', '.join(map(show, values))}; NumPy says: {error}"
    # The class stays the builtin one, so that the user's `except` keeps working.
    ours = type(kind.__name__, (WengertError, kind), {"__module__": "wengert.errors"})
    return ours(text)


def _bind_abstract(prim: Primitive, args: Sequence[Any], attrs: dict[str, Any], top: Recorder) -> Any:
    """Write a line whose value is not computed: only shape and dtype."""
    if OPEN and local.lifting is not None and top is local.lifting.recorder:
        args, found = local.lifting.weak(prim, args, attrs)
        if found is not None:
            return found
    avals = [x if type(x) in SCALAR_TYPES else Aval(x.shape, x.dtype) for x in map(_described, args)]
    y = prim.aval(*avals, **attrs)
    code, lasti = capture()
    inputs = tuple(top.variable(x) for x in args)
    if not prim.multi:
        result = Tensor(None, Node(prim, inputs, attrs, y[0], y[1], code, lasti), top)
        if OPEN and local.lifting is not None:
            local.lifting.made.append(weakref.ref(result))
        return result
    node = Node(prim, inputs, attrs, tuple(a[0] for a in y), tuple(a[1] for a in y), code, lasti)
    return tuple(Tensor(None, Node(PART, (node,), {"index": i}, a[0], a[1], code, lasti), top) for i, a in enumerate(y))


def _described(x: Any) -> Any:
    return x if isinstance(x, Tensor) or type(x) in SCALAR_TYPES else as_array(x)


def _write_parts(
    prim: Primitive, args: Sequence[Any], attrs: dict[str, Any], top: Recorder, tracked: int, ys: Any
) -> tuple[Any, ...]:
    """Write a line with several values and one `part` line for each of them."""
    inputs = tuple(top.variable(x) for x in args)
    code, lasti = capture()
    node = Node(prim, inputs, attrs, tuple(y.shape for y in ys), tuple(y.dtype for y in ys), code, lasti)
    keep, keep_y = prim.keeps(tracked)
    for i in range(len(args)) if top.keep_all else keep:
        if tracked >> i & 1:
            inputs[i].value = args[i].value
    if keep_y or top.keep_all:
        node.value = tuple(ys)
    parts = []
    for i, y in enumerate(ys):
        if y.dtype.kind in "fc" or top.keep_all:
            part = Node(PART, (node,), {"index": i}, y.shape, y.dtype, code, lasti)
            if top.keep_all:
                part.value = y
            parts.append(Tensor(y, part, top))
        else:
            parts.append(Tensor(y) if top is SESSION else y)
    return tuple(parts)


def escaped(rec: Recorder) -> EscapedTensorError:
    """The error for a tensor that outlived, or never belonged to, the running transform, or whose base was written."""
    if rec is STALE:
        return EscapedTensorError(
            "this tensor was taken from another one by indexing, reshaping or transposing, and that one was written to "
            "since; NumPy would show the new values, here results are values and not windows",
            hint="take it again after writing, or copy it before: t[i].clone()",
        )
    return EscapedTensorError(
        f"a tensor recorded by `{rec.what}` is used outside of it",
        hint="return it from the function instead of storing it in a global, an attribute or an outer list",
    )


def needs_value(x: Tensor, what: str) -> TracedValueError:
    """The error for Python code that asks for the value of an abstract tensor."""
    rec = x.rec if x.rec is None or not isinstance(x.value, Tensor) else x.value.rec
    return TracedValueError(
        f"{what}: got {show(x)}, whose value is not known while `{rec.what if rec else '?'}` records",
        hint="use wg.where or wg.cond to branch, wg.scan, wg.fori_loop or wg.while_loop to loop on values",
    )


def concrete(x: Any, what: str = "numpy") -> Any:
    """The NumPy value under every level of recording; raises for an abstract tensor."""
    while isinstance(x, Tensor):
        if x.value is None:
            raise needs_value(x, what)
        if x.rec is STALE:
            raise escaped(STALE)
        if local.lifting is not None and not isinstance(x.value, Tensor):
            local.lifting.reads.append((x, x.value))
        x = x.value
    return x


# ----- recording for the compiler -------------------------------------------------------------------
def current(x: Any) -> Any:
    """The value under the session: an array, or while a function is recorded for the compiler a tensor of its list."""
    if local.lifting is None:
        return concrete(x)
    return local.lifting.traced(x) if isinstance(x, Tensor) else x


def session() -> Recorder:
    """The session, or what stands for it while a function is recorded for the compiler."""
    return SESSION if local.lifting is None else local.lifting.session


def needs_eager(what: str, hint: str) -> None:
    """Refuse what a compiled function cannot do, where one is being recorded."""
    if local.lifting is not None:
        raise CompileError(f"{what}: not possible inside a function under wg.compile", hint=hint)


# ----- pausing ------------------------------------------------------------------------------------
def pause(level: int) -> None:
    """Record nothing up to this level in this thread; -1: record everything."""
    before, local.paused = local.paused, level
    if (before < 0) is not (level < 0):
        local.mark = epoch.Paused(threading.get_ident()) if level >= 0 else None


@contextmanager
def paused() -> Iterator[None]:
    """Stop recording at all levels that are open now; transforms opened inside record as usual."""
    before = local.paused
    pause(local.depth)
    try:
        yield
    finally:
        pause(before)


@contextmanager
def resumed() -> Iterator[None]:
    """Undo `paused` for the block."""
    before = local.paused
    pause(local.least)
    try:
        yield
    finally:
        pause(before)


# ----- whole functions ------------------------------------------------------------------------------
def leaf(value: Any) -> Tensor:
    """A session tensor that collects a gradient."""
    return Tensor(value, Leaf(value), session())


class Recorded(NamedTuple):
    """A recorded call: its list, and what it returned. A variable is None where a result is not recorded."""

    tape: Tape
    variables: list[Var | None]
    values: list[Any]


def trace(f: Callable[..., Sequence[Any]], primals: Sequence[Any], what: str, keep_all: bool = False) -> Recorded:
    """Run ``f`` (flat arguments to flat results) on values and record it."""
    with Recorder(what, keep_all) as rec:
        boxes = [rec.input(x) for x in primals]
        results = list(f(*boxes))
    variables = [y.node if isinstance(y, Tensor) and y.rec is rec else None for y in results]
    values = [y.value if isinstance(y, Tensor) and y.rec is rec else y for y in results]
    return Recorded(cut((v for v in variables if v is not None), [b.node for b in boxes]), variables, values)


def record_flat(f: Callable[..., Sequence[Any]], avals: Sequence[Any], what: str = "record") -> Tape:
    """The list of ``f`` (flat arguments to flat results) recorded abstractly at shapes and dtypes `avals`."""
    with Recorder(what, abstract=True) as rec:
        boxes = [Tensor(None, Input(a.shape, a.dtype), rec) for a in avals]
        outputs = [rec.variable(y) for y in f(*boxes)]
    return cut(outputs, [b.node for b in boxes])


def evaluate(tape: Tape, args: Sequence[Any]) -> list[Any]:
    """Run a list on `args` (arrays or tensors, which record it again); the results in order."""
    env: dict[Any, Any] = dict(zip(tape.inputs, args, strict=True))

    def read(x: Any) -> Any:
        if not isinstance(x, Var):
            return x
        return env[x] if x in env else x.value

    for node in tape.nodes:
        if node.prim is PART:
            env[node] = env[node.inputs[0]][node.attrs["index"]]
        else:
            env[node] = bind(node.prim, [read(x) for x in node.inputs], node.attrs)
    return [read(x) for x in tape.outputs]
