"""One step of the recurrent layers, and the loop over a sequence.

A step takes the state, the part of the gates that comes from the input ``a = x W_ihᵀ + b_ih`` (of all times at once),
and the recurrent weights. Gates lie along the last axis in PyTorch's order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.nn.functional.layer import linear
from wengert.ops.activation import relu, sigmoid
from wengert.ops.rounding import where
from wengert.ops.structure import arrayed
from wengert.ops.trigonometric import tanh
from wengert.transforms.control import scan

State = tuple[Any, ...]
Step = Callable[[State, Any, Any, Any], State]


def rnn_tanh_step(state: State, a: Any, weight: Any, bias: Any) -> State:
    """``h' = tanh(a + W_hh h + b_hh)``."""
    return (tanh(a + linear(state[0], weight, bias)),)


def rnn_relu_step(state: State, a: Any, weight: Any, bias: Any) -> State:
    """``h' = relu(a + W_hh h + b_hh)``."""
    return (relu(a + linear(state[0], weight, bias)),)


def lstm_step(state: State, a: Any, weight: Any, bias: Any) -> State:
    """``c' = sigmoid(f) c + sigmoid(i) tanh(g)``, ``h' = sigmoid(o) tanh(c')``, ``[i f g o] = a + W_hh h + b_hh``."""
    h, c = state
    n = c.shape[-1]  # a projected h is shorter
    z = a + linear(h, weight, bias)
    passed = sigmoid(z[..., : 2 * n])
    c = passed[..., n:] * c + passed[..., :n] * tanh(z[..., 2 * n : 3 * n])
    return sigmoid(z[..., 3 * n :]) * tanh(c), c


def projected_lstm_step(projection: Any) -> Step:
    """`lstm_step` whose ``h'`` is multiplied by a matrix (proj, hidden)."""

    def step(state: State, a: Any, weight: Any, bias: Any) -> State:
        h, c = lstm_step(state, a, weight, bias)
        return linear(h, projection), c

    return step


def gru_step(state: State, a: Any, weight: Any, bias: Any) -> State:
    """``h' = (1 - z) n + z h``, ``n = tanh(a_n + r (W_n h + b_n))``, ``[r z] = sigmoid(a + W_hh h + b_hh)``."""
    (h,) = state
    n = h.shape[-1]
    b = linear(h, weight, bias)
    passed = sigmoid(a[..., : 2 * n] + b[..., : 2 * n])
    r, z = passed[..., :n], passed[..., n:]
    new = tanh(a[..., 2 * n :] + r * b[..., 2 * n :])
    return (new + z * (h - new),)


def sequence(
    step: Step, state: State, a: Any, weight: Any, bias: Any, reverse: bool = False, lengths: Any = None
) -> tuple[Any, State]:
    """All states h of a loop over the first axis of `a` (L, N, gates), and the last state.

    With `lengths` (N,) an example ends early: from there on its state stays and the outputs are 0; in reverse it
    begins at its own last element.
    """
    if lengths is None:

        def advance(carry: State, now: Any) -> tuple[State, Any]:
            new = step(carry, now, weight, bias)
            return new, new[0]

        last, out = scan(advance, state, a, reverse=reverse)
        return out, last

    def advance_some(carry: State, now: Any) -> tuple[State, Any]:
        gates, alive = now
        new = tuple(where(alive, s, old) for s, old in zip(step(carry, gates, weight, bias), carry, strict=True))
        return new, where(alive, new[0], 0)

    alive = np.arange(a.shape[0])[:, None, None] < arrayed(lengths)[:, None]
    last, out = scan(advance_some, state, (a, alive), reverse=reverse)
    return out, last
