"""What has no parameters in the tables of `test_nn_layers` runs compiled to the same values and gradients.

A module with parameters or buffers that is an argument runs as it stands, since the session records what it does; the
compiled training step finds its model in the closure.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from tests.peers.test_nn_layers import ACTIVATIONS, LAYERS, LOSSES, Row, outputs, title
from wengert import nn

ONCE = [row for row in LOSSES if row.options.get("reduction", "mean") == "mean"]


def arrays(tree: Any) -> list[np.ndarray]:
    return [x.detach().numpy() if isinstance(x, wg.Tensor) else np.asarray(x) for x in wg.tree_leaves(tree)]


@pytest.mark.parametrize("row", LAYERS + ACTIVATIONS + ONCE, ids=title)
def test_compiled_is_the_same(row: Row) -> None:
    wg.manual_seed(0)
    model = getattr(nn, row.name)(*row.args, **row.options).to(np.float64).train(not row.eval)
    count = len(row.inputs) - row.fixed

    def loss(model: Any, inputs: list[Any]) -> Any:
        parts = outputs(model(*inputs, *row.inputs[count:]))
        return sum((y * np.cos(np.arange(y.size)).reshape(y.shape)).sum() for y in parts)

    state = {name: np.array(value) for name, value in model.state_dict().items()}
    step = wg.value_and_grad(loss, argnums=(0, 1))
    expected = arrays(step(model, list(row.inputs[:count])))
    after = {name: np.array(value) for name, value in model.state_dict().items()}
    compiled = wg.compile(step)
    for _ in range(2):  # recorded and compiled, and then replayed
        model.load_state_dict(state)
        found = arrays(compiled(model, list(row.inputs[:count])))
        for a, b in zip(found, expected, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
        for name, value in model.state_dict().items():
            np.testing.assert_allclose(value, after[name], rtol=1e-9, err_msg=name)
    live = [*model.parameters(), *model.buffers()]
    assert compiled.eager_calls == (2 if live else 0)


def learns(row: Row) -> bool:
    return bool(list(getattr(nn, row.name)(*row.args, **row.options).parameters()))


LEARNING = [row for row in LAYERS + ACTIVATIONS if learns(row)]


@pytest.mark.parametrize("row", LEARNING, ids=title)
def test_a_training_step_of_every_layer(row: Row) -> None:
    """A model in the closure, three steps: losses, parameters and buffers of machine code are those of eager code."""
    twins = []
    for _ in range(2):
        wg.manual_seed(0)
        twins.append(getattr(nn, row.name)(*row.args, **row.options).to(np.float64).train(not row.eval))

    def step_of(model: Any) -> Any:
        optimizer = wg.optim.SGD(model.parameters(), lr=0.01)

        def step(*inputs: Any) -> Any:
            optimizer.zero_grad()
            parts = outputs(model(*inputs))
            loss = sum((y * np.cos(np.arange(y.size)).reshape(y.shape)).sum() for y in parts)
            loss.backward()
            optimizer.step()
            return loss

        return step

    eager, compiled = step_of(twins[0]), wg.compile(step_of(twins[1]))
    for _ in range(3):
        wg.manual_seed(1)
        wanted = eager(*row.inputs)
        wg.manual_seed(1)
        np.testing.assert_allclose(compiled(*row.inputs).item(), wanted.item(), rtol=1e-9, atol=1e-12)
    assert compiled.eager_calls == 0, compiled.retraces
    states = [model.state_dict() for model in twins]
    for name, value in states[0].items():
        np.testing.assert_allclose(states[1][name], value, rtol=1e-9, atol=1e-12, err_msg=name)
