"""What several workloads share: first values, batches, and spellings that libraries like NumPy lack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.harness.definitions import Arrays


def dense(random: np.random.Generator, inputs: int, outputs: int) -> tuple[np.ndarray, np.ndarray]:
    """Weight (inputs, outputs) and bias of an affine map."""
    weight = random.standard_normal((inputs, outputs)) / np.sqrt(inputs)
    return weight.astype(np.float32), np.zeros(outputs, np.float32)


def dense_layers(random: np.random.Generator, sizes: Sequence[int]) -> Arrays:
    """w1, b1, w2, b2, … of a perceptron."""
    parameters: Arrays = {}
    for layer, (inputs, outputs) in enumerate(zip(sizes, sizes[1:], strict=False), 1):
        parameters[f"w{layer}"], parameters[f"b{layer}"] = dense(random, inputs, outputs)
    return parameters


def normal(random: np.random.Generator, *shape: int) -> np.ndarray:
    return random.standard_normal(shape).astype(np.float32)


def transposed(parameters: Arrays) -> Arrays:
    """With matrices as (outputs, inputs), as PyTorch and Wengert keep them."""
    return {k: np.ascontiguousarray(v.T) if v.ndim == 2 else v for k, v in parameters.items()}


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[labels]


def one_hot_targets(classes: int) -> Callable[[Arrays], Arrays]:
    """A batch's labels as one-hot rows, for libraries whose cross-entropy is fastest on those."""
    return lambda batch: {**batch, "y": one_hot(batch["y"], classes)}


def channels_last(batch: Arrays) -> Arrays:
    return {**batch, "x": np.ascontiguousarray(batch["x"].transpose(0, 2, 3, 1))}


# ----- losses and functions, given the library's NumPy ------------------------------------------
def numpy_cross_entropy(np_: Any, logits: Any, targets: Any) -> Any:
    """The mean cross-entropy with one-hot targets."""
    logits = logits - np_.max(logits, axis=-1, keepdims=True)
    total = np_.sum(np_.log(np_.sum(np_.exp(logits), axis=-1))) - np_.sum(logits * targets)
    return total / (logits.size // logits.shape[-1])


def jax_cross_entropy(logits: Any, labels: Any) -> Any:
    import jax

    classes = logits.shape[-1]
    return -(jax.nn.log_softmax(logits) * jax.nn.one_hot(labels, classes)).sum() / (logits.size // classes)


def numpy_gelu(np_: Any, x: Any) -> Any:
    """The tanh form of gelu."""
    return 0.5 * x * (1 + np_.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))


def autograd_convolution(np_: Any) -> Callable[..., Any]:
    """x (N, C, H, W) * w (O, C, h, w) with stride 1, through autograd.scipy.signal.convolve."""
    from autograd.scipy.signal import convolve

    def convolution(x: Any, w: Any, padding: int = 0) -> Any:
        if padding:
            x = np_.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)), mode="constant")
        return convolve(x, w[:, :, ::-1, ::-1], axes=([2, 3], [2, 3]), dot_axes=([1], [1]), mode="valid")

    return convolution
