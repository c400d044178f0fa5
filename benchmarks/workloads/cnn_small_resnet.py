"""A small residual network on images of 3 x 32 x 32, batch normalisation in training mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.harness.definitions import Arrays, Optimizer, Step, Training, Workload
from benchmarks.workloads._shared import channels_last, dense, jax_cross_entropy, normal, transposed

BATCH = 32
# name: (in, out, kernel, stride, side of the output); a and b are the block, p the projection beside it
CONVOLUTIONS = {
    "stem": (3, 16, 3, 1, 32),
    "s1a": (16, 16, 3, 1, 32), "s1b": (16, 16, 3, 1, 32),
    "s2a": (16, 32, 3, 2, 16), "s2b": (32, 32, 3, 1, 16), "s2p": (16, 32, 1, 2, 16),
    "s3a": (32, 64, 3, 2, 8), "s3b": (64, 64, 3, 1, 8), "s3p": (32, 64, 1, 2, 8),
}  # fmt: skip
STRIDE = {name: stride for name, (_, _, _, stride, _) in CONVOLUTIONS.items()}
PADDING = {name: kernel // 2 for name, (_, _, kernel, _, _) in CONVOLUTIONS.items()}


def make() -> Training:
    random = np.random.default_rng(0)
    parameters: Arrays = {}
    buffers: Arrays = {}
    for name, (inputs, outputs, side, _, _) in CONVOLUTIONS.items():
        scale = np.sqrt(2 / (inputs * side * side)).astype(np.float32)
        parameters[f"k_{name}"] = normal(random, outputs, inputs, side, side) * scale
        parameters[f"g_{name}"], parameters[f"b_{name}"] = np.ones(outputs, np.float32), np.zeros(outputs, np.float32)
        buffers[f"m_{name}"], buffers[f"v_{name}"] = np.zeros(outputs, np.float32), np.ones(outputs, np.float32)
    parameters["w"], parameters["c"] = dense(random, 64, 10)
    batch = {"x": normal(random, BATCH, 3, 32, 32), "y": random.integers(0, 10, BATCH)}
    return Training(parameters, batch, Optimizer("sgd", 0.02), buffers)


def network(x: Any, part: Callable[[Any, str], Any], relu: Callable[[Any], Any]) -> Any:
    """Up to the last block; `part` is a convolution with its normalisation."""
    h = relu(part(x, "stem"))
    for stage in ("s1", "s2", "s3"):
        beside = h if stage == "s1" else part(h, f"{stage}p")
        h = relu(part(relu(part(h, f"{stage}a")), f"{stage}b") + beside)
    return h


def wengert(framework: Any, data: Training) -> Step:
    from benchmarks.models.resnet import SmallResNet, loss

    kinds = {"k": "convolution.weight", "g": "norm.weight", "b": "norm.bias"}
    kinds.update({"m": "norm.running_mean", "v": "norm.running_var"})
    weights = {"head.weight": data.parameters["w"].T, "head.bias": data.parameters["c"]}
    for key, value in {**data.parameters, **data.buffers}.items():
        if "_" in key:
            kind, name = key.split("_")
            weights[f"{SmallResNet.PLACES[name]}.{kinds[kind]}"] = value
    weights.update({f"{place}.norm.num_batches_tracked": np.array(0) for place in SmallResNet.PLACES.values()})
    return framework.train(SmallResNet(), loss, data, weights)


def torch(framework: Any, data: Training) -> Step:
    import torch
    import torch.nn.functional as F

    def normalised(y: Any, p: Any, s: Any, new: Any, name: str) -> Any:
        """Batch normalisation without writing in place, for the compiler of whole steps."""
        variance, mean = torch.var_mean(y, (0, 2, 3), correction=0, keepdim=True)
        count = y.numel() // y.shape[1]
        new[f"m_{name}"] = 0.9 * s[f"m_{name}"] + 0.1 * mean.detach().flatten()
        new[f"v_{name}"] = 0.9 * s[f"v_{name}"] + 0.1 * variance.detach().flatten() * (count / (count - 1))
        scaled = (y - mean) * torch.rsqrt(variance + 1e-5) * p[f"g_{name}"].view(1, -1, 1, 1)
        return scaled + p[f"b_{name}"].view(1, -1, 1, 1)

    def loss(p: Any, b: Any, s: Any) -> Any:
        new: dict[str, Any] = {}

        def part(x: Any, name: str) -> Any:
            y = F.conv2d(x, p[f"k_{name}"], None, STRIDE[name], PADDING[name])
            if framework.functional:
                return normalised(y, p, s, new, name)
            return F.batch_norm(y, s[f"m_{name}"], s[f"v_{name}"], p[f"g_{name}"], p[f"b_{name}"], True, 0.1, 1e-5)

        h = network(b["x"], part, F.relu).mean((2, 3))
        value = F.cross_entropy(F.linear(h, p["w"], p["c"]), b["y"])
        return (value, new) if framework.functional else value

    return framework.train(loss, data, transposed)


def kernels_last(parameters: Arrays) -> Arrays:
    return {k: np.ascontiguousarray(v.transpose(2, 3, 1, 0)) if v.ndim == 4 else v for k, v in parameters.items()}


def jax(framework: Any, data: Training) -> Step:
    import jax
    import jax.numpy as jnp

    def normalised(y: Any, p: Any, s: Any, new: Any, name: str) -> Any:
        mean = jnp.mean(y, axis=(0, 1, 2), keepdims=True)
        centred = y - mean
        variance = jnp.mean(centred * centred, axis=(0, 1, 2), keepdims=True)
        count = y.size // y.shape[-1]
        new[f"m_{name}"] = 0.9 * s[f"m_{name}"] + 0.1 * jax.lax.stop_gradient(mean).reshape(-1)
        unbiased = jax.lax.stop_gradient(variance).reshape(-1) * (count / (count - 1))
        new[f"v_{name}"] = 0.9 * s[f"v_{name}"] + 0.1 * unbiased
        return centred * (jax.lax.rsqrt(variance + 1e-5) * p[f"g_{name}"]) + p[f"b_{name}"]

    def loss(p: Any, b: Any, s: Any) -> Any:
        new: dict[str, Any] = {}

        def part(x: Any, name: str) -> Any:
            pads = ((PADDING[name],) * 2,) * 2
            y = jax.lax.conv_general_dilated(
                x, p[f"k_{name}"], (STRIDE[name],) * 2, pads, dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            return normalised(y, p, s, new, name)

        h = network(b["x"], part, jax.nn.relu).mean((1, 2)) @ p["w"] + p["c"]
        return jax_cross_entropy(h, b["y"]), new

    return framework.train(loss, data, kernels_last, channels_last)


_PRODUCTS = [i * o * kernel * kernel * side * side for i, o, kernel, _, side in CONVOLUTIONS.values()]
WORKLOADS = {
    "cnn_small_resnet": Workload(
        "stem of 16 channels, three residual blocks of 16, 32 and 64, batch normalisation, relu, average pooling, "
        "batch 32, SGD with momentum",
        make,
        {"wengert": wengert, "torch": torch, "jax": jax},
        losses=6,
        flops=2 * BATCH * (3 * (sum(_PRODUCTS) + 640) - _PRODUCTS[0]),
        unable={"autograd": "about 7 s a step: its convolution has no stride and is an einsum without BLAS"},
    )
}
