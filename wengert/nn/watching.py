"""Modules while a function is recorded for the compiler: buffers are read and written as values of the list."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.base.errors import CompileError
from wengert.core.places import Entry
from wengert.core.record import Tensor, local

_OWN = ("_parameters", "_buffers", "_modules", "_temporary", "_before", "_after")


def buffer_now(buffers: dict[str, Any], name: str) -> Any:
    """What a buffer is for the function that is being recorded."""
    value = buffers[name]
    if ("made", id(buffers)) in local.lifting.views:
        return local.lifting.traced(value) if isinstance(value, np.ndarray | np.generic) else value
    if not isinstance(value, np.ndarray | np.generic):
        return value  # tensors are met by the operations that read them
    return local.lifting.get((id(buffers), name), lambda: Entry(buffers, name, f"buffer {name!r}"))


def buffers_now(buffers: dict[str, Any]) -> dict[str, Any]:
    """The buffers of a copy of a module, which it may change without changing those of the module."""
    return {name: buffer_now(buffers, name) for name in buffers}


def made_inside(module: Any) -> None:
    """Note that a module was made by the function that is being recorded, such as a loss that is written in place."""
    for made in (module, module._buffers):
        local.lifting.views["made", id(made)] = made


def set_while_recorded(module: Any, name: str, value: Any) -> None:
    """Change a buffer, as the compiled function will at each call; every other attribute would be set only once.

    Those of modules that were made inside are nobody else's.
    """
    buffers = module.__dict__["_buffers"]
    if ("made", id(module)) in local.lifting.views and (name in buffers or not _stays(value)):
        if name in buffers:
            buffers[name] = value
        else:
            object.__setattr__(module, name, value)
        return
    old = buffers.get(name)
    if isinstance(old, Tensor) and old.rec is not None and hasattr(value, "dtype"):
        buffers[name] = value  # of a copy that a transform made
        return
    if not isinstance(old, np.ndarray | np.generic) or not hasattr(value, "dtype"):
        raise CompileError(
            f"compile: {type(module).__name__}.{name} is set while the function is recorded; it would be set once, not "
            "at each call",
            hint="return the value instead; what changes at each call is a buffer: register_buffer(name, array)",
        )
    slot = local.lifting.slot((id(buffers), name), lambda: Entry(buffers, name, f"buffer {name!r}"))
    if tuple(value.shape) != tuple(slot.var.shape) or value.dtype != slot.var.dtype:
        raise CompileError(
            f"compile: buffer {name!r} of {type(module).__name__} changes from {slot.var.dtype}{list(slot.var.shape)} "
            f"to {value.dtype}{list(value.shape)}", hint="a buffer of a compiled step keeps shape and dtype",
        )  # fmt: skip
    slot.now = value


def _stays(value: Any) -> bool:
    """Whether a value is one that a module keeps from call to call: a parameter, or a module."""
    return isinstance(value, Tensor) or hasattr(value, "_parameters")


def watch_module(module: Any) -> None:
    """Guard everything a module decides by; looked at after a module or an optimizer was changed somewhere."""
    lifting = local.lifting
    if any(type(p) is Tensor for p in module.parameters()):
        return  # a copy made by a transform, which watched the module when it took it apart
    if ("made", id(module)) in lifting.views:
        return
    if ("module", id(module)) not in lifting.views:
        lifting.views["module", id(module)] = module
        lifting.met += [module, *module._before, *module._after]
        lifting.watch(f"{type(module).__name__}", lambda: snapshot(module), snapshot(module))


def snapshot(module: Any) -> Any:
    """What a module decides by, comparable: attributes, which tensors and parts it has, its hooks."""
    own = module.__dict__
    plain = [(k, _frozen(v)) for k, v in own.items() if k not in _OWN]
    parts = [(k, id(v)) for kind in ("_parameters", "_modules") for k, v in own[kind].items()]
    buffers = [(k, _shape(v)) for k, v in own["_buffers"].items()]
    hooks = [id(h) for h in (*own["_before"], *own["_after"])]
    return plain, parts, buffers, hooks


class _Thing:
    """Known by identity, and alive as long as it is compared with."""

    __slots__ = ("x",)

    def __init__(self, x: Any) -> None:
        self.x = x

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Thing) and other.x is self.x

    def __hash__(self) -> int:
        return id(self.x)

    def __repr__(self) -> str:
        return type(self.x).__name__


def signature(module: Any) -> Any:
    """What a module among the arguments decides by, to be hashed; None where it has buffers, which are no arguments."""
    found = []
    for part in module.modules():
        own = part.__dict__
        if any(x is not None for x in own["_buffers"].values()):
            return None
        plain = [(k, _frozen(v)) for k, v in own.items() if k not in _OWN]
        hooks = [_Thing(h) for h in (*own["_before"], *own["_after"])]
        found.append((tuple(plain), tuple(hooks)))
    return tuple(found)


def _frozen(x: Any) -> Any:
    if x is None or isinstance(x, bool | int | float | complex | str | bytes):
        return type(x), repr(x)
    if type(x) in (list, tuple):
        return type(x), tuple(map(_frozen, x))
    if type(x) is dict:
        return dict, tuple((_frozen(k), _frozen(v)) for k, v in x.items())
    return _Thing(x)


def _shape(x: Any) -> Any:
    """Arrays may change from call to call, their type may not."""
    return (x.shape, x.dtype) if isinstance(x, np.ndarray | np.generic) else id(x)


__all__ = ["buffer_now", "buffers_now", "made_inside", "set_while_recorded", "signature", "snapshot", "watch_module"]
