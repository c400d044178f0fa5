"""`Optimizer`: parameter groups, state, checks. A new optimizer is a class with its options and one `update`.

    class Lion(Optimizer):
        def update(self, p, g, state, group): …; return new_p

`update` gets values (not handles) and returns the new value; what it must remember it puts into `state`, a dict
of this parameter. It is written in wengert operations and operators, so that it can be recorded and compiled. What it
asks for with a number or an array as default, ``state.get("step", 0)``, begins with that in a compiled step; where it
asks in another way whether something is there, the first step runs eagerly.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, DTypeError, NonFiniteError, OperandError, show
from wengert.core.epoch import changed
from wengert.core.record import Tensor, current, local, needs_eager, paused, resumed
from wengert.core.tape import Leaf
from wengert.ops.comparison import isfinite
from wengert.ops.reduction import all as all_elements
from wengert.optim import watching
from wengert.optim.watching import COUNTED, WatchedDict

State = dict[str, Any]
Group = dict[str, Any]


class Optimizer:
    """Base class: ``params`` is an iterable of parameters, of ``(name, parameter)`` pairs, or of groups (dicts).

    A group may set its own options. With ``check_finite`` (the default) `step` refuses a gradient that is NaN or
    infinite, before anything is changed, and names the parameter and the step.
    """

    _watched_ = ("update", "step")  # what a compiled function runs of it; its options are watched as a whole

    def __init__(self, params: Iterable[Any], defaults: Mapping[str, Any], check_finite: bool = True) -> None:
        self.defaults = dict(defaults)
        self.check_finite = check_finite
        self._groups: list[Group] = []
        self._state: dict[Tensor, State] = WatchedDict()
        self._steps = np.zeros((), np.int64)  # always the same array: compiled steps count in it
        self._cleared = self._warned = False
        if isinstance(params, Tensor) or not isinstance(params, Iterable):
            raise OperandError(
                f"{self._name}: got {show(params)}; needs an iterable of parameters",
                hint="pass model.parameters(), or a list of tensors with requires_grad",
            )
        given = list(params)
        if not given:
            raise ArgumentError(f"{self._name}: got no parameters (was the iterator used before?)")
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(group)

    @property
    def _name(self) -> str:
        return type(self).__name__

    @property
    def param_groups(self) -> list[Group]:
        """Parameters with their options."""
        return self._groups if local.lifting is None else watching.groups(self)

    @param_groups.setter
    def param_groups(self, groups: Iterable[Group]) -> None:
        self._groups = [WatchedDict(g) for g in groups]
        changed()

    @property
    def state(self) -> dict[Tensor, State]:
        """What each parameter's updates remember."""
        return self._state if local.lifting is None else watching.states(self)

    @state.setter
    def state(self, state: Mapping[Tensor, State]) -> None:
        self._state = WatchedDict((p, WatchedDict(entry)) for p, entry in state.items())
        changed()

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return int(self._steps) if local.lifting is None else watching.steps(self).now

    @steps.setter
    def steps(self, count: int) -> None:
        if local.lifting is None:
            self._steps[...] = count
        else:
            watching.steps(self).now = count

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in COUNTED:
            needs_eager(f"setting {self._name}.{name}", "it would be set once, not at each call; set it outside")
            changed()
        object.__setattr__(self, name, value)

    # ----- what a subclass writes
    def update(self, p: Any, g: Any, state: State, group: Group) -> Any:
        """The new value of a parameter with value `p` and gradient `g`."""
        raise NotImplementedError(f"{self._name}: write a method `update(self, p, g, state, group)`")

    def check(self, group: Group) -> None:
        """Refuse options outside their range."""
        for name in ("lr", "eps", "weight_decay", "momentum", "lr_decay"):
            if name in group and not group[name] >= 0:
                raise ArgumentError(f"{self._name}: got {name}={group[name]}; needs a number that is at least 0")

    # ----- groups
    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Add parameters with their own options: ``{"params": [...], "lr": 0.1}``."""
        needs_eager("add_param_group", "add groups outside of the compiled function")
        # NumPy's numbers become Python's: theirs would widen float32 parameters.
        new = {k: v.item() if isinstance(v, np.generic) else v for k, v in {**self.defaults, **group}.items()}
        unknown = set(group) - set(self.defaults) - {"params"}
        if unknown or "params" not in group:
            fault = f"unknown options {sorted(unknown)}" if unknown else "no 'params'"
            raise ArgumentError(f"{self._name}: a group has {fault}; options are {sorted(self.defaults)}")
        members = [new["params"]] if isinstance(new["params"], Tensor) else list(new["params"])
        new["params"] = [self._member(p) for p in members]
        known = {id(p) for other in self.param_groups for p in other["params"]}
        for p in new["params"]:
            if id(p) in known:
                raise ArgumentError(f"{self._name}: {self._title(p)} is given twice")
            known.add(id(p))
        self.check(new)
        self._groups.append(WatchedDict(new))
        changed()

    def _member(self, p: Any) -> Tensor:
        if isinstance(p, tuple) and len(p) == 2 and isinstance(p[0], str):
            name, p = p
            if isinstance(p, Tensor) and isinstance(p.node, Leaf):
                p.node.cell.name = name
        if not isinstance(p, Tensor):
            raise OperandError(f"{self._name}: got {show(p)}; needs tensors with requires_grad")
        if p.node is not None and not isinstance(p.node, Leaf):
            raise ArgumentError(f"{self._name}: got the result of an operation; only leaf tensors can be optimised")
        if p.dtype.kind != "f":
            raise DTypeError(f"{self._name}: got {show(p)}; needs real floating parameters")
        return p

    def _title(self, p: Tensor) -> str:
        """How a message calls a parameter."""
        name = p.node.cell.name if isinstance(p.node, Leaf) else None
        return f"parameter {name!r} {show(p)}" if name else f"parameter {show(p)}"

    def _with_gradient(self) -> Iterator[tuple[Group, Tensor, Any]]:
        for group in self.param_groups:
            for p in group["params"]:
                gradient = p.grad
                if gradient is not None:
                    yield group, p, gradient.value if isinstance(gradient.value, np.ndarray) else current(gradient)

    # ----- stepping
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient. A `closure` computes the loss anew and is returned."""
        loss = None
        if closure is not None:
            with resumed():
                loss = closure()
        with paused():
            found = list(self._with_gradient())
            if self.check_finite:
                self._refuse_non_finite(found)
            for group, p, g in found:
                if group.get("maximize"):
                    g = -g
                p.assign_(self.update(current(p), g, self.state.setdefault(p, {}), group))
        self.steps += 1
        return loss

    def _refuse_non_finite(self, found: Iterable[tuple[Group, Tensor, Any]]) -> None:
        if local.lifting is not None:
            for _, p, g in found:
                local.lifting.check(all_elements(isfinite(g)), g, partial(self._non_finite, p))
            return
        for _, p, g in found:
            # The sum is finite wherever all elements are, up to overflow, which the second look settles.
            with np.errstate(all="ignore"):
                suspicious = not np.isfinite(np.add.reduce(g, axis=None))
            if suspicious and not np.isfinite(g).all():
                raise self._non_finite(p, g)

    def _non_finite(self, p: Tensor, g: Any) -> NonFiniteError:
        kind = "NaN" if np.isnan(g).any() else "infinite"
        return NonFiniteError(
            f"{self._name}.step: the gradient of {self._title(p)} is {kind} in step {self.steps + 1}; "
            "no parameter was changed",
            hint="lower the learning rate, look for log(0) or a division by 0, or pass check_finite=False",
        )

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to zero.

        Warns once where gradients made since the last call are thrown away and no `step` was ever taken, as happens
        with ``optimizer.step`` without parentheses.
        """
        if local.lifting is not None and set_to_none:  # nothing depends on which gradients were there
            for group in self.param_groups:
                for p in group["params"]:
                    p.grad = None
            return
        unused = False
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    unused = True
                    p.grad = None if set_to_none else Tensor(np.zeros(p.shape, p.dtype))
        if unused and self._cleared and not self.steps and not self._warned:
            self._warned = True
            warnings.warn(
                f"{self._name}.zero_grad: the gradients were not used by any step; "
                "was it written `optimizer.step` without parentheses?",
                stacklevel=2,
            )
        self._cleared = True

    # ----- state
    def state_dict(self) -> dict[str, Any]:
        """Options and a copy of the state; parameters are numbers in the order of the groups (PyTorch's form)."""
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            members = [numbers.setdefault(id(p), len(numbers)) for p in group["params"]]
            groups.append({**{k: v for k, v in group.items() if k != "params"}, "params": members})
        state = {
            numbers[id(p)]: {k: np.array(v) if isinstance(v, np.ndarray) else v for k, v in entry.items()}
            for p, entry in self.state.items()
            if entry
        }
        return {"state": state, "param_groups": groups, "steps": self.steps}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over options and state, all or nothing; raises `ArgumentError` where they do not fit."""
        needs_eager("load_state_dict", "load the state outside of the compiled function")
        groups, entries = state_dict["param_groups"], state_dict["state"]
        sizes = [len(g["params"]) for g in self.param_groups]
        given = [len(g["params"]) for g in groups]
        if sizes != given:
            raise ArgumentError(f"{self._name}.load_state_dict: got groups of {given} parameters; needs {sizes}")
        new_state: dict[Tensor, State] = {}
        new_options = []
        for group, saved in zip(self.param_groups, groups, strict=True):
            new_options.append({k: v for k, v in saved.items() if k in self.defaults})
            self.check({**group, **new_options[-1]})
            for p, number in zip(group["params"], saved["params"], strict=True):
                entry = entries.get(number, entries.get(str(number)))
                if entry is not None:
                    new_state[p] = {k: self._fitting(p, k, v) for k, v in entry.items()}
        # The same dictionaries, since compiled steps read there.
        for group, options in zip(self.param_groups, new_options, strict=True):
            group.update(options)
        for p in [p for p in self.state if p not in new_state]:
            del self.state[p]
        for p, entry in new_state.items():
            found = self.state.setdefault(p, {})
            found.clear()
            found.update(entry)
        self.steps = int(state_dict.get("steps", 0))
        self._cleared = False  # gradients made before belong to another history

    def _fitting(self, p: Tensor, key: str, value: Any) -> Any:
        if not isinstance(value, np.ndarray) or (not value.shape and p.shape):
            return int(value) if key == "step" else value
        if value.shape != p.shape:
            raise ArgumentError(
                f"{self._name}.load_state_dict: {key!r} of {self._title(p)} has the shape {list(value.shape)}"
            )
        return np.array(value, p.dtype)

    def __repr__(self) -> str:
        lines = [f"{self._name} ("]
        for number, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {number}")
            lines += [f"    {k}: {v}" for k, v in sorted(group.items()) if k != "params"]
        return "\n".join([*lines, ")"])


def remembered(state: State, key: str, p: Any, fill: float = 0.0) -> Any:
    """The value under `key`, at first `fill` everywhere."""
    if dict.__contains__(state, key):  # `in` would mean that something is decided by it
        return state[key]
    return state.get(key, np.full(p.shape, float(fill), p.dtype))


def decayed(p: Any, g: Any, group: Group) -> Any:
    """The gradient with the weight decay of the group: that of ``loss + weight_decay |p|² / 2``."""
    return g + group["weight_decay"] * p if group["weight_decay"] else g


def between_0_and_1(what: str, **options: float) -> None:
    """Refuse decay rates outside ``[0, 1)``."""
    for name, value in options.items():
        if not 0 <= value < 1:
            raise ArgumentError(f"{what}: got {name}={value}; needs a number of at least 0 and less than 1")
