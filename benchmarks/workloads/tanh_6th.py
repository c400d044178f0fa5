"""The sixth derivative of tanh by six nested gradients, elementwise."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.harness.definitions import Arrays, Step, Workload

ORDER = 6


def make(points: int) -> Arrays:
    return {"x": np.linspace(-7, 7, points)}


def reference(data: Arrays) -> Any:
    """Derivatives of tanh are polynomials of t = tanh x: d/dx q(t) = q'(t) (1 - t²)."""
    q = np.polynomial.Polynomial([0, 1])
    for _ in range(ORDER):
        q = q.deriv() * np.polynomial.Polynomial([1, 0, -1])
    return q(np.tanh(data["x"]))


def wengert(framework: Any, data: Arrays) -> Step:
    import wengert as wg

    f: Any = np.tanh
    for _ in range(ORDER):
        f = wg.elementwise_grad(f)
    return framework.call(f, data["x"])


def summed(f: Any) -> Any:
    return lambda x: f(x).sum()


def torch(framework: Any, data: Arrays) -> Step:
    import torch

    x = torch.from_numpy(data["x"].copy())
    if framework.eager:

        def derivative(x: Any) -> Any:
            y = torch.tanh(x)
            for order in range(ORDER):
                (y,) = torch.autograd.grad(y.sum(), x, create_graph=order < ORDER - 1)
            return y

        return framework.call(derivative, x.requires_grad_())

    f: Any = torch.tanh
    for _ in range(ORDER):
        f = torch.func.grad(summed(f))
    return framework.call(f, x)


def jax(framework: Any, data: Arrays) -> Step:
    import jax
    import jax.numpy as jnp

    f: Any = jnp.tanh
    for _ in range(ORDER):
        f = jax.grad(f)
    return framework.call(jax.vmap(f), data["x"])


def autograd(framework: Any, data: Arrays) -> Step:
    import autograd

    f = framework.numpy.tanh
    for _ in range(ORDER):
        f = autograd.elementwise_grad(f)
    return framework.call(f, data["x"])


def pytensor(framework: Any, data: Arrays) -> Step:
    import pytensor.tensor as pt

    x = pt.vector("x", shape=data["x"].shape, dtype="float64")
    y = pt.tanh(x)
    for _ in range(ORDER):
        y = pt.grad(pt.sum(y), x)
    return framework.call([x], y, data["x"])


def casadi(framework: Any, data: Arrays) -> Step:
    return framework.elementwise("tanh", ORDER, data["x"])


def heyoka(framework: Any, data: Arrays) -> Step:
    import heyoka

    x = heyoka.make_vars("x")
    y = heyoka.tanh(x)
    for _ in range(ORDER):
        y = heyoka.diff(y, x)
    return framework.many_points(y, x, data["x"])


def _workload(points: int) -> Workload:
    builders = {
        "wengert": wengert, "torch": torch, "jax": jax, "autograd": autograd, "pytensor": pytensor,
        "casadi": casadi, "heyoka": heyoka,
    }  # fmt: skip
    title = f"sixth derivative of tanh by six nested gradients, {points:,} points"
    return Workload(title, partial(make, points), builders, dtype="float64", reference=reference)


WORKLOADS = {"tanh_6th_200": _workload(200), "tanh_6th_1e6": _workload(1_000_000)}
