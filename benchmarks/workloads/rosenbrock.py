"""The Rosenbrock function of 1000 variables: its gradient, and the product of its Hessian with a vector."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness.definitions import Arrays, Builder, Step, Workload

N = 1000


def make() -> Arrays:
    random = np.random.default_rng(0)
    return {"x": random.uniform(-2, 2, N), "v": random.standard_normal(N)}


def rosenbrock(x: Any) -> Any:
    a = x[1:] - x[:-1] * x[:-1]
    b = 1 - x[:-1]
    return (100 * (a * a) + b * b).sum()


def gradient_by_hand(data: Arrays) -> Any:
    x = data["x"]
    g = np.zeros(N)
    a = x[1:] - x[:-1] ** 2
    g[:-1] = -400 * x[:-1] * a - 2 * (1 - x[:-1])
    g[1:] += 200 * a
    return g


def product_by_hand(data: Arrays) -> Any:
    x, v = data["x"], data["v"]
    h = np.zeros(N)
    h[:-1] += (1200 * x[:-1] ** 2 - 400 * x[1:] + 2) * v[:-1] - 400 * x[:-1] * v[1:]
    h[1:] += 200 * v[1:] - 400 * x[:-1] * v[:-1]
    return h


# ----- the gradient
def wengert_gradient(framework: Any, data: Arrays) -> Step:
    import wengert as wg

    return framework.call(wg.grad(rosenbrock), data["x"])


def torch_gradient(framework: Any, data: Arrays) -> Step:
    import torch

    x = torch.from_numpy(data["x"].copy())
    if framework.eager:
        return framework.call(lambda x: torch.autograd.grad(rosenbrock(x), x)[0], x.requires_grad_())
    return framework.call(torch.func.grad(rosenbrock), x)


def jax_gradient(framework: Any, data: Arrays) -> Step:
    import jax

    return framework.call(jax.grad(rosenbrock), data["x"])


def autograd_rosenbrock(framework: Any) -> Any:
    def f(x: Any) -> Any:  # its boxes have no methods
        a = x[1:] - x[:-1] * x[:-1]
        b = 1 - x[:-1]
        return framework.numpy.sum(100 * (a * a) + b * b)

    return f


def autograd_gradient(framework: Any, data: Arrays) -> Step:
    import autograd

    return framework.call(autograd.grad(autograd_rosenbrock(framework)), data["x"])


def pytensor_gradient(framework: Any, data: Arrays) -> Step:
    import pytensor.tensor as pt

    x = pt.vector("x", shape=(N,), dtype="float64")
    return framework.call([x], pt.grad(rosenbrock(x), x), data["x"])


def casadi_gradient(framework: Any, data: Arrays) -> Step:
    return framework.gradient(_casadi_rosenbrock, data["x"])


def _casadi_rosenbrock(x: Any) -> Any:
    import casadi

    a = x[1:] - x[: N - 1] * x[: N - 1]
    b = 1 - x[: N - 1]
    return casadi.sum1(100 * (a * a) + b * b)


def _heyoka_rosenbrock() -> tuple[Any, Any]:
    import heyoka

    x = heyoka.make_vars(*[f"x_{i:04d}" for i in range(N)])
    terms = []
    for i in range(N - 1):
        a, b = x[i + 1] - x[i] * x[i], 1.0 - x[i]
        terms.append(100.0 * (a * a) + b * b)
    return x, list(heyoka.diff_tensors([heyoka.sum(terms)], diff_args=x, diff_order=1).gradient)


def heyoka_gradient(framework: Any, data: Arrays) -> Step:
    x, gradient = _heyoka_rosenbrock()
    return framework.one_point(gradient, x, data["x"].copy())


# ----- the product of the Hessian with a vector
def wengert_product(framework: Any, data: Arrays) -> Step:
    import wengert as wg

    return framework.call(lambda x, v: wg.hvp(rosenbrock, (x,), (v,)), data["x"], data["v"])


def torch_product(framework: Any, data: Arrays) -> Step:
    import torch

    x, v = torch.from_numpy(data["x"].copy()), torch.from_numpy(data["v"].copy())
    if framework.eager:

        def product(x: Any, v: Any) -> Any:
            (g,) = torch.autograd.grad(rosenbrock(x), x, create_graph=True)
            return torch.autograd.grad(g, x, v)[0]

        return framework.call(product, x.requires_grad_(), v)
    return framework.call(lambda x, v: torch.func.jvp(torch.func.grad(rosenbrock), (x,), (v,))[1], x, v)


def jax_product(framework: Any, data: Arrays) -> Step:
    import jax

    return framework.call(lambda x, v: jax.jvp(jax.grad(rosenbrock), (x,), (v,))[1], data["x"], data["v"])


def autograd_product(framework: Any, data: Arrays) -> Step:
    import autograd

    return framework.call(autograd.hessian_vector_product(autograd_rosenbrock(framework)), data["x"], data["v"])


def pytensor_product(framework: Any, data: Arrays) -> Step:
    import pytensor.tensor as pt

    x, v = (pt.vector(name, shape=(N,), dtype="float64") for name in "xv")
    product = pt.grad(pt.sum(pt.grad(rosenbrock(x), x) * v), x)
    return framework.call([x, v], product, data["x"], data["v"])


def casadi_product(framework: Any, data: Arrays) -> Step:
    return framework.hessian_product(_casadi_rosenbrock, data["x"], data["v"])


def heyoka_product(framework: Any, data: Arrays) -> Step:
    import heyoka

    x, gradient = _heyoka_rosenbrock()
    v = heyoka.make_vars(*[f"v_{i:04d}" for i in range(N)])
    along = heyoka.sum([a * b for a, b in zip(gradient, v, strict=True)])
    product = list(heyoka.diff_tensors([along], diff_args=x, diff_order=1).gradient)
    return framework.one_point(product, [*x, *v], np.concatenate([data["x"], data["v"]]))


GRADIENT: dict[str, Builder] = {
    "wengert": wengert_gradient, "torch": torch_gradient, "jax": jax_gradient, "autograd": autograd_gradient,
    "pytensor": pytensor_gradient, "casadi": casadi_gradient, "heyoka": heyoka_gradient,
}  # fmt: skip
PRODUCT: dict[str, Builder] = {
    "wengert": wengert_product, "torch": torch_product, "jax": jax_product, "autograd": autograd_product,
    "pytensor": pytensor_product, "casadi": casadi_product, "heyoka": heyoka_product,
}  # fmt: skip
WORKLOADS = {
    "rosenbrock_gradient": Workload(
        "gradient of the Rosenbrock function of 1000 variables", make, GRADIENT, dtype="float64",
        reference=gradient_by_hand,
    ),
    "rosenbrock_hvp": Workload(
        "Hessian-vector product of the Rosenbrock function of 1000 variables", make, PRODUCT, dtype="float64",
        reference=product_by_hand,
    ),
}  # fmt: skip
