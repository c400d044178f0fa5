"""Random programs: what a user might write, drawn by chance, for comparing one way of running it with another.

`random_program(choose, …)` asks ``choose(n)`` for every decision (a number below n), so that a generator of random
numbers can drive it, and Hypothesis can too and shrinks what fails. A program is a list of steps over plain NumPy
functions: it runs on arrays, on tensors, inside every transform.

    program = random_program(np.random.default_rng(0).integers)
    wengert.grad(program)(*program.inputs)

Values stay small (a step that grows too much is followed by a tanh), no step is near a kink except by bad luck.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

Choose = Callable[[int], int]
Function = Callable[..., Any]
SHAPES: tuple[tuple[int, ...], ...] = ((), (3,), (2, 3), (3, 3), (1, 3), (2, 1), (3, 2), (2, 2, 3))
LIMIT = 3.0  # of the absolute values after every step

UNARY: dict[str, Function] = {
    "tanh": np.tanh,
    "sin": np.sin,
    "cos": np.cos,
    "arctan": np.arctan,
    "exp": lambda x: np.exp(-x * x),
    "log": lambda x: np.log(1.5 + np.sin(x)),
    "sqrt": lambda x: np.sqrt(x * x + 1.0),
    "cube": lambda x: x**3,
    "negative": lambda x: -x,
    "halve": lambda x: 0.5 * x,
    "where": lambda x: np.where(x > 0.1234567, np.sin(x), x * x),
    "guarded": lambda x: np.where(x > 0.1234567, np.log(np.where(x > 0.1234567, x, 1.0)), 2.0 * x),
    "transpose": np.transpose,
    "ravel": np.ravel,
    "reshape": lambda x: np.reshape(x, (-1, 1)),
    "new axis": lambda x: x[..., None, :] if x.ndim else x[None],
    "sum": np.sum,
    "mean of last": lambda x: np.mean(x, axis=-1) if x.ndim else x,
    "sum keeping": lambda x: np.sum(x, axis=0, keepdims=True) if x.ndim else x,
    "cumsum": lambda x: np.cumsum(x, axis=-1) if x.ndim else x,
    "first": lambda x: x[0] if x.ndim else x,
    "every second": lambda x: x[..., ::2] if x.ndim else x,
    "backwards": lambda x: x[::-1] if x.ndim else x,
    "picked": lambda x: x[np.array([0, -1, 0])] if x.ndim else x,
    "moved": lambda x: np.moveaxis(x, 0, -1) if x.ndim else x,
    "softmax": lambda x: np.exp(x) / np.sum(np.exp(x)),
    "normalised": lambda x: (x - np.mean(x)) / np.sqrt(np.mean((x - np.mean(x)) ** 2) + 1.0),
}
BINARY: dict[str, Function] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / (1.0 + y * y),
    "power": lambda x, y: (x * x + 0.5) ** y,
    "maximum": lambda x, y: np.maximum(x, y + 0.0123),
    "hypot": lambda x, y: np.sqrt(x * x + y * y + 0.25),
    "chosen": lambda x, y: np.where(x > 0.0456, x, y),
    "matmul": lambda x, y: x @ y,
    "matmul transposed": lambda x, y: x @ np.swapaxes(y, -1, -2),
    "dot": np.dot,
    "outer": lambda x, y: np.ravel(x)[:3, None] * np.ravel(y)[None, :3],
    "concatenate": lambda x, y: np.concatenate([np.ravel(x)[:4], np.ravel(y)[:4]]),
    "stack": lambda x, y: np.stack([x, y], axis=0),
    "einsum": lambda x, y: np.einsum("...i,...i->...", x, y),
}


class Step(NamedTuple):
    """One operation of a program: its name, and the numbers of the earlier values it reads."""

    name: str
    operands: tuple[int, ...]


class Program:
    """A random program: call it with arrays or tensors shaped like ``inputs``; the result is one scalar."""

    def __init__(self, inputs: Sequence[np.ndarray], steps: Sequence[Step], outputs: Sequence[int]) -> None:
        self.inputs, self.steps, self.outputs = list(inputs), list(steps), tuple(outputs)

    def values(self, *inputs: Any) -> list[Any]:
        """All values, inputs first, then one for each step."""
        found = list(inputs)
        for step in self.steps:
            found.append(_apply(step, found))
        return found

    def __call__(self, *inputs: Any) -> Any:
        found = self.values(*inputs)
        return sum(np.mean(np.tanh(found[k])) for k in self.outputs)

    def __repr__(self) -> str:
        """The program as Python-like text, for the report of a failure."""
        lines = [f"v{k} = {x!r}" for k, x in enumerate(self.inputs)]
        for k, step in enumerate(self.steps, len(self.inputs)):
            lines.append(f"v{k} = {step.name}({', '.join(f'v{i}' for i in step.operands)})")
        return "\n".join([*lines, f"return sum of mean(tanh(v)) of {self.outputs}"])


def _apply(step: Step, values: Sequence[Any]) -> Any:
    function = (UNARY if len(step.operands) == 1 else BINARY)[step.name]
    return function(*(values[i] for i in step.operands))


def random_program(choose: Choose, operations: int = 40, inputs: int = 3, only: Sequence[str] | None = None) -> Program:
    """A program of at most `operations` steps on `inputs` arrays; ``choose(n)`` makes every decision.

    `only` restricts the steps to some names of `UNARY` and `BINARY`.

    >>> import numpy as np
    >>> from wengert.testing.programs import random_program
    >>> program = random_program(np.random.default_rng(0).integers, operations=5)
    >>> len(program.steps) <= 5 and np.shape(program(*program.inputs)) == ()
    True
    """
    names = [n for n in (*UNARY, *BINARY) if only is None or n in only]
    rng = np.random.default_rng(int(choose(1000)))
    values: list[Any] = [rng.uniform(-1, 1, SHAPES[int(choose(len(SHAPES)))]) for _ in range(inputs)]
    start, steps = list(values), list[Step]()
    for _ in range(3 * operations):  # some attempts do not fit
        step = _drawn(choose, names, values)
        if step is None or len(steps) >= operations - 1:
            break
        value = _value(step, values)
        if value is not None:
            steps.append(step)
            values.append(value)
            if np.max(np.abs(value)) > LIMIT:
                steps.append(Step("tanh", (len(values) - 1,)))
                values.append(np.tanh(value))
    outputs = sorted({len(values) - 1, *(int(choose(len(values))) for _ in range(2))})
    return Program(start, steps, outputs)


def _drawn(choose: Choose, names: Sequence[str], values: Sequence[Any]) -> Step | None:
    """The next step, with operands near the end of the program more often; None ends it."""
    number = int(choose(len(names) + 1))
    if number == 0 and len(values) > 3:
        return None
    name = names[number - 1]
    count = 1 if name in UNARY else 2
    return Step(name, tuple(max(0, len(values) - 1 - int(choose(8))) for _ in range(count)))


def _value(step: Step, values: Sequence[Any]) -> Any:
    """The value of a step, or None where the shapes do not fit or the result would be large, empty or undefined."""
    try:
        with np.errstate(all="ignore"):
            value = np.asarray(_apply(step, values))
    except (TypeError, ValueError, IndexError):
        return None
    fits = value.size and value.size <= 64 and value.ndim <= 4 and np.all(np.isfinite(value))
    return value if fits and np.max(np.abs(value)) < 50 else None


__all__ = ["BINARY", "UNARY", "Program", "Step", "random_program"]
