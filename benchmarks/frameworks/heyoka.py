"""heyoka: symbolic expressions and derivatives, compiled with LLVM; `compact` mode or none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.harness.definitions import Framework, Step


@dataclass
class Heyoka(Framework):
    compact: bool = False

    def setup(self, threads: int, dtype: str) -> None:
        import heyoka

        self.library = heyoka

    def one_point(self, expressions: list[Any], variables: Any, values: np.ndarray) -> Step:
        """The step that evaluates many expressions at one point."""
        f = self.library.cfunc(expressions, vars=list(variables), compact_mode=self.compact)
        out = np.zeros(len(expressions))
        return Step(lambda: f(inputs=values, outputs=out), out.copy)

    def many_points(self, expression: Any, variable: Any, values: np.ndarray) -> Step:
        """The step that evaluates one expression at many points."""
        options = {"compact_mode": False, "high_accuracy": False, "fast_math": True}
        f = self.library.cfunc([expression], vars=[variable], **options)
        inputs, out = values.reshape(1, -1).copy(), np.zeros((1, values.size))
        return Step(lambda: f(inputs=inputs, outputs=out), out[0].copy)


POINTS = frozenset({"tanh_6th_200", "tanh_6th_1e6"})
ROSENBROCK = frozenset({"rosenbrock_gradient", "rosenbrock_hvp"})
FRAMEWORKS = [
    Heyoka("heyoka", "heyoka", "heyoka", ("heyoka",), only=POINTS | ROSENBROCK, further=True),
    Heyoka("heyoka_compact", "heyoka, compact", "heyoka", ("heyoka",), only=ROSENBROCK, further=True, compact=True),
]
