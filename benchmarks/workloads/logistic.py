"""Logistic regression: the full Hessian of the mean loss, and one Newton step with gradient, Hessian and solution."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness.definitions import Arrays, Builder, Step, Workload

N, D = 2000, 50


def make() -> Arrays:
    random = np.random.default_rng(0)
    x = random.standard_normal((N, D))
    probability = 1 / (1 + np.exp(-x @ random.standard_normal(D)))
    y = (random.random(N) < probability).astype(np.float64)
    return {"w": 0.1 * random.standard_normal(D), "x": x, "y": y}


def hessian_by_hand(data: Arrays) -> Any:
    p = 1 / (1 + np.exp(-data["x"] @ data["w"]))
    return data["x"].T @ (data["x"] * (p * (1 - p))[:, None]) / N


def step_by_hand(data: Arrays) -> Any:
    p = 1 / (1 + np.exp(-data["x"] @ data["w"]))
    return data["w"] - np.linalg.solve(hessian_by_hand(data), data["x"].T @ (p - data["y"]) / N)


def arrays(data: Arrays) -> tuple[np.ndarray, ...]:
    return data["w"], data["x"], data["y"]


# ----- Wengert
def _wengert_loss(w: Any, x: Any, y: Any) -> Any:
    z = x @ w
    return np.mean(np.logaddexp(0.0, z) - y * z)


def wengert_hessian(framework: Any, data: Arrays) -> Step:
    import wengert as wg

    return framework.call(wg.hessian(_wengert_loss), *arrays(data))


def wengert_newton(framework: Any, data: Arrays) -> Step:
    import wengert as wg

    gradient, hessian = wg.grad(_wengert_loss), wg.hessian(_wengert_loss)
    return framework.call(
        lambda w, x, y: w - np.linalg.solve(hessian(w, x, y), gradient(w, x, y)), *arrays(data)
    )  # fmt: skip


# ----- PyTorch
def _torch_parts() -> tuple[Any, Any]:
    import torch
    import torch.nn.functional as F

    def loss(w: Any, x: Any, y: Any) -> Any:
        z = torch.mv(x, w)
        return (F.softplus(z) - y * z).mean()

    return torch.func.grad(loss), torch.func.hessian(loss)


def torch_hessian(framework: Any, data: Arrays) -> Step:
    import torch

    return framework.call(_torch_parts()[1], *(torch.from_numpy(a.copy()) for a in arrays(data)))


def torch_newton(framework: Any, data: Arrays) -> Step:
    import torch

    gradient, hessian = _torch_parts()
    return framework.call(
        lambda w, x, y: w - torch.linalg.solve(hessian(w, x, y), gradient(w, x, y)),
        *(torch.from_numpy(a.copy()) for a in arrays(data)),
    )


# ----- JAX
def _jax_parts() -> tuple[Any, Any]:
    import jax
    import jax.numpy as jnp

    def loss(w: Any, x: Any, y: Any) -> Any:
        z = jnp.matmul(x, w)
        return jnp.mean(jax.nn.softplus(z) - y * z)

    return jax.grad(loss), jax.hessian(loss)


def jax_hessian(framework: Any, data: Arrays) -> Step:
    return framework.call(_jax_parts()[1], *arrays(data))


def jax_newton(framework: Any, data: Arrays) -> Step:
    import jax.numpy as jnp

    gradient, hessian = _jax_parts()
    return framework.call(lambda w, x, y: w - jnp.linalg.solve(hessian(w, x, y), gradient(w, x, y)), *arrays(data))


# ----- autograd
def _autograd_parts(framework: Any) -> tuple[Any, Any]:
    import autograd

    np_ = framework.numpy

    def loss(w: Any, x: Any, y: Any) -> Any:
        z = np_.matmul(x, w)
        return np_.mean(np_.logaddexp(0.0, z) - y * z)

    return autograd.grad(loss), autograd.hessian(loss)


def autograd_hessian(framework: Any, data: Arrays) -> Step:
    return framework.call(_autograd_parts(framework)[1], *arrays(data))


def autograd_newton(framework: Any, data: Arrays) -> Step:
    gradient, hessian = _autograd_parts(framework)
    return framework.call(lambda w, x, y: w - np.linalg.solve(hessian(w, x, y), gradient(w, x, y)), *arrays(data))


# ----- PyTensor
def _pytensor_parts() -> tuple[list[Any], Any, Any]:
    import pytensor.gradient
    import pytensor.tensor as pt

    w, y = pt.vector("w", shape=(D,), dtype="float64"), pt.vector("y", shape=(N,), dtype="float64")
    x = pt.matrix("x", shape=(N, D), dtype="float64")
    z = x @ w
    gradient = pt.grad(pt.mean(pt.softplus(z) - y * z), w)
    return [w, x, y], gradient, pytensor.gradient.jacobian(gradient, w, vectorize=True)


def pytensor_hessian(framework: Any, data: Arrays) -> Step:
    inputs, _, hessian = _pytensor_parts()
    return framework.call(inputs, hessian, *arrays(data))


def pytensor_newton(framework: Any, data: Arrays) -> Step:
    import pytensor.tensor as pt

    inputs, gradient, hessian = _pytensor_parts()
    return framework.call(inputs, inputs[0] - pt.linalg.solve(hessian, gradient), *arrays(data))


HESSIAN: dict[str, Builder] = {
    "wengert": wengert_hessian, "torch": torch_hessian, "jax": jax_hessian, "autograd": autograd_hessian,
    "pytensor": pytensor_hessian,
}  # fmt: skip
NEWTON: dict[str, Builder] = {
    "wengert": wengert_newton, "torch": torch_newton, "jax": jax_newton, "autograd": autograd_newton,
    "pytensor": pytensor_newton,
}  # fmt: skip
WORKLOADS = {
    "logistic_hessian": Workload(
        "Hessian (50 x 50) of logistic regression's mean loss, n = 2000", make, HESSIAN, dtype="float64",
        flops=2 * N * D * D, reference=hessian_by_hand,
    ),
    "newton_step": Workload(
        "Newton step of logistic regression: gradient, Hessian, solution, n = 2000, d = 50", make, NEWTON,
        dtype="float64", flops=2 * N * D * D, reference=step_by_hand,
    ),
}  # fmt: skip
