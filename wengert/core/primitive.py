"""A primitive: one elementary operation with everything the library can ask of it, in one class.

Six fixed signatures, one letter per role: `y` output, `g` cotangent of y, `ts` tangents of the inputs
(None for zero), `xs` inputs, `attrs` hashable keywords that are part of the line::

    impl(*xs, **attrs)              the value, with NumPy
    aval(*xs, **attrs)              shape and dtype of the value from those of the inputs
    vjp(g, y, *xs, **attrs)         one cotangent per input; None for "no contribution"
    jvp(ts, y, *xs, **attrs)        the tangent of y
    batch(size, xs, dims, **attrs)  the operation on stacked examples: (value, axis of the examples)
    samples(rng)                    arguments the battery tries it on: (xs, attrs) pairs

* Rules are written in wengert operations, so that they can be differentiated, batched and compiled.
* Rules never undo broadcasting or promotion: the sweep brings a cotangent to its operand's shape and dtype.
* A rule says by a leading underscore which arguments it does not read (``def vjp(self, g, _y, a, b)``);
  those values are not kept, and the rule gets the variable instead: only its shape and dtype are there.
* A costly cotangent may be given as a function of no arguments; it is called only where it is needed.
* ``linear_in`` names the inputs in which the operation is linear; the product rule follows. Where neither
  ``jvp`` nor ``linear_in`` is given, forward mode transposes ``vjp``.
* ``pull`` is what the reverse sweep calls; a class overrides it where it can tell from `needs` what to leave out.
* With ``multi`` set, impl/aval/jvp give tuples, and y and g are tuples (without None: a part that
  nobody used has a cotangent of zeros).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np

from wengert.base.errors import MissingRuleError


class Aval(NamedTuple):
    """An abstract value: what is known of an array without its elements."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


REGISTRY: dict[str, Primitive] = {}


class Primitive:
    """Base class; making an instance registers it under its name."""

    name: str
    multi: ClassVar[bool] = False
    linear_in: tuple[int, ...] = ()
    # Where no derivative exists (comparisons, argmax): inputs get no cotangent and outputs no tangent.
    differentiable: bool = True
    # Whether the vjp puts zeros where a value was not chosen (where, indexing, the larger of two).
    masks: bool = False
    # Where NumPy's result shares memory with the first operand (see core/windows.py).
    window: bool = False

    def __init__(self) -> None:
        if self.name in REGISTRY:
            raise ValueError(f"primitive {self.name!r} is registered twice")
        REGISTRY[self.name] = self
        self._keeps: dict[int, tuple[tuple[int, ...], bool]] = {}

    def impl(self, *args: Any, **attrs: Any) -> Any:
        raise self.missing("impl")

    def aval(self, *args: Any, **attrs: Any) -> Any:
        raise self.missing("aval")

    def vjp(self, *args: Any, **attrs: Any) -> tuple[Any, ...]:
        raise self.missing("vjp")

    def samples(self, rng: np.random.Generator) -> Iterator[tuple[list[Any], dict[str, Any]]]:
        raise self.missing("samples")

    # Optional rules; `has` tells whether a class brings them.
    jvp: Callable[..., Any] | None = None
    batch: Callable[..., Any] | None = None

    def has(self, rule: str) -> bool:
        """Whether the class states `rule` itself."""
        return getattr(type(self), rule, None) is not getattr(Primitive, rule)

    def pull(self, g: Any, y: Any, xs: list[Any], needs: list[bool], attrs: dict[str, Any]) -> tuple[Any, ...]:
        """The cotangents of the inputs for which `needs` is set; what the reverse sweep calls."""
        given = self.vjp(g, y, *xs, **attrs)
        return tuple((c() if callable(c) else c) if n else None for c, n in zip(given, needs, strict=True))

    def pull_behind_mask(
        self, g: Any, y: Any, xs: list[Any], needs: list[bool], attrs: dict[str, Any]
    ) -> tuple[Any, ...]:
        """As `pull`, where zeros of `g` may be branches not taken: 0 times an infinite operand must be 0."""
        return self.pull(g, y, xs, needs, attrs)

    def keeps(self, tracked: int) -> tuple[tuple[int, ...], bool]:
        """Which inputs, and whether the output, the derivative rules read. `tracked`: bit i for input i."""
        found = self._keeps.get(tracked)
        if found is None:
            found = self._keeps[tracked] = self.reads(tracked)
        return found

    def reads(self, tracked: int) -> tuple[tuple[int, ...], bool]:
        """As `keeps`, worked out from the names of the arguments of `vjp`."""
        y, xs, rest = self._vjp_reads
        many = tracked.bit_length() if rest is None else max(64, tracked.bit_length())
        named = tuple(i for i, read in enumerate(xs) if read)
        return (named if not rest else named + tuple(range(len(xs), many)), y)

    @cached_property
    def _vjp_reads(self) -> tuple[bool, list[bool], bool | None]:
        parameters = list(inspect.signature(self.vjp).parameters.values())[1:]
        y, xs, rest = parameters[0], [], None
        for p in parameters[1:]:
            if p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty:
                xs.append(not p.name.startswith("_"))
            elif p.kind is p.VAR_POSITIONAL:
                rest = not p.name.startswith("_")
        return not y.name.startswith("_"), xs, rest

    def missing(self, rule: str) -> MissingRuleError:
        """The error for a rule this primitive does not have: names the method and the class to write it in."""
        cls = type(self)
        return MissingRuleError(
            f"{rule}: primitive {self.name!r} has no `{rule}` rule",
            hint=f"add a method `{rule}` to {cls.__module__}.{cls.__qualname__}",
        )

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"


class Part(Primitive):
    """One of the values of a line that has several; the walks treat it themselves."""

    name = "part"

    def impl(self, values: Any, *, index: int) -> Any:
        return values[index]

    def keeps(self, tracked: int) -> tuple[tuple[int, ...], bool]:
        return (), False


PART = Part()
