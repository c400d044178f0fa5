"""What an explanation is made of: lines, their local derivatives, and the paths a gradient takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wengert.viz.mathematics import Expr


@dataclass(frozen=True)
class Local:
    """The value of a local derivative: the whole Jacobian, or its diagonal, where it is small; else shape and norm.

    ``shape`` is that of the line, then that of its operand; ``rows`` counts the numbers in the line.
    ``kind`` is ``"number"``, ``"diagonal"``, ``"full"`` or ``"large"`` (without value; norm None: not computed).
    ``picture`` of a large one: some of its rows, evenly spaced, each as blocks of columns with their largest number.
    """

    kind: str
    value: Any
    shape: tuple[int, ...]
    norm: float | None
    rows: int = 1
    picture: Any = None


@dataclass(frozen=True)
class Partial:
    """The local derivative of line ``of`` by its operand ``by``: as a formula (or None) and as a value.

    ``operand`` counts from 1 where the line reads ``by`` more than once, and is 0 otherwise.
    """

    of: str
    by: str
    formula: Any
    local: Local
    operand: int = 0


@dataclass(frozen=True)
class Contribution:
    """What one path brings to an adjoint: the adjoint of the line ``partial.of``, times its local derivative."""

    partial: Partial
    adjoint: Any
    value: Any


@dataclass(frozen=True)
class Line:
    """One line: an input, a constant or an operation, with its value and what both modes say about it.

    ``adjoint`` is None for what no gradient can reach, and the sum of ``seed`` (of a result) and ``contributions``;
    ``tangents`` holds d line / d input by the input's name. ``value`` is None where it is not known.
    ``reads`` names its operands, ``place`` the parts of the program it belongs to (modules, functions), the outermost
    first; ``seconds`` is what computing it once more took.
    ``learned`` marks a parameter among the inputs.
    """

    name: str
    kind: str
    operation: Expr | None
    value: Any
    source: str = ""
    adjoint: Any = None
    seed: Any = None
    partials: tuple[Partial, ...] = ()
    contributions: tuple[Contribution, ...] = ()
    tangents: Mapping[str, Any] = field(default_factory=dict)
    shape: tuple[Any, ...] = ()
    dtype: Any = None
    reads: tuple[str, ...] = ()
    place: tuple[str, ...] = ()
    seconds: float | None = None
    learned: bool = False


@dataclass(frozen=True, repr=False)
class Account:
    """What is known of a differentiated program, line by line; the renderings read it."""

    title: str
    lines: tuple[Line, ...]
    objective: str
    directions: tuple[str, ...]
    numbers: tuple[int, int]  # in the inputs, in the results
    multiplications: tuple[int, int]  # in forward mode, in reverse mode
    remarks: tuple[str, ...] = ()  # what is not known, and why

    def __getitem__(self, name: str) -> Line:
        for line in self.lines:
            if line.name == name:
                return line
        raise KeyError(name)


__all__ = ["Account", "Contribution", "Line", "Local", "Partial"]
