"""A small decoder of characters: pre-norm, causal attention, output tied to the embedding, no dropout."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.harness.definitions import Arrays, Optimizer, Step, Training, Workload
from benchmarks.workloads._shared import jax_cross_entropy, numpy_cross_entropy, numpy_gelu, one_hot

VOCABULARY, TIME, WIDTH, HEADS, LAYERS, BATCH = 64, 64, 128, 4, 2, 16
TOKENS = BATCH * TIME
MASK = np.where(np.tril(np.ones((TIME, TIME), bool)), 0, -1e9).astype(np.float32)


def make() -> Training:
    random = np.random.default_rng(0)

    def values(*shape: int) -> np.ndarray:
        return (random.standard_normal(shape) * 0.05).astype(np.float32)

    zeros, ones = np.zeros(WIDTH, np.float32), np.ones(WIDTH, np.float32)
    parameters = {"wte": values(VOCABULARY, WIDTH), "wpe": values(TIME, WIDTH), "lnf_g": ones, "lnf_b": zeros}
    wide = np.zeros(4 * WIDTH, np.float32)
    for i in range(LAYERS):
        parameters.update({f"{i}ln1_g": ones, f"{i}ln1_b": zeros, f"{i}qkv_w": values(WIDTH, 3 * WIDTH)})
        parameters.update({f"{i}qkv_b": wide[: 3 * WIDTH], f"{i}prj_w": values(WIDTH, WIDTH), f"{i}prj_b": zeros})
        parameters.update({f"{i}ln2_g": ones, f"{i}ln2_b": zeros, f"{i}fc_w": values(WIDTH, 4 * WIDTH)})
        parameters.update({f"{i}fc_b": wide, f"{i}out_w": values(4 * WIDTH, WIDTH), f"{i}out_b": zeros})
    text = random.integers(0, VOCABULARY, (BATCH, TIME + 1))
    batch = {"x": np.ascontiguousarray(text[:, :-1]), "y": np.ascontiguousarray(text[:, 1:])}
    return Training({k: v.copy() for k, v in parameters.items()}, batch, Optimizer("adam", 1e-3))


def rows_first(parameters: Arrays) -> Arrays:
    return {k: np.ascontiguousarray(v.T) if k.endswith("_w") else v for k, v in parameters.items()}


def wengert(framework: Any, data: Training) -> Step:
    from benchmarks.models.decoder import Decoder, loss

    parts = {"ln1": "norm1", "qkv": "attention.qkv", "prj": "attention.out", "ln2": "norm2", "fc": "wide", "out": "out"}
    weights: Arrays = {}
    for key, value in rows_first(data.parameters).items():
        if key[0].isdigit():
            part, kind = key[1:].split("_")
            weights[f"blocks.{key[0]}.{parts[part]}.{'weight' if kind in 'gw' else 'bias'}"] = value
    rest = {"wte": "tokens.weight", "wpe": "positions.weight", "lnf_g": "norm.weight", "lnf_b": "norm.bias"}
    weights.update({place: data.parameters[key] for key, place in rest.items()})
    return framework.train(Decoder(VOCABULARY, TIME, WIDTH, HEADS, LAYERS), loss, data, weights)


def torch(framework: Any, data: Training) -> Step:
    import torch.nn.functional as F

    def attention(a: Any, p: Any, i: int) -> Any:
        parts = F.linear(a, p[f"{i}qkv_w"], p[f"{i}qkv_b"]).split(WIDTH, 2)
        q, k, v = (t.view(BATCH, TIME, HEADS, WIDTH // HEADS).transpose(1, 2) for t in parts)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(BATCH, TIME, WIDTH)
        return F.linear(a, p[f"{i}prj_w"], p[f"{i}prj_b"])

    def loss(p: Any, b: Any) -> Any:
        h = F.embedding(b["x"], p["wte"]) + p["wpe"]
        for i in range(LAYERS):
            h = h + attention(F.layer_norm(h, (WIDTH,), p[f"{i}ln1_g"], p[f"{i}ln1_b"]), p, i)
            a = F.layer_norm(h, (WIDTH,), p[f"{i}ln2_g"], p[f"{i}ln2_b"])
            a = F.gelu(F.linear(a, p[f"{i}fc_w"], p[f"{i}fc_b"]), approximate="tanh")
            h = h + F.linear(a, p[f"{i}out_w"], p[f"{i}out_b"])
        h = F.layer_norm(h, (WIDTH,), p["lnf_g"], p["lnf_b"])
        return F.cross_entropy(F.linear(h, p["wte"]).view(-1, VOCABULARY), b["y"].view(-1))

    return framework.train(loss, data, rows_first)


@dataclass(frozen=True)
class Spelling:
    """The functions that libraries like NumPy spell differently."""

    np: Any
    embed: Any
    gelu: Any
    softmax: Any
    product: Any
    cross_entropy: Any


def numpy_loss(s: Spelling, p: Any, b: Any) -> Any:
    """The same network for every library with NumPy's names."""

    def norm(x: Any, g: Any, c: Any) -> Any:
        centred = x - s.np.mean(x, axis=-1, keepdims=True)
        return centred / s.np.sqrt(s.np.mean(centred * centred, axis=-1, keepdims=True) + 1e-5) * g + c

    def affine(x: Any, name: str) -> Any:
        return s.product(x, p[f"{name}_w"]) + p[f"{name}_b"]

    h = s.embed(p["wte"], b["x"]) + p["wpe"]
    for i in range(LAYERS):
        parts = s.np.split(affine(norm(h, p[f"{i}ln1_g"], p[f"{i}ln1_b"]), f"{i}qkv"), 3, 2)
        heads = [s.np.reshape(t, (BATCH, TIME, HEADS, WIDTH // HEADS)) for t in parts]
        q, k, v = (s.np.transpose(t, (0, 2, 1, 3)) for t in heads)
        scores = s.np.matmul(q, s.np.transpose(k, (0, 1, 3, 2))) * (1 / math.sqrt(WIDTH // HEADS)) + MASK
        a = s.np.transpose(s.np.matmul(s.softmax(scores), v), (0, 2, 1, 3))
        h = h + affine(s.np.reshape(a, (BATCH, TIME, WIDTH)), f"{i}prj")
        a = s.gelu(affine(norm(h, p[f"{i}ln2_g"], p[f"{i}ln2_b"]), f"{i}fc"))
        h = h + affine(a, f"{i}out")
    h = norm(h, p["lnf_g"], p["lnf_b"])
    return s.cross_entropy(s.product(h, s.np.transpose(p["wte"], (1, 0))), b["y"])


def jax(framework: Any, data: Training) -> Step:
    import jax
    import jax.numpy as jnp

    spelling = Spelling(
        jnp, lambda e, x: e[x], jax.nn.gelu, lambda x: jax.nn.softmax(x, -1), jnp.matmul, jax_cross_entropy
    )
    return framework.train(lambda p, b: numpy_loss(spelling, p, b), data)


def autograd(framework: Any, data: Training) -> Step:
    np_ = framework.numpy

    def softmax(x: Any) -> Any:
        e = np_.exp(x - np_.max(x, axis=-1, keepdims=True))
        return e / np_.sum(e, axis=-1, keepdims=True)

    def product(a: Any, w: Any) -> Any:
        """One large product instead of a batch of small ones."""
        rows = np_.dot(np_.reshape(a, (-1, w.shape[0])), w)
        return np_.reshape(rows, a.shape[:-1] + (w.shape[1],))

    spelling = Spelling(
        np_, lambda e, x: np_.reshape(np_.dot(x, e), (BATCH, TIME, WIDTH)), lambda x: numpy_gelu(np_, x), softmax,
        product, lambda logits, y: numpy_cross_entropy(np_, logits, y),
    )  # fmt: skip
    return framework.train(
        lambda p, b: numpy_loss(spelling, p, b),
        data,
        batch=lambda b: {"x": one_hot(b["x"].reshape(-1), VOCABULARY), "y": one_hot(b["y"], VOCABULARY)},
    )


_PRODUCTS = TOKENS * (LAYERS * 12 * WIDTH * WIDTH + WIDTH * VOCABULARY) + LAYERS * BATCH * 2 * TIME * TIME * WIDTH
WORKLOADS = {
    "transformer_char": Workload(
        "decoder: 64 characters, context 64, width 128, 4 heads, 2 layers, gelu (tanh form), output tied to the "
        "embedding, batch 16, Adam",
        make,
        {"wengert": wengert, "torch": torch, "jax": jax, "autograd": autograd},
        losses=6,
        flops=3 * 2 * _PRODUCTS,
    )
}
