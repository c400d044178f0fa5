"""`Parameter` and `Module`: building blocks that know their parameters, with PyTorch's names and state-dict keys.

A module is also a tree whose leaves are its trainable parameters, so the transforms take it::

    gradient = wg.grad(lambda m: loss(m(x), y))(model)  # a module with gradients in the parameters' places
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from wengert.base.dtypes import get_default_dtype
from wengert.base.errors import ArgumentError, DTypeError, OperandError, ShapeError, show
from wengert.core.epoch import changed
from wengert.core.record import SESSION, Tensor, as_array, concrete, local, needs_eager
from wengert.core.tape import Leaf
from wengert.core.tree import register_tree
from wengert.nn import summary
from wengert.nn.watching import buffer_now, buffers_now, made_inside, set_while_recorded, signature, watch_module
from wengert.transforms.hooks import HookHandle


class Parameter(Tensor):
    """A tensor that a module learns: a leaf that collects its gradient, unless ``requires_grad=False``.

    Python numbers and lists take the default dtype, arrays keep theirs; the data are copied.

    >>> import wengert as wg
    >>> wg.nn.Parameter([1.0, 2.0]).shape
    (2,)
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        given = concrete(data, "Parameter")
        value = np.array(given, None if hasattr(given, "dtype") else get_default_dtype())
        if requires_grad and value.dtype.kind not in "fc":
            raise DTypeError(f"Parameter: got {show(value)}, which has no derivative; needs a floating dtype")
        if requires_grad:
            super().__init__(value, Leaf(value), SESSION)
        else:
            super().__init__(value)


class LoadResult(NamedTuple):
    """What `load_state_dict` did not find on either side."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """A function with parameters. Assign parameters and modules to attributes in ``__init__``; write ``forward``.

    >>> import wengert as wg
    >>> class Double(wg.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.scale = wg.nn.Parameter(2.0)
    ...
    ...     def forward(self, x):
    ...         return self.scale * x
    >>> [name for name, _ in Double().named_parameters()]
    ['scale']
    """

    training: bool
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    _temporary: set[str]  # buffers that are no part of the state dict
    _before: list[Any]  # hooks of the forward pass
    _after: list[Any]
    _watched_ = ("forward",)  # what a compiled function runs of it; its attributes are watched as a whole

    def __init__(self) -> None:
        for name, value in _new_attributes().items():
            object.__setattr__(self, name, value)
        if local.lifting is not None:
            made_inside(self)

    # ----- calling
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__}: write a method `forward(self, …)`")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if local.lifting is not None:
            watch_module(self)
        if self._before or self._after:
            return self._call_with_hooks(args, kwargs)
        return self.forward(*args, **kwargs)

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        for hook in tuple(self._before):
            changed = hook(self, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        y = self.forward(*args, **kwargs)
        for hook in tuple(self._after):
            changed = hook(self, args, y)
            y = y if changed is None else changed
        return y

    def register_forward_pre_hook(self, hook: Callable[[Module, tuple[Any, ...]], Any]) -> HookHandle:
        """Call ``hook(module, args)`` before every forward pass; what it returns replaces the positional arguments."""
        self._before.append(hook)
        changed()
        return HookHandle(self._before, hook)

    def register_forward_hook(self, hook: Callable[[Module, tuple[Any, ...], Any], Any]) -> HookHandle:
        """Call ``hook(module, args, output)`` after every forward pass; what it returns replaces the output.

        >>> import wengert as wg, numpy as np
        >>> seen = []
        >>> layer = wg.nn.Linear(2, 3)
        >>> handle = layer.register_forward_hook(lambda module, args, y: seen.append(y.shape))
        >>> _ = layer(np.zeros(2))
        >>> handle.remove()
        >>> seen
        [(3,)]
        """
        self._after.append(hook)
        changed()
        return HookHandle(self._after, hook)

    # ----- attributes
    def __setattr__(self, name: str, value: Any) -> None:
        if local.lifting is not None:
            set_while_recorded(self, name, value)
            return
        changed()
        if isinstance(value, Parameter):
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            self.add_module(name, value)
        elif name in self.__dict__.get("_parameters", ()):
            if value is not None:
                raise OperandError(
                    f"{type(self).__name__}.{name} is a parameter and cannot become a {type(value).__name__}",
                    hint="use nn.Parameter(…), or change its value under wg.no_grad()",
                )
            self._parameters[name] = None
        elif name in self.__dict__.get("_buffers", ()):
            self._buffers[name] = value
        elif name in self.__dict__.get("_modules", ()):
            self._modules[name] = value
        else:
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        # Called only where the ordinary look-up found nothing.
        for kind in ("_parameters", "_buffers", "_modules"):
            found = self.__dict__.get(kind, {})
            if name in found:
                if local.lifting is not None and kind == "_buffers":
                    return buffer_now(self._buffers, name)
                return found[name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __delattr__(self, name: str) -> None:
        changed()
        for found in (self._parameters, self._buffers, self._modules):
            if name in found:
                del found[name]
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._parameters, *self._buffers, *self._modules]

    def register_parameter(self, name: str, parameter: Parameter | None) -> None:
        """Add a parameter under `name`; None keeps the place free."""
        self._place("_parameters", name)[name] = parameter
        _give_name(parameter, name)

    def register_buffer(self, name: str, value: Any, persistent: bool = True) -> None:
        """Add an array that belongs to the state but is not learned (running means, masks)."""
        self._place("_buffers", name)[name] = value
        self._temporary.discard(name) if persistent else self._temporary.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a part under `name`, which becomes the prefix of its parameters' names."""
        if module is not None and not isinstance(module, Module):
            raise OperandError(f"add_module: {name!r} is a {type(module).__name__}; needs a Module")
        self._place("_modules", name)[name] = module
        if module is not None:
            for path, parameter in module.named_parameters():
                _give_name(parameter, f"{name}.{path}")

    register_module = add_module

    def _place(self, kind: str, name: str) -> dict[str, Any]:
        """The dictionary for `name`, after every other thing of that name is gone."""
        if "_parameters" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__}: call super().__init__() before assigning {name!r}")
        if not name or "." in name:
            raise ArgumentError(f"{type(self).__name__}: {name!r} is no name; it must not be empty or contain a dot")
        for other in ("_parameters", "_buffers", "_modules"):
            if other != kind:
                self.__dict__[other].pop(name, None)
        self.__dict__.pop(name, None)
        changed()
        place: dict[str, Any] = self.__dict__[kind]
        return place

    # ----- looking around
    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all its parts with their paths, each once."""
        seen: set[int] = set()
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            path, module = stack.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield path, module
            parts = [(f"{path}.{n}" if path else n, m) for n, m in module._modules.items() if m is not None]
            stack.extend(reversed(parts))

    def modules(self) -> Iterator[Module]:
        """This module and all its parts, each once."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The direct parts with their names."""
        return ((n, m) for n, m in self._modules.items() if m is not None)

    def children(self) -> Iterator[Module]:
        """The direct parts."""
        return (module for _, module in self.named_children())

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Any]]:
        """All parameters with their paths, in the order of registration, each once."""
        return self._named("_parameters", prefix, recurse)

    def parameters(self, recurse: bool = True) -> Iterator[Any]:
        """All parameters, each once."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Any]]:
        """All buffers with their paths."""
        return self._named("_buffers", prefix, recurse)

    def buffers(self, recurse: bool = True) -> Iterator[Any]:
        """All buffers."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _named(self, kind: str, prefix: str, recurse: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for path, module in self.named_modules(prefix) if recurse else [(prefix, self)]:
            for name, x in module.__dict__[kind].items():
                if x is not None and id(x) not in seen:
                    seen.add(id(x))
                    yield (f"{path}.{name}" if path else name), x

    # ----- state
    def state_dict(self) -> dict[str, Any]:
        """A copy of every parameter and persistent buffer as an array, by path (PyTorch's keys)."""
        needs_eager("state_dict", "take the values outside of the compiled function")
        return {path: np.array(concrete(owner[name])) for path, owner, name in self._state()}

    def _state(self) -> Iterator[tuple[str, dict[str, Any], str]]:
        """Path, owning dictionary and name of everything in the state dict; shared parameters under every name."""
        stack: list[tuple[str, Module]] = [("", self)]
        while stack:
            path, module = stack.pop()
            for owner in (module._parameters, module._buffers):
                for name, x in owner.items():
                    if x is not None and not (owner is module._buffers and name in module._temporary):
                        yield path + name, owner, name
            stack.extend((f"{path}{n}.", m) for n, m in reversed(module._modules.items()) if m is not None)

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> LoadResult:
        """Take over the values of `state`, all or nothing; raises `ArgumentError` naming every misfit.

        With ``strict=False`` missing and unexpected names are allowed and returned; shapes must still fit. Values
        are converted to the dtype that is there (not from complex to real, nor from floating to integer).
        """
        needs_eager("load_state_dict", "load values outside of the compiled function")
        places = {path: (owner, name) for path, owner, name in self._state()}
        missing = [path for path in places if path not in state]
        unexpected = [path for path in state if path not in places]
        faults = [f"missing {p!r}" for p in missing] + [f"unexpected {p!r}" for p in unexpected] if strict else []
        new: dict[str, Any] = {}
        for path in places.keys() & state.keys():
            owner, name = places[path]
            try:
                new[path] = _fitting(owner[name], state[path], path)
            except (ShapeError, DTypeError) as fault:
                faults.append(fault.message)
        if faults:
            raise ArgumentError(f"{type(self).__name__}.load_state_dict: nothing was changed; {'; '.join(faults)}")
        for path, value in new.items():
            owner, name = places[path]
            if isinstance(owner[name], Tensor):
                owner[name].assign_(value)
            else:
                owner[name] = value
        changed()
        return LoadResult(missing, unexpected)

    # ----- changing all parts
    def apply(self, function: Callable[[Module], Any]) -> Module:
        """Call `function` on every part, innermost first, and return this module."""
        for module in reversed(list(self.modules())):
            function(module)
        return self

    def train(self, mode: bool = True) -> Module:
        """Switch all parts to training (dropout acts) or, with False, to evaluation."""
        needs_eager("train", "switch between training and evaluation outside of the compiled function")
        changed()
        for module in self.modules():
            object.__setattr__(module, "training", bool(mode))
        return self

    def eval(self) -> Module:
        """Switch all parts to evaluation."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Let all parameters learn, or freeze them."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def to(self, *targets: Any, dtype: Any = None, device: Any = None) -> Module:
        """Convert all floating parameters and buffers to a dtype, in place; gradients are forgotten.

        PyTorch's devices are understood as far as there is one: "cpu".

        >>> import wengert as wg, numpy as np
        >>> wg.nn.Linear(2, 3).to(np.float64).weight.dtype
        dtype('float64')
        """
        given = [t for t in (*targets, dtype, device) if t is not None and str(t) != "cpu"]
        if not given:
            return self
        try:
            wanted = np.dtype(given[0])
        except TypeError:
            wanted = None
        if wanted is None or wanted.kind not in "fc" or len(given) > 1:
            raise DTypeError(
                f"{type(self).__name__}.to: got {', '.join(map(repr, given))}; needs a floating dtype "
                f"(or 'cpu', the only device)"
            )
        for module in self.modules():
            for parameter in module._parameters.values():
                if isinstance(parameter, Tensor) and parameter.dtype != wanted:
                    convert_in_place(parameter, wanted)
            for name, buffer in module._buffers.items():
                if buffer is not None and np.asarray(concrete(buffer)).dtype.kind == "f":
                    module._buffers[name] = np.asarray(concrete(buffer), wanted)
        return self

    def float(self) -> Module:
        """Convert to float32."""
        return self.to(np.float32)

    def double(self) -> Module:
        """Convert to float64."""
        return self.to(np.float64)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or set those that are there to zero."""
        for parameter in self.parameters():
            clear_gradient(parameter, set_to_none)

    def _signature_(self) -> Any:
        """What decides, besides the parameters, how a compiled function that gets the module is recorded."""
        return signature(self)

    # ----- text
    def extra_repr(self) -> str:
        """What stands between the parentheses of `repr` for a module without parts."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        parts = [f"({name}): " + repr(m).replace("\n", "\n  ") for name, m in self._modules.items()]
        if not parts:
            return f"{type(self).__name__}({extra})"
        inside = "\n  ".join([extra, *parts] if extra else parts)
        return f"{type(self).__name__}(\n  {inside}\n)"

    def summary(self, *inputs: Any) -> str:
        """A table of all parameters; with example inputs (arrays or shapes) one of all parts.

        Operations are the recorded lines that depend on the inputs.

        >>> import wengert as wg
        >>> print(wg.nn.Linear(8, 16).summary())
        parameter  module  shape    count
        weight     Linear  [16, 8]    128
        bias       Linear  [16]        16
        total                         144
        >>> print(wg.nn.Sequential(wg.nn.Linear(8, 16), wg.nn.Tanh()).summary((4, 8)))
        module   kind        output   parameters  operations
        (model)  Sequential  [4, 16]           0           3
          0      Linear      [4, 16]         144           2
          1      Tanh        [4, 16]           0           1
        total                                144           3
        """
        return summary.of_calls(self, inputs) if inputs else summary.of_parameters(self)


def _new_attributes() -> dict[str, Any]:
    return {
        "training": True, "_parameters": {}, "_buffers": {}, "_modules": {}, "_temporary": set(), "_before": [],
        "_after": [],
    }  # fmt: skip


def _give_name(parameter: Any, name: str) -> None:
    """Let the recorded list and error messages call a parameter by its path."""
    if parameter is not None and isinstance(parameter.node, Leaf):
        parameter.node.cell.name = name


def _fitting(old: Any, new: Any, path: str) -> Any:
    """A copy of `new` in the dtype of `old`, which must have the same shape."""
    value = np.asarray(concrete(as_array(new) if not isinstance(new, Tensor) else new))
    if value.shape != old.shape:
        raise ShapeError(f"{path!r} has the shape {list(old.shape)}, the state {list(value.shape)}")
    if not np.can_cast(value.dtype, old.dtype, "same_kind"):
        raise DTypeError(f"{path!r} has the dtype {old.dtype}, the state {value.dtype}")
    return np.array(value, old.dtype)


def clear_gradient(parameter: Any, set_to_none: bool) -> None:
    """Forget a parameter's gradient, or replace it by zeros."""
    if not set_to_none and parameter.grad is None:
        return
    parameter.grad = None if set_to_none else Tensor(np.zeros(parameter.shape, parameter.dtype))


def convert_in_place(parameter: Any, dtype: np.dtype[Any]) -> None:
    """Give a parameter (a leaf, or a frozen one) its values in another dtype; its gradient is forgotten."""
    changed()
    value = np.array(concrete(parameter), dtype)
    if isinstance(parameter.node, Leaf):
        parameter.node.cell.grad = None
        parameter.node = Leaf(value, parameter.node.cell)
    parameter.value = value


# ----- a module as a tree ---------------------------------------------------------------------------------
class _Frame:
    """A module without its trainable parameters and parts; frames are equal where class and names agree."""

    __slots__ = ("attributes", "kind", "leaves", "parts", "unsteady")

    def __init__(self, module: Module) -> None:
        self.kind = type(module)
        self.attributes = module.__dict__
        self.leaves = tuple(n for n, p in module._parameters.items() if _is_trainable(p))
        self.parts = tuple(n for n, m in module._modules.items() if m is not None)
        self.unsteady = False  # whether a compiled function that returns it would have to return buffers, too
        if local.lifting is not None:
            kept = {n: p for n, p in module._parameters.items() if n not in self.leaves}
            self.attributes = {
                **module.__dict__,
                "_parameters": dict.fromkeys(module._parameters) | kept,
                "_modules": dict.fromkeys(module._modules),
            }
            self.unsteady = any(isinstance(x, Tensor) for x in module._buffers.values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Frame) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"{self.kind.__name__}({', '.join(self.leaves + self.parts)})"

    def _key(self) -> tuple[Any, ...]:
        return self.kind, self.leaves, self.parts

    def build(self, children: list[Any]) -> Module:
        """The module with other children. Not through __init__, which may compute or draw random numbers."""
        module: Module = object.__new__(self.kind)
        module.__dict__.update(self.attributes)
        for kind in ("_parameters", "_buffers", "_modules"):
            module.__dict__[kind] = dict(self.attributes[kind])
        if local.lifting is not None:
            module.__dict__["_buffers"] = buffers_now(self.attributes["_buffers"])
        module._parameters.update(zip(self.leaves, children, strict=False))
        module._modules.update(zip(self.parts, children[len(self.leaves) :], strict=True))
        return module


def _is_trainable(x: Any) -> bool:
    # After a transform has rebuilt the module, arrays and tensors stand where parameters were.
    return x is not None and (not isinstance(x, Parameter) or bool(x.requires_grad))


def _take(module: Module) -> tuple[list[Any], _Frame]:
    if local.lifting is not None:
        watch_module(module)
    frame = _Frame(module)
    parameters = [module._parameters[n] for n in frame.leaves]
    return parameters + [module._modules[n] for n in frame.parts], frame


register_tree(Module, _take, lambda frame, children: frame.build(children))
