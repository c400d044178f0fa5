"""Containers: modules made of modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wengert.base.errors import ArgumentError, IndexingError
from wengert.base.shapes import axis_index
from wengert.core.record import Tensor
from wengert.nn.module import Module
from wengert.ops.structure import arrayed, reshape


class Identity(Module):
    """``y = x``; takes and forgets any arguments, so that it can stand in for a layer."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        super().__init__()

    def forward(self, x: Any) -> Any:
        return x


class Flatten(Module):
    """The axes from `start_dim` to `end_dim` made one: ``(N, C, H, W) -> (N, C H W)``."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Any) -> Any:
        x = arrayed(x)
        rank = max(len(x.shape), 1)
        if not (-rank <= self.start_dim < rank and -rank <= self.end_dim < rank):
            raise ArgumentError(f"Flatten: axes {self.start_dim} to {self.end_dim} of {list(x.shape)} do not exist")
        start, end = self.start_dim % rank, self.end_dim % rank
        size = 1
        for length in x.shape[start : end + 1]:
            size *= length
        return reshape(x, x.shape[:start] + (size,) + x.shape[end + 1 :])

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """The axis `dim` taken apart into the axes `unflattened_size`, the inverse of `Flatten`."""

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        super().__init__()
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    def forward(self, x: Any) -> Any:
        x = arrayed(x)
        axis = axis_index("Unflatten", self.dim, len(x.shape))
        return reshape(x, x.shape[:axis] + self.unflattened_size + x.shape[axis + 1 :])

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


class _Listed(Module):
    """What `Sequential` and `ModuleList` share: parts named "0", "1", …"""

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def _key(self, index: int) -> str:
        if not -len(self) <= index < len(self):
            raise IndexingError(f"{type(self).__name__}: index {index} is out of range for {len(self)} modules")
        return list(self._modules)[index]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)._of(dict(list(self._modules.items())[index]))
        return self._modules[self._key(index)]

    def __setitem__(self, index: int, module: Module) -> None:
        self.add_module(self._key(index), module)

    @classmethod
    def _of(cls, parts: Mapping[str, Module]) -> Any:
        """A new container of these parts; the positions count again from 0, given names stay."""
        new = cls()
        for place, (name, module) in enumerate(parts.items()):
            new.add_module(str(place) if name.isdecimal() else name, module)
        return new

    def append(self, module: Module) -> Any:
        """Add a module at the end and return the container."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Any:
        """Add modules at the end and return the container."""
        for module in modules:
            self.append(module)
        return self


class Sequential(_Listed):
    """Modules one after the other; takes modules, or one dict of names and modules.

    >>> import wengert as wg
    >>> model = wg.nn.Sequential()
    >>> model.add_module("W0", wg.nn.Linear(8, 16))
    >>> [name for name, _ in model.named_parameters()]
    ['W0.weight', 'W0.bias']
    """

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self.add_module(name, module)
        else:
            self.extend(modules)

    def forward(self, x: Any) -> Any:
        for module in self._modules.values():
            x = module(x)
        return x


class ModuleList(_Listed):
    """A list of modules whose parameters belong to the owner; has no `forward` of its own."""

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        self.extend(modules)

    @classmethod
    def _of(cls, parts: Mapping[str, Module]) -> Any:
        return cls(parts.values())


class ModuleDict(Module):
    """Modules by name; has no `forward` of its own."""

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] = ()) -> None:
        super().__init__()
        self.update(modules)

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add or replace modules."""
        for name, module in dict(modules).items():
            self.add_module(name, module)

    def __getitem__(self, name: str) -> Any:
        return self._modules[name]

    def __setitem__(self, name: str, module: Module) -> None:
        self.add_module(name, module)

    def __delitem__(self, name: str) -> None:
        del self._modules[name]

    def __contains__(self, name: str) -> bool:
        return name in self._modules

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._modules.keys()

    def values(self) -> Iterable[Any]:
        """The modules."""
        return self._modules.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Names and modules."""
        return self._modules.items()


class Lambda(Module):
    """A function without parameters as a module: ``Lambda(np.exp)``."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Tensor) -> Any:
        return self.function(*args)

    def extra_repr(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)
