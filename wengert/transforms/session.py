"""The imperative way: tensors with ``requires_grad``, ``backward()``, ``grad``, hooks (PyTorch's semantics).

A leaf keeps its gradient in a `Cell` that outlives its values: an in-place update under `no_grad` makes a new leaf
variable with the same cell, so lines recorded before still see the value they read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from wengert.base.dtypes import is_differentiable
from wengert.base.errors import DTypeError, GraphError, OperandError, ScalarError, ShapeError, TracedValueError, show
from wengert.core.epoch import changed, replaced
from wengert.core.record import Tensor, as_array, concrete, current, evaluate, local, needs_eager, resumed, session
from wengert.core.tape import Leaf, Node, Tape, Var, cut
from wengert.core.windows import origin_of
from wengert.ops.arithmetic import stop_gradient
from wengert.ops.methods import Alias
from wengert.ops.structure import arrayed
from wengert.transforms.hooks import HookHandle, Retained, apply_hooks, hooked, hooks_of, retained_of
from wengert.transforms.modes import no_grad
from wengert.transforms.reverse import Adjoints, owned, sweep


# ----- sweeping ------------------------------------------------------------------------------------------
@contextmanager
def retain_gradients() -> Iterator[None]:
    """Keep the gradient of every intermediate tensor in the sweeps of this block, for looking at them.

    >>> import wengert as wg
    >>> x = wg.tensor(2.0, requires_grad=True)
    >>> z = x * x
    >>> y = z + 1
    >>> with wg.retain_gradients():
    ...     y.backward()
    >>> z.grad_fn.gradient
    tensor(1.)
    """
    before, local.retaining = local.retaining, True
    try:
        yield
    finally:
        local.retaining = before


class SweptInsideError(GraphError):
    """A sweep inside of a function that a transform differentiates."""


def _recorded(t: Any, what: str) -> Any:
    if not isinstance(t, Tensor):
        raise OperandError(f"{what}: got {type(t).__name__}; needs tensors")
    if local.lifting is not None:
        local.lifting.bring((t,))
    if t.rec is None or t.rec.plain or t.node is None:
        raise GraphError(
            f"{what}: this tensor ({show(t)}) was not recorded, so nothing can be swept",
            hint="make an input with requires_grad=True, and compute outside of no_grad",
        )
    if not t.rec.session:
        raise SweptInsideError(f"{what}: inside `{t.rec.what}` the transform sweeps; return the value instead")
    return t.node


def _seed(t: Tensor, gradient: Any, what: str) -> Any:
    if gradient is None:
        if int(np.prod(t.shape)) != 1:
            raise ScalarError(
                f"{what}: got {show(t)}; without a gradient argument it needs one element",
                hint="call it on a loss such as t.sum() or t.mean(), or pass gradient=",
            )
        if t.dtype.kind == "c":
            raise ScalarError(f"{what}: a complex tensor has no gradient of its own; take its real part")
        return np.ones(t.shape, t.dtype)
    g = gradient if isinstance(gradient, Tensor) else np.asarray(gradient, t.dtype)
    if g.shape != t.shape:
        raise ShapeError(f"{what}: got a gradient {show(g)} for a tensor {show(t)}; needs the same shape")
    return g


def _run(
    tensors: Sequence[Any], gradients: Sequence[Any], watch: Adjoints, retain: bool, create: bool, what: str
) -> tuple[Tape, Adjoints]:
    """Sweep from `tensors`; the adjoints of leaves are returned, those of other lines put into `watch`."""
    seeds: Adjoints = {}
    for t, gradient in zip(tensors, gradients, strict=True):
        node = _recorded(t, what)
        g = _seed(t, gradient, what)
        g = g if create or not isinstance(g, Tensor) else current(g)
        seeds[node] = g if node not in seeds else seeds[node] + g
    if local.lifting is not None:
        local.lifting.swept = True
    tape = cut(seeds)
    if local.retaining:
        for node in tape.nodes:
            retained_of(node)
    if create:
        with resumed():
            adjoints = sweep(tape, seeds, lambda v: Tensor(v.value, v, session()), watch)
    else:
        adjoints = sweep(tape, seeds, None, watch)
    if not retain:
        for node in tape.nodes:
            node.release()
    return tape, adjoints


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Sweep back from `tensors` and add the gradients to ``.grad`` of the leaves (or of `inputs` only).

    ``grad_tensors``: the cotangents where a tensor is no scalar. ``retain_graph`` keeps the recorded values for
    another sweep; ``create_graph`` records the sweep itself, for higher derivatives.
    Raises `GraphError` where nothing was recorded or the values were released, `ScalarError` for a non-scalar.

    >>> import wengert as wg
    >>> x = wg.tensor([1.0, 2.0], requires_grad=True)
    >>> wg.autograd.backward([(x * x).sum()])
    >>> x.grad
    tensor([2., 4.])
    """
    tensors = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    gradients = _as_list(grad_tensors, len(tensors))
    wanted = None if inputs is None else {_recorded(t, "backward") for t in _as_sequence(inputs)}
    watch: Adjoints = {v: None for v in wanted or () if isinstance(v, Node)}
    retain = create_graph if retain_graph is None else retain_graph
    tape, adjoints = _run(tensors, gradients, watch, retain, create_graph, "backward")
    leaves = {x for n in tape.nodes for x in n.inputs if isinstance(x, Leaf)} | {
        x for x in tape.outputs if isinstance(x, Leaf)
    }
    for leaf in sorted(leaves, key=lambda v: v.number):
        if wanted is None or leaf in wanted:
            g = adjoints.get(leaf)
            _accumulate(leaf, np.zeros(leaf.shape, leaf.dtype) if g is None else g, create_graph)
    for node, g in watch.items():
        if g is not None:
            retained_of(node)(g)


def _accumulate(leaf: Leaf, g: Any, create_graph: bool) -> None:
    cell = leaf.cell
    if cell.hooks:
        g = apply_hooks(cell.hooks, g)
    if not isinstance(g, Tensor):
        g = Tensor(np.asarray(owned([g])[0]))
    if local.lifting is not None:
        local.lifting.look(cell)
        local.lifting.handles.append(current(g).node)
    if cell.grad is None:
        cell.grad = g if local.lifting is None else _another(g)
        if local.lifting is None:
            changed()
    elif local.lifting is not None and not create_graph and not cell.grad.rec.session:
        total = current(cell.grad + g)
        cell.grad.value, cell.grad.node, cell.grad.rec = total.value, total.node, total.rec
    elif create_graph or cell.grad.rec is not None or g.rec is not None:
        cell.grad = cell.grad + g
    else:
        cell.grad.value = cell.grad.value + g.value  # the same handle: who holds x.grad sees the sum
        replaced()
    for hook in cell.accumulate_hooks or ():
        hook(cell.grad)


def _another(g: Tensor) -> Tensor:
    """Another handle for the same value, that nobody else may write to."""
    return Tensor(g.value, g.node, g.rec)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Any, ...]:
    """The gradients of the sum of `outputs` by `inputs`, always as a tuple; ``.grad`` stays untouched.

    With ``create_graph`` the result can be differentiated again. Raises `GraphError` for an input the outputs do
    not depend on, unless ``allow_unused`` (then its entry is None).

    >>> import wengert as wg
    >>> x = wg.tensor([1.0, 2.0], requires_grad=True)
    >>> wg.autograd.grad((x**2).sum(), x)
    (tensor([2., 4.]),)
    """
    outs, ins = _as_sequence(outputs), _as_sequence(inputs)
    variables = [_recorded(t, "autograd.grad") for t in ins]
    watch: Adjoints = {v: None for v in variables if isinstance(v, Node)}
    retain = create_graph if retain_graph is None else retain_graph
    gradients = _as_list(grad_outputs, len(outs))
    _, adjoints = _run(outs, gradients, watch, retain, create_graph, "autograd.grad")
    found = []
    for place, v in enumerate(variables):
        g = watch[v] if isinstance(v, Node) else adjoints.get(v)
        if g is None and not allow_unused:
            raise GraphError(
                f"autograd.grad: the outputs do not depend on input {place} ({show(v)})",
                hint="pass allow_unused=True to get None for it",
            )
        if isinstance(v, Leaf) and v.cell.hooks and g is not None:
            g = apply_hooks(v.cell.hooks, g)
        found.append(g if g is None or isinstance(g, Tensor) else Tensor(np.asarray(owned([g])[0])))
    return tuple(found)


def _as_sequence(x: Any) -> list[Any]:
    return [x] if isinstance(x, Tensor) else list(x)


def _as_list(x: Any, count: int) -> list[Any]:
    if x is None:
        return [None] * count
    given = list(x) if isinstance(x, tuple | list) else [x]
    if len(given) != count:
        raise ShapeError(f"backward: got {len(given)} gradients for {count} tensors")
    return given


# ----- attributes of tensors -----------------------------------------------------------------------------
def make_leaf(t: Tensor, flag: bool = True) -> Tensor:
    """Set ``requires_grad`` in place and return the tensor."""
    if flag == _requires_grad(t):
        return t
    changed()
    if flag:
        if not is_differentiable(t):
            raise DTypeError(f"requires_grad: got {show(t)}; only floating and complex tensors have gradients")
        if isinstance(origin_of(t).node, Node):
            del t.origin  # a parameter of its own, that an optimizer may update
        if t.rec is not None:  # an array while a function is recorded for the compiler
            t.value = Tensor(t.value, t.node, t.rec)
        t.node, t.rec = Leaf(t.value), session()
    elif isinstance(t.node, Leaf):
        _detach_in_place(t)
    else:
        raise GraphError(
            "requires_grad: only leaves can be switched off; this tensor is a result", hint="use t.detach()"
        )
    return t


def _set_requires_grad(t: Tensor, flag: bool) -> None:
    make_leaf(t, bool(flag))


def _requires_grad(t: Tensor) -> bool:
    """Whether operations on the tensor are recorded for derivatives."""
    return t.rec is not None and not t.rec.plain


def _get_grad(t: Tensor) -> Any:
    """The accumulated gradient of a leaf (or of an intermediate tensor after ``retain_grad``), else None."""
    if local.lifting is not None:
        local.lifting.bring((t,))
    if isinstance(t.node, Leaf):
        if local.lifting is not None:
            local.lifting.look(t.node.cell)
        return t.node.cell.grad
    if isinstance(t.node, Node) and isinstance(t.node.extra, list):
        return next((h.grad for h in t.node.extra if isinstance(h, Retained)), None)
    return None


def _set_grad(t: Tensor, g: Any) -> None:
    if local.lifting is not None:
        local.lifting.bring((t, g))
    if not isinstance(t.node, Leaf):
        if g is None:
            return
        raise GraphError("grad: only leaves with requires_grad hold a gradient")
    if g is not None:
        g = g if isinstance(g, Tensor) else Tensor(np.array(g))
        if g.shape != t.shape or g.dtype != t.dtype:
            raise ShapeError(f"grad: got {show(g)} for a tensor {show(t)}; needs the same shape and dtype")
    if local.lifting is not None:
        local.lifting.written.add(id(t.node.cell))
    else:
        changed()
    t.node.cell.grad = g


def retain_grad(t: Tensor) -> None:
    """Keep the gradient of this intermediate tensor in the next sweeps, as ``t.grad``."""
    node = _recorded(t, "retain_grad")
    if isinstance(node, Node):
        retained_of(node)


def register_hook(t: Tensor, hook: Callable[[Tensor], Any]) -> HookHandle:
    """Call ``hook(gradient)`` once with the complete gradient of this tensor; a returned tensor replaces it."""
    node = _recorded(t, "register_hook")
    if isinstance(node, Leaf):
        needs_eager("register_hook", "register hooks of leaves once, outside of the compiled function")
        changed()
        hooks = node.cell.hooks = node.cell.hooks or []

        def on_leaf(g: Tensor) -> Any:  # an object of its own: the same hook may be registered twice
            return hook(g)

        hooks.append(on_leaf)
        return HookHandle(hooks, on_leaf)

    def on_value(g: Any) -> Any:
        return hooked(hook, g) if isinstance(g, Tensor) else concrete(hooked(hook, Tensor(g)))

    hooks = hooks_of(node)
    last = next((i for i, h in enumerate(hooks) if isinstance(h, Retained)), len(hooks))
    hooks.insert(last, on_value)  # what `retain_grad` keeps is the gradient after all hooks
    return HookHandle(hooks, on_value)


def register_post_accumulate_grad_hook(t: Tensor, hook: Callable[[Tensor], Any]) -> HookHandle:
    """Call ``hook(t)`` after a gradient was added to the leaf `t`."""
    node = _recorded(t, "register_post_accumulate_grad_hook")
    if not isinstance(node, Leaf):
        raise GraphError("register_post_accumulate_grad_hook: only leaves accumulate gradients")
    needs_eager("register_post_accumulate_grad_hook", "register hooks of leaves once, outside the compiled function")
    changed()
    hooks = node.cell.accumulate_hooks = node.cell.accumulate_hooks or []

    def on_grad(_g: Any) -> None:
        hook(t)

    hooks.append(on_grad)
    return HookHandle(hooks, on_grad)


def detach(t: Tensor) -> Any:
    """The value without its recording (inside a transform: a value the transform treats as constant).

    Writing to it writes to `t`, where that is a leaf or not recorded; it does not follow when `t` is written to.
    """
    if local.lifting is not None:
        local.lifting.bring((t,))
    if t.rec is None or t.rec.session or t.rec.plain:
        return Alias(t)
    return stop_gradient(t)


def _detach_in_place(t: Tensor) -> Tensor:
    changed()
    below = t.value if isinstance(t.value, Tensor) else Tensor(t.value)
    t.value, t.node, t.rec = below.value, below.node, below.rec
    return t


def _rebuilt(kind: type[Tensor], value: Any, requires_grad: bool) -> Tensor:
    """A tensor of class `kind` with its own array: what copies and pickles of a leaf are made by."""
    new = kind.__new__(kind)
    new.value, new.node, new.rec = value, None, None
    return make_leaf(new, requires_grad)


def _deepcopy(t: Tensor, memo: dict[int, Any]) -> Tensor:
    """A leaf (or plain tensor) with its own values and gradient; results of operations cannot be copied deeply."""
    new = _reduce(t)[0](*_reduce(t)[1])
    memo[id(t)] = new
    if isinstance(t.node, Leaf):
        new.node.cell.name = t.node.cell.name
        if t.node.cell.grad is not None:
            new.node.cell.grad = Tensor(np.array(concrete(t.node.cell.grad)))
    return new


def _reduce(t: Tensor, _protocol: int = 4) -> tuple[Callable[..., Tensor], tuple[Any, ...]]:
    """How `copy` and `pickle` rebuild a tensor: from its values, without its history."""
    if isinstance(t.node, Node):
        raise GraphError(
            "copy: a result of recorded operations cannot be copied deeply or pickled",
            hint="use t.clone() to stay recorded, t.detach() for the values",
        )
    return _rebuilt, (Tensor if isinstance(t, Alias) else type(t), np.array(concrete(t, "copy")), t.rec is not None)


def _set_data(t: Tensor, value: Any) -> None:
    with no_grad():
        t.assign_(value)


# ----- the lectures' node view ----------------------------------------------------------------------------
class GradFn:
    """A line of the list seen from its result: value, gradient, the operation, and the nodes it read."""

    def __init__(self, var: Var) -> None:
        self._var = var

    @property
    def name(self) -> str:
        """``MultiplyBackward`` for a result of multiply; ``AccumulateGrad`` for a leaf."""
        prim = self._var.prim
        if prim is None:
            return "AccumulateGrad" if isinstance(self._var, Leaf) else "Constant"
        return "".join(w.capitalize() for w in prim.name.split("_")) + "Backward"

    @property
    def value(self) -> Any:
        """The value of this variable; recomputed from the inputs where no rule needed it."""
        var = self._var
        if var.value is None and isinstance(var, Node):
            if var.released:
                raise GraphError("grad_fn.value: the recorded values were released by backward",
                                 hint="call backward with retain_graph=True")  # fmt: skip
            tape = cut([var])
            with no_grad():
                return Tensor(concrete(evaluate(tape, [])[0]))
        return Tensor(concrete(var.value))

    @property
    def gradient(self) -> Any:
        """The adjoint: of a leaf, or where `retain_grad`/`retain_gradients` kept it; else None."""
        return _get_grad(Tensor(self._var.value, self._var, session()))

    @property
    def grad_operation(self) -> Any:
        """The function ``g -> cotangents of the inputs`` of this line; None for a leaf."""
        node = self._var
        if not isinstance(node, Node):
            return None

        def pull(g: Any) -> tuple[Any, ...]:
            """The cotangents this line sends to its input nodes when its own is `g`."""
            inner = Tape((), [node], [node])
            seeds = {node: as_array(concrete(arrayed(g)))}
            before, node.extra = node.extra, None
            try:
                adjoints = sweep(inner, seeds)
            finally:
                node.extra = before
            return tuple(
                None if not isinstance(x, Var) or x not in adjoints else Tensor(np.asarray(adjoints[x]))
                for x in node.inputs
            )

        pull.__name__ = self.name
        return pull

    @property
    def input_nodes(self) -> tuple[Any, ...]:
        """The nodes this line read, in the order of its operands; Python scalars as they stand there."""
        if not isinstance(self._var, Node):
            return ()
        return tuple(GradFn(x) if isinstance(x, Var) else x for x in self._var.inputs)

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """PyTorch's name for the recorded nodes this line read."""
        return tuple((n, 0) for n in self.input_nodes if isinstance(n, GradFn) and n.name != "Constant")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GradFn) and self._var is other._var

    def __hash__(self) -> int:
        return hash(self._var)

    def __repr__(self) -> str:
        return f"<{self.name}>"


def _grad_fn(t: Tensor) -> GradFn | None:
    """The line that computed this tensor, as a node of the computation graph; None for a leaf."""
    return GradFn(t.node) if isinstance(t.node, Node) else None


def _text(t: Tensor) -> str:
    """What `print` shows; refused while the function that would print is recorded for the compiler."""
    if local.lifting is not None and t.rec is not None and (t.rec.plain or t.rec.session):
        raise TracedValueError(
            f"print: got {show(t)}, whose value is not known while `compile` records; it would be printed once",
            hint="return the value and print it outside",
        )
    return _represent(t)


def _represent(t: Tensor) -> str:
    below = t
    while isinstance(below.value, Tensor):
        below = below.value
    if below.rec is not None and below.rec.abstract:
        return f"tensor(<{t.dtype}{list(t.shape)} in {below.rec.what}>)"
    value = np.asarray(concrete(t))
    text = np.array2string(
        value, separator=", ", prefix="tensor(", floatmode="maxprec_equal" if value.size else "fixed"
    )
    if value.dtype.kind == "f" and value.size and np.all(np.isfinite(value)) and np.all(value == np.round(value)):
        text = np.array2string(value, separator=", ", prefix="tensor(")
    parts = [text]
    if value.dtype not in (np.dtype(np.float32), np.dtype(np.int64), np.dtype(np.bool_)):
        parts.append(f"dtype={value.dtype}")
    if isinstance(t.node, Leaf):
        parts.append("requires_grad=True")
    elif isinstance(t.node, Node) and t.rec is not None:
        parts.append(f"grad_fn=<{GradFn(t.node).name}>" if t.rec.session else f"recorded by {t.rec.what}")
    return f"tensor({', '.join(parts)})"


def install() -> None:
    """Give `Tensor` its imperative attributes."""
    table: dict[str, Any] = {
        "requires_grad": property(_requires_grad, _set_requires_grad),
        "requires_grad_": make_leaf,
        "is_leaf": property(lambda t: not isinstance(t.node, Node)),
        "grad": property(_get_grad, _set_grad),
        "grad_fn": property(_grad_fn),
        "data": property(Alias, _set_data),
        "backward": lambda t, gradient=None, retain_graph=None, create_graph=False, inputs=None: backward(
            t, None if gradient is None else [gradient], retain_graph, create_graph, inputs
        ),
        "detach": detach,
        "detach_": _detach_in_place,
        "retain_grad": retain_grad,
        "retains_grad": property(lambda t: isinstance(t.node, Node) and _get_grad(t) is not None),
        "register_hook": register_hook,
        "register_post_accumulate_grad_hook": register_post_accumulate_grad_hook,
        "__repr__": _represent,
        "__str__": _text,
        "__deepcopy__": _deepcopy,
        "__reduce_ex__": _reduce,
    }
    for name, value in table.items():
        setattr(Tensor, name, value)


install()
__all__ = ["retain_gradients"]
