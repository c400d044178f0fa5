"""A character model with one LSTM layer, time-major; one bias for each gate, gates in the order i, f, g, o."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.harness.definitions import Arrays, Optimizer, Step, Training, Workload
from benchmarks.workloads._shared import dense, jax_cross_entropy, normal, numpy_cross_entropy, one_hot, transposed

VOCABULARY, WIDTH, HIDDEN, TIME, BATCH = 64, 32, 128, 32, 32


def make(time: int = TIME) -> Training:
    random = np.random.default_rng(0)
    parameters = {"emb": normal(random, VOCABULARY, WIDTH)}
    parameters["wx"], parameters["b"] = dense(random, WIDTH, 4 * HIDDEN)
    parameters["wh"], _ = dense(random, HIDDEN, 4 * HIDDEN)
    parameters["wo"], parameters["bo"] = dense(random, HIDDEN, VOCABULARY)
    text = random.integers(0, VOCABULARY, (BATCH, time + 1))
    batch = {"x": np.ascontiguousarray(text[:, :-1].T), "y": np.ascontiguousarray(text[:, 1:].T)}
    return Training(parameters, batch, Optimizer("adam", 3e-3))


def rows_first(parameters: Arrays) -> Arrays:
    """Matrices as (outputs, inputs); the embedding stays."""
    return {**transposed(parameters), "emb": parameters["emb"]}


def wengert(framework: Any, data: Training) -> Step:
    from benchmarks.models.lstm import CharacterModel, loss

    places = {
        "emb": "embedding.weight", "wx": "recurrent.weight_ih_l0", "b": "recurrent.bias_ih_l0",
        "wh": "recurrent.weight_hh_l0", "wo": "head.weight", "bo": "head.bias",
    }  # fmt: skip
    weights = {places[k]: v for k, v in rows_first(data.parameters).items()}
    weights["recurrent.bias_hh_l0"] = np.zeros(4 * HIDDEN, np.float32)
    return framework.train(CharacterModel(VOCABULARY, WIDTH, HIDDEN), loss, data, weights)


def torch(framework: Any, data: Training) -> Step:
    import torch
    import torch.nn.functional as F

    first, zero = torch.zeros(1, BATCH, HIDDEN), torch.zeros(4 * HIDDEN)

    def fused(p: Any, b: Any) -> Any:
        """aten::lstm, which nn.LSTM calls."""
        e = F.embedding(b["x"], p["emb"])
        weights = [p["wx"], p["wh"], p["b"], zero]
        hs, _, _ = torch._VF.lstm(e, (first, first), weights, True, 1, 0.0, True, False, False)
        return F.cross_entropy(F.linear(hs, p["wo"], p["bo"]).view(-1, VOCABULARY), b["y"].view(-1))

    def unrolled(p: Any, b: Any) -> Any:
        """For the compiler, which cannot see into aten::lstm."""
        inputs = F.linear(F.embedding(b["x"], p["emb"]), p["wx"], p["b"])
        h = cell = first[0]
        hs = []
        for x in inputs.unbind():
            i, f, g, o = (x + F.linear(h, p["wh"])).chunk(4, 1)
            cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(cell)
            hs.append(h)
        return F.cross_entropy(F.linear(torch.stack(hs), p["wo"], p["bo"]).view(-1, VOCABULARY), b["y"].view(-1))

    return framework.train(fused if framework.eager else unrolled, data, rows_first)


def jax(framework: Any, data: Training) -> Step:
    import jax
    import jax.numpy as jnp

    def loss(p: Any, b: Any) -> Any:
        inputs = p["emb"][b["x"]] @ p["wx"] + p["b"]

        def step(state: Any, x: Any) -> Any:
            h, cell = state
            i, f, g, o = jnp.split(x + h @ p["wh"], 4, 1)
            cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(cell)
            return (h, cell), h

        first = jnp.zeros((BATCH, HIDDEN), jnp.float32)
        _, hs = jax.lax.scan(step, (first, first), inputs)
        return jax_cross_entropy(hs @ p["wo"] + p["bo"], b["y"])

    return framework.train(loss, data)


def autograd(framework: Any, data: Training) -> Step:
    np_ = framework.numpy

    def sigmoid(x: Any) -> Any:
        return 0.5 * (np_.tanh(0.5 * x) + 1)

    def loss(p: Any, b: Any) -> Any:
        # One-hot rows, the two products folded into one.
        inputs = np_.reshape(np_.dot(b["x"], np_.dot(p["emb"], p["wx"])) + p["b"], (-1, BATCH, 4 * HIDDEN))
        h = cell = np.zeros((BATCH, HIDDEN), np.float32)
        hs = []
        for t in range(inputs.shape[0]):
            i, f, g, o = np_.split(inputs[t] + np_.dot(h, p["wh"]), 4, 1)
            cell = sigmoid(f) * cell + sigmoid(i) * np_.tanh(g)
            h = sigmoid(o) * np_.tanh(cell)
            hs.append(h)
        return numpy_cross_entropy(np_, np_.dot(np_.concatenate(hs, 0), p["wo"]) + p["bo"], b["y"])

    return framework.train(loss, data, batch=lambda b: {k: one_hot(v.reshape(-1), VOCABULARY) for k, v in b.items()})


def of_length(time: int) -> Workload:
    """The workload with sequences of another length."""
    return Workload(
        f"characters: 64, embedding 32, LSTM of 128, {time} steps, cross-entropy at each, batch 32, Adam",
        partial(make, time),
        {"wengert": wengert, "torch": torch, "jax": jax, "autograd": autograd},
        losses=8,
        flops=2 * time * BATCH * 3 * (WIDTH * 4 * HIDDEN + HIDDEN * 4 * HIDDEN + HIDDEN * VOCABULARY),
    )


WORKLOADS = {"lstm_char": of_length(TIME)}
