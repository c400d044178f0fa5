"""Gradient of ADBench's log-likelihood of a Gaussian mixture with a Wishart prior.

Inputs are drawn as by ADBench's gmm-data-gen.py (gamma 1, m 0). Its spelling is in arrays: the lower triangles are one
gather, Q x is one batched product (ADBench's own Python builds columns in a loop).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from benchmarks.harness.definitions import Arrays, Step, Workload

D, K, N = 10, 25, 1000
GAMMA, M = 1.0, 0
BELOW = D * (D - 1) // 2
NAMES = ("alphas", "means", "icf")


def _places() -> np.ndarray:
    """L[i, j] for i > j lies in icf[D + place], columns one after the other; place `BELOW` holds a 0."""
    places = np.full((D, D), BELOW)
    columns, rows = np.triu_indices(D, 1)
    places[rows, columns] = np.arange(BELOW)
    return places


def _prior() -> float:
    n = D + M + 1
    gammas = sum(math.lgamma(0.5 * n + 0.5 * (1 - j)) for j in range(1, D + 1))
    multivariate = D * (D - 1) / 4 * math.log(math.pi) + gammas
    return K * (n * D * math.log(GAMMA / math.sqrt(2)) - multivariate)


PLACES = _places()
PRIOR = _prior()
CONSTANT = -N * D * 0.5 * math.log(2 * math.pi)


def make() -> Arrays:
    random = np.random.default_rng(0)
    return {
        "alphas": random.standard_normal(K), "means": random.uniform(0, 1, (K, D)),
        "icf": random.standard_normal((K, D + BELOW)), "x": random.standard_normal((N, D)),
    }  # fmt: skip


def objective(
    np_: Any, logsumexp: Any, zeros: Any, alphas: Any, means: Any, icf: Any, x: Any, places: Any = PLACES
) -> Any:
    diagonal, sums, low = np_.exp(icf[:, :D]), np_.sum(icf[:, :D], 1), icf[:, D:]
    lower = np_.concatenate([low, zeros], 1)[:, places]  # (K, D, D), strictly lower
    centred = x[None, :, :] - means[:, None, :]  # (K, N, D)
    product = diagonal[:, None, :] * centred + np_.matmul(centred, np_.swapaxes(lower, 1, 2))
    inner = (alphas + sums)[:, None] - 0.5 * np_.sum(product * product, 2)  # (K, N)
    squares = np_.sum(diagonal * diagonal, 1) + np_.sum(low * low, 1)
    prior = np_.sum(0.5 * GAMMA * GAMMA * squares - M * sums) - PRIOR
    return CONSTANT + np_.sum(logsumexp(inner, 0)) - N * logsumexp(alphas, 0) + prior


def wengert(framework: Any, data: Arrays) -> Step:
    import wengert as wg

    zeros = np.zeros((K, 1))

    def loss(*arrays: Any) -> Any:
        return objective(np, wg.logsumexp, zeros, *arrays)

    def gradient(*arrays: Any) -> Any:
        return np.concatenate([g.ravel() for g in wg.grad(loss, argnums=(0, 1, 2))(*arrays)])

    return framework.call(gradient, *(data[k] for k in (*NAMES, "x")))


def torch(framework: Any, data: Arrays) -> Step:
    import torch

    zeros, places = torch.zeros(K, 1, dtype=torch.float64), torch.from_numpy(PLACES)

    def loss(alphas: Any, means: Any, icf: Any, x: Any) -> Any:
        return objective(torch, torch.logsumexp, zeros, alphas, means, icf, x, places)

    def gradient(*arrays: Any) -> Any:
        if framework.eager:
            gs = torch.autograd.grad(loss(*arrays), arrays[:3])
        else:
            gs = torch.func.grad(loss, argnums=(0, 1, 2))(*arrays)
        return torch.cat([g.flatten() for g in gs])

    tensors = [torch.from_numpy(data[k].copy()).requires_grad_(framework.eager) for k in NAMES]
    return framework.call(gradient, *tensors, torch.from_numpy(data["x"]))


def jax(framework: Any, data: Arrays) -> Step:
    import jax
    import jax.numpy as jnp

    zeros = np.zeros((K, 1))

    def loss(*arrays: Any) -> Any:
        return objective(jnp, jax.scipy.special.logsumexp, zeros, *arrays)

    def gradient(*arrays: Any) -> Any:
        return jnp.concatenate([g.ravel() for g in jax.grad(loss, argnums=(0, 1, 2))(*arrays)])

    return framework.call(gradient, *(data[k] for k in (*NAMES, "x")))


def autograd(framework: Any, data: Arrays) -> Step:
    import autograd
    from autograd.scipy.special import logsumexp

    zeros = np.zeros((K, 1))

    def loss(*arrays: Any) -> Any:
        return objective(framework.numpy, logsumexp, zeros, *arrays)

    gradient = autograd.grad(loss, argnum=(0, 1, 2))
    return framework.call(
        lambda *arrays: np.concatenate([g.ravel() for g in gradient(*arrays)]), *(data[k] for k in (*NAMES, "x"))
    )


def pytensor(framework: Any, data: Arrays) -> Step:
    import pytensor.tensor as pt

    inputs = [pt.tensor(k, shape=data[k].shape, dtype="float64") for k in (*NAMES, "x")]
    loss = objective(pt, pt.logsumexp, pt.zeros((K, 1), dtype="float64"), *inputs)
    gradient = pt.concatenate([g.ravel() for g in pt.grad(loss, inputs[:3])])
    return framework.call(inputs, gradient, *(data[k] for k in (*NAMES, "x")))


WORKLOADS = {
    "gmm": Workload(
        "gradient of ADBench's Gaussian mixture, d = 10, k = 25, n = 1000",
        make,
        {"wengert": wengert, "torch": torch, "jax": jax, "autograd": autograd, "pytensor": pytensor},
        dtype="float64",
        flops=3 * 2 * N * K * D * D,
    )
}
