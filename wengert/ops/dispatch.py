"""NumPy's protocols: ``np.tanh(tensor)``, ``np.sum(tensor)``, ``np.linalg.inv(tensor)`` … reach our functions.

A NumPy function is found by identity (so every alias is covered), a ufunc of SciPy by its name. What is not covered
raises an error that names it and the nearest covered one; nothing passes unrecorded.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from functools import cache
from inspect import Parameter
from typing import Any

import numpy as np

from wengert.base.errors import AssignmentError, UncoveredFunctionError
from wengert.base.shapes import size_of
from wengert.core.record import Tensor
from wengert.ops import FUNCTIONS

Function = Callable[..., Any]

# Functions that look at shape and dtype only; NumPy's own result is right.
_DESCRIBING: dict[str, Function] = {
    "shape": lambda x: x.shape,
    "ndim": lambda x: len(x.shape),
    "size": lambda x, axis=None: size_of(x.shape) if axis is None else x.shape[axis],
    "iscomplexobj": lambda x: x.dtype.kind == "c",
    "isrealobj": lambda x: x.dtype.kind != "c",
    "result_type": lambda *xs: np.result_type(*(getattr(x, "dtype", x) for x in xs)),
}

_REDUCE = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min",
           "logical_and": "all", "logical_or": "any", "logaddexp": "logsumexp"}  # fmt: skip
_ACCUMULATE = {"add": "cumsum", "multiply": "cumprod", "maximum": "cummax", "minimum": "cummin"}


@cache
def table() -> dict[Any, Function]:
    """NumPy's function objects and the functions that stand for them here."""
    found: dict[Any, Function] = {}
    for name, function in FUNCTIONS.items():
        place: Any = np
        for part in name.split("."):
            place = getattr(place, part, None)
        if callable(place) and not isinstance(place, type):
            found[place] = function
    found.update({getattr(np, name): f for name, f in _DESCRIBING.items()})
    del found[np.put_along_axis]  # NumPy's writes into its argument, ours gives a new array
    return found


def _refuse(name: str) -> UncoveredFunctionError:
    near = difflib.get_close_matches(name.rsplit(".", 1)[-1], [n.rsplit(".", 1)[-1] for n in FUNCTIONS], 1, 0.75)
    hint = f"the nearest covered function is {near[0]}; " if near else ""
    return UncoveredFunctionError(
        f"{name}: this function has no derivative here and would drop the recording",
        hint=hint + "wg.custom_vjp makes your own, x.detach().numpy() is the value alone",
    )


def _refuse_keyword(name: str, keyword: str) -> UncoveredFunctionError:
    hint = {"where": "compute everywhere, then choose: wg.where(mask, new, old)"}.get(keyword)
    return UncoveredFunctionError(f"{name}: the keyword {keyword}=… is not recorded", hint=hint)


def _refuse_out(name: str) -> AssignmentError:
    return AssignmentError(
        f"{name}: an array cannot take a recorded result in place (out=…, or `array += tensor`)",
        hint="write the result to a new name: a = a + t",
    )


def array_ufunc(self: Tensor, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """NumPy's protocol for ufuncs."""
    name = ufunc.__name__
    out = kwargs.pop("out", None)
    if out is not None and any(o is not None for o in out):
        raise _refuse_out(name)
    if method == "__call__":
        return _call(ufunc, inputs, kwargs)
    if method in ("reduce", "accumulate"):
        wanted = (_REDUCE if method == "reduce" else _ACCUMULATE).get(name)
        if wanted in FUNCTIONS:
            kwargs.setdefault("axis", 0)
            return FUNCTIONS[wanted](*inputs, **{k: v for k, v in kwargs.items() if v is not None or k == "axis"})
    if method == "outer" and ufunc in table():
        a, b = (x if hasattr(x, "shape") else np.asarray(x) for x in inputs)
        return table()[ufunc](FUNCTIONS["reshape"](a, a.shape + (1,) * len(b.shape)), b)
    raise _refuse(f"{name}.{method}")


def _call(ufunc: Any, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    function = table().get(ufunc) or FUNCTIONS.get(ufunc.__name__)
    if function is None:
        raise _refuse(f"np.{ufunc.__name__}")
    if kwargs.pop("where", True) is not True:
        raise _refuse_keyword(f"np.{ufunc.__name__}", "where")
    dtype = kwargs.pop("dtype", None)
    kwargs.pop("casting", None), kwargs.pop("order", None), kwargs.pop("subok", None)
    if kwargs:
        raise _refuse_keyword(f"np.{ufunc.__name__}", next(iter(kwargs)))
    if dtype is not None:
        inputs = tuple(FUNCTIONS["astype"](x, dtype) if hasattr(x, "dtype") else x for x in inputs)
    return function(*inputs)


def array_function(self: Tensor, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """NumPy's protocol for all other functions."""
    ours = table().get(function)
    if ours is None:
        raise _refuse(f"{function.__module__}.{function.__name__}".replace("numpy", "np"))
    if kwargs:
        if kwargs.get("out") is not None:
            raise _refuse_out(function.__name__)
        args, kwargs = _as_ours(function, ours, args, kwargs)
    return ours(*args, **kwargs)


@cache
def _signature(function: Function) -> Mapping[str, Parameter]:
    try:
        return inspect.signature(function).parameters
    except ValueError:  # a few functions of NumPy written in C tell nothing
        return {}


def _as_ours(
    function: Any, ours: Function, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments under NumPy's names as our function takes them.

    A name that is not ours is passed by its place; NumPy's defaults of what we do not have are left out.
    """
    theirs, known = _signature(function), _signature(ours)
    takes_any = any(p.kind is p.VAR_KEYWORD for p in known.values())
    kept = {}
    for name in theirs:
        if name not in kwargs:
            continue
        value = kwargs.pop(name)
        if name in known and known[name].kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY):
            kept[name] = value
        elif name == list(theirs)[len(args)] and _takes_place(known, len(args)):
            args = (*args, value)
        elif takes_any:
            kept[name] = value
        elif value is not theirs[name].default and value is not None:
            raise _refuse_keyword(f"np.{function.__name__}", name)
    return args, kept | kwargs


def _takes_place(known: Mapping[str, Parameter], place: int) -> bool:
    parameters = list(known.values())
    return place < len(parameters) and parameters[place].kind in (
        Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD, Parameter.VAR_POSITIONAL
    )  # fmt: skip


Tensor.__array_ufunc__ = array_ufunc  # type: ignore[attr-defined]
Tensor.__array_function__ = array_function  # type: ignore[attr-defined]
