"""CasADi, float64: a graph of scalars (SX) or of matrices (MX), through generated C where `in_c`.

Buffers are bound once with Function.buffer(), its interface of least overhead. C is compiled with gcc.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.harness.definitions import Framework, NotApplicable, Step, Training

FLAGS = ("-O3", "-march=native", "-ffast-math")


@dataclass
class Casadi(Framework):
    scalars: bool = False
    in_c: bool = False

    def setup(self, threads: int, dtype: str) -> None:
        import casadi

        self.library = casadi

    # ----- calls
    def _compiled(self, f: Any, flags: tuple[str, ...] = FLAGS) -> Any:
        if not self.in_c:
            return f
        folder, before = tempfile.mkdtemp(), os.getcwd()
        os.chdir(folder)  # it generates into the working folder only
        try:
            f.generate("generated.c")
        finally:
            os.chdir(before)
        shared = f"{folder}/generated.so"
        subprocess.check_call(
            ["gcc", *flags, "-shared", "-fPIC", f"{folder}/generated.c", "-o", shared, "-lmvec", "-lm"]
        )
        return self.library.external(f.name(), shared)

    @staticmethod
    def _bound(f: Any, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> tuple[Callable[[], Any], Any]:
        buffer, trigger = f.buffer()
        for i, array in enumerate(inputs):
            buffer.set_arg(i, array.data)
        for i, array in enumerate(outputs):
            buffer.set_res(i, array.data)
        return trigger, buffer

    def _call(self, f: Any, *arrays: np.ndarray) -> Step:
        f = self._compiled(f)
        inputs = [np.array(a, np.float64) for a in arrays]
        out = np.zeros(f.nnz_out(0))
        trigger, buffer = self._bound(f, inputs, [out])
        return Step(trigger, out.copy, kept=(f, inputs, buffer))

    def _symbol(self, name: str, *shape: int) -> Any:
        return (self.library.SX if self.scalars else self.library.MX).sym(name, *shape)

    # ----- what the workloads ask for
    def gradient(self, f: Callable[[Any], Any], x: np.ndarray) -> Step:
        ca, s = self.library, self._symbol("x", x.size)
        return self._call(ca.Function("f", [s], [ca.densify(ca.gradient(f(s), s))]), x)

    def hessian_product(self, f: Callable[[Any], Any], x: np.ndarray, v: np.ndarray) -> Step:
        ca, s, t = self.library, self._symbol("x", x.size), self._symbol("v", v.size)
        product = ca.densify(ca.jtimes(ca.gradient(f(s), s), s, t))
        return self._call(ca.Function("f", [s, t], [product], {"cse": True}), x, v)

    def elementwise(self, name: str, order: int, x: np.ndarray) -> Step:
        """A derivative of an elementwise function; blocks of 1000 points stay in the cache."""
        ca = self.library
        points = 1 if self.scalars else min(x.size, 1000)
        s = self._symbol("x", points)
        y = getattr(ca, name)(s)
        for _ in range(order):
            y = ca.jtimes(y, s, ca.DM.ones(points))
        f = ca.Function("f", [s], [ca.cse(y)], {"never_inline": True})
        if x.size > points:
            many = x.size // points
            f = f.map(many) if self.scalars else self._compiled(f).map(many, "thread", 2)
        if not self.scalars and x.size > points:  # its block is compiled already
            inputs, out = [x.copy()], np.zeros(x.size)
            trigger, buffer = self._bound(f, inputs, [out])
            return Step(trigger, out.copy, kept=(f, inputs, buffer))
        return self._call(f, x)

    def perceptron(self, network: Any, data: Training) -> Step:
        """A whole training step of a perceptron, SGD with momentum; matrices are transposed (columns first)."""
        ca = self.library
        if network.batch > 32 or data.optimizer.kind != "sgd":
            raise NotApplicable("written for mlp_tiny")
        size = sum(v.size for v in data.parameters.values())
        p, m = self._symbol("p", size), self._symbol("m", size)
        views, offset = {}, 0
        for name, value in data.parameters.items():
            part = p[offset : offset + value.size]
            views[name] = ca.reshape(part, *value.shape[::-1]) if value.ndim == 2 else part
            offset += value.size
        batch = {"x": data.batch["x"], "y": np.eye(network.sizes[-1])[data.batch["y"]]}
        symbols = {k: self._symbol(k, *v.shape[::-1]) for k, v in batch.items()}
        logits = network.logits(
            lambda x, w, c: ca.mtimes(w, x) + ca.repmat(c, 1, network.batch), ca.tanh, views, symbols["x"]
        )
        loss = self._cross_entropy(logits, symbols["y"], network)
        new = data.optimizer.momentum * m + ca.densify(ca.gradient(loss, p))
        f = ca.Function("f", [p, m, *symbols.values()], [p - data.optimizer.rate * new, new, loss])
        first = np.concatenate([v.ravel() for v in data.parameters.values()]).astype(np.float64)
        # A scalar graph of a whole step takes gcc minutes with more than -O1.
        flags = ("-O1", *FLAGS[1:]) if self.scalars else FLAGS
        return self._training(self._compiled(f, flags), first, [v.astype(np.float64).ravel() for v in batch.values()])

    def _cross_entropy(self, logits: Any, targets: Any, network: Any) -> Any:
        ca, classes = self.library, network.sizes[-1]
        top = logits[0, :]
        for i in range(1, classes):
            top = ca.fmax(top, logits[i, :])
        sums = ca.sum1(ca.exp(logits - ca.repmat(top, classes, 1)))
        return (ca.sum2(ca.log(sums) + top) - ca.dot(logits, targets)) / network.batch

    def _training(self, f: Any, first: np.ndarray, batch: list[np.ndarray]) -> Step:
        """Two sets of buffers, read and written by turns."""
        here, there = ([np.zeros_like(first) for _ in range(2)] for _ in range(2))
        loss, turn = np.zeros(1), [0]
        forth, kept = self._bound(f, here + batch, [*there, loss])
        back, kept_too = self._bound(f, there + batch, [*here, loss])

        def run() -> None:
            turn[0] ^= 1
            (forth if turn[0] else back)()

        def reset() -> None:
            turn[0] = 0
            here[0][:], here[1][:] = first, 0

        reset()
        return Step(run, lambda: loss[0].copy(), reset=reset, kept=(f, kept, kept_too, here, there, batch))


ROWS = frozenset({"rosenbrock_gradient", "rosenbrock_hvp", "tanh_6th_200", "tanh_6th_1e6", "mlp_tiny"})
CASADI = ("casadi",)
FRAMEWORKS = [
    Casadi("casadi_sx_c", "CasADi SX, C", "casadi", CASADI, only=ROWS, further=True, scalars=True, in_c=True),
    Casadi("casadi_mx_c", "CasADi MX, C", "casadi", CASADI, only=ROWS, further=True, in_c=True),
]
