"""`show`: one call to look at anything that is a list, or makes one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError
from wengert.compiler import jit
from wengert.compiler.jit import Compiled
from wengert.core.record import Tensor
from wengert.core.tape import Const, Input, Leaf, Node, Tape, Var
from wengert.transforms.session import SweptInsideError
from wengert.viz.explain import explain
from wengert.viz.explanation import Explanation
from wengert.viz.formula import Formula
from wengert.viz.paths import plain
from wengert.viz.reading import Subject, computed, read
from wengert.viz.text import list_of

_GIVEN_BACK = (
    "The values were given back by backward(); to see them too, call show() before it, or "
    "backward(retain_graph=True). The gradients of leaves are those collected so far."
)
_UNKNOWN = "Values that no derivative needs were not kept while the program ran."
_STRUCTURE = "A list without values: give the arguments too to see them, show(step, *args)."
_OPTIMISED = "The list after all passes of the compiler; its values were computed line by line."


def show(thing: Any, /, *args: Any, file: str | os.PathLike[str] | None = None, **values: Any) -> Explanation:
    """Look at a function, a formula, a module, a tensor, a list or a compiled function, at these arguments.

    A notebook shows the interactive page, ``print`` the tables. With `file` it is also written: as interactive page
    (``.html``), drawing (``.svg``, ``.png``, ``.dot``) or tables (``.md``, ``.tex``, ``.txt``). A tensor is shown
    with everything it was computed from; what recording did not keep is computed again where that is possible. A
    training step, which calls ``backward()`` itself, is shown as the list it compiles to: both sweeps and the update
    of the parameters, which are left as they were.

    >>> import wengert as wg, numpy as np
    >>> w = wg.tensor(2.0, requires_grad=True)
    >>> seen = wg.show(np.exp(w * 3 - 4))
    >>> round(float(seen["y"].value), 3), round(float(seen["p0"].adjoint), 3)
    (7.389, 22.167)
    >>> wg.show(lambda x: x**2, 3.0)["x"].adjoint
    np.float64(6.0)
    """
    if isinstance(thing, Compiled):
        made = _of_compiled(thing, args, values)
    elif isinstance(thing, Tape | Tensor | list | tuple):
        if args or values:
            raise ArgumentError(f"show: a {type(thing).__name__} is shown as it is; it takes no arguments")
        tape = thing if isinstance(thing, Tape) else list_of(thing, "show")
        made = _of_list(tape, {}, "a tensor" if isinstance(thing, Tensor) else "a list")
    elif callable(thing) or isinstance(thing, str | Formula):
        made = _of_callable(thing, args, values)
    else:
        raise ArgumentError(
            f"show: got {type(thing).__name__}; needs a function, a formula, a module, a tensor or a list"
        )
    if file is not None:
        made.save(file)
    return made


def _of_callable(thing: Any, args: tuple[Any, ...], values: dict[str, Any]) -> Explanation:
    """A function is differentiated; a training step, which calls ``backward()`` itself, is recorded as a whole."""
    try:
        return explain(thing, *args, **values)
    except SweptInsideError:
        return _of_compiled(jit.compile(thing), args, values)


def _of_list(tape: Tape, given: Mapping[Var, Any], title: str, remark: str = _UNKNOWN) -> Explanation:
    """A list with the values that are kept in it, `given`, or computed from those."""
    seen, copies = _copied(tape, given)
    names = tape.names()
    sources = [v for v in copies if isinstance(v, Leaf | Input)]
    shown = Tape([copies[v] for v in sources], seen.nodes, seen.outputs)
    released = any(node.released for node in tape)
    running = all(v.value is not None for v in shown.inputs)  # else only shapes were recorded
    known = all(v.value is not None for v in shown.variables())
    remark = _GIVEN_BACK if released else remark if running else _STRUCTURE
    grads = {copies[v]: plain(v.cell.grad) for v in sources if isinstance(v, Leaf) and v.cell.grad is not None}
    subject = Subject(
        shown, [v for v in dict.fromkeys(shown.outputs) if isinstance(v, Var)], title,
        [names[id(v)] for v in sources], sweep=running and not released and not given,
        learned=frozenset(copies[v] for v in sources if isinstance(v, Leaf) and v.cell.name),
        given=grads if released else {}, remarks=() if known and remark == _UNKNOWN else (remark,),
    )  # fmt: skip
    return Explanation.of(read(subject))


def _of_compiled(step: Compiled, args: tuple[Any, ...], values: dict[str, Any]) -> Explanation:
    """The latest list of a compiled function; with arguments, that of a call with them, and its values."""
    title = getattr(step, "__name__", "a compiled function")
    if not args and not values:
        return _of_list(step.tape, {}, title)
    tape, arguments = step.prepared(*args, **values)
    given = dict(zip(tape.inputs, (np.array(plain(x)) for x in arguments), strict=True))
    return _of_list(tape, given, title, _OPTIMISED)


def _copied(tape: Tape, given: Mapping[Var, Any]) -> tuple[Tape, dict[Var, Var]]:
    """The list anew, with every value that is kept, given, or computed from those; the new variables by the old."""
    copies: dict[Var, Var] = {}
    for v in tape.variables():
        if v not in copies:
            copies[v] = _copy(v, copies, given)
    outputs = [copies[v] if isinstance(v, Var) else v for v in tape.outputs]
    nodes = [copies[n] for n in tape.nodes]
    return Tape([copies[v] for v in tape.inputs], nodes, outputs), copies  # type: ignore[arg-type]


def _copy(v: Var, copies: Mapping[Var, Var], given: Mapping[Var, Any]) -> Var:
    if isinstance(v, Const):
        return v
    if not isinstance(v, Node):
        value = given.get(v, plain(v.value))
        # The value is copied: the explanation stays what it is when the program writes to its parameters.
        return Input(v.shape, v.dtype, None if value is None else np.array(value)[()])
    inputs = tuple(copies[x] if isinstance(x, Var) else x for x in v.inputs)
    made = Node(v.prim, inputs, v.attrs, v.shape, v.dtype, v.code, v.lasti)
    kept = tuple(map(plain, v.value)) if isinstance(v.value, tuple) else plain(v.value)
    made.value = computed(made) if kept is None else kept
    return made


__all__ = ["show"]
