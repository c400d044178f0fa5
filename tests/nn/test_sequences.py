"""Recurrent layers, attention, transformers: derivatives, batching, words. Values are compared in tests/peers."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.base.errors import ArgumentError, DTypeError, ShapeError
from wengert.nn import functional

RNG = np.random.default_rng(5)


def sequences() -> list[tuple[nn.Module, tuple[int, ...]]]:
    return [
        (nn.RNN(2, 3), (4, 2, 2)),
        (nn.LSTM(2, 3, bidirectional=True), (3, 2, 2)),
        (nn.GRU(2, 3, num_layers=2, batch_first=True), (2, 3, 2)),
        (nn.MultiheadAttention(4, 2), (3, 2, 4)),
        (nn.TransformerEncoderLayer(4, 2, 5, 0.0, "gelu"), (3, 2, 4)),
    ]


@pytest.mark.parametrize("index", range(len(sequences())))
def test_derivatives_and_batching(index: int) -> None:
    layer, shape = sequences()[index]
    layer.double()

    def call(m, a):
        y = m(a, a, a) if isinstance(m, nn.MultiheadAttention) else m(a)
        return y[0] if isinstance(y, tuple) else y

    x = RNG.normal(size=(2, *shape))
    wg.check_grads(call, (layer, x[0]), order=2, rtol=1e-5)
    plain = wg.tree_map(lambda p: p.detach().numpy(), layer)
    expected = np.stack([call(plain, a) for a in x])
    np.testing.assert_allclose(wg.vmap(lambda a: call(plain, a))(x), expected, rtol=1e-12, atol=1e-13)
    gradients = wg.vmap(wg.grad(lambda a: np.sum(call(plain, a) ** 2)))(x)
    np.testing.assert_allclose(gradients[1], wg.grad(lambda a: np.sum(call(plain, a) ** 2))(x[1]), rtol=1e-10)


def test_a_sequence_is_one_line() -> None:
    tape = wg.record(lambda a: nn.GRU(2, 3)(a)[0], np.zeros((50, 1, 2), np.float32)).tape
    assert sum(node.prim.name == "scan" for node in tape) == 1
    assert len(list(tape)) < 20


def test_lengths_end_a_sequence() -> None:
    net, x = nn.LSTM(2, 3, bidirectional=True), RNG.normal(size=(5, 2, 2)).astype(np.float32)
    y, (h, _) = net(x, lengths=np.array([5, 2]))
    short, (h_short, _) = net(x[:2, 1:])
    np.testing.assert_allclose(y.detach().numpy()[:2, 1:], short.detach().numpy(), rtol=1e-6)
    np.testing.assert_allclose(h.detach().numpy()[:, 1:], h_short.detach().numpy(), rtol=1e-6)
    assert (y.detach().numpy()[2:, 1] == 0).all()


def test_state_has_pytorchs_keys() -> None:
    assert list(nn.GRU(2, 3, bidirectional=True).state_dict()) == [
        "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0",
        "weight_ih_l0_reverse", "weight_hh_l0_reverse", "bias_ih_l0_reverse", "bias_hh_l0_reverse",
    ]  # fmt: skip
    assert list(nn.MultiheadAttention(4, 2).state_dict()) == [
        "in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias",
    ]  # fmt: skip
    stack = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8), 2)
    assert "layers.1.self_attn.out_proj.weight" in stack.state_dict()
    assert len({id(p) for p in stack.parameters()}) == 24


def test_a_query_that_sees_nothing_gives_zero() -> None:
    q, mask = RNG.normal(size=(2, 3)), np.array([[False, False], [True, True]])
    attend = functional.scaled_dot_product_attention
    assert (attend(q, q, q, mask)[0] == 0).all()
    gradient = wg.grad(lambda x: np.sum(attend(x, x, x, mask)))(q)
    assert np.isfinite(gradient).all()


def test_causal_attention_does_not_look_ahead() -> None:
    layer = nn.TransformerEncoderLayer(4, 2, 8, 0.0, batch_first=True).double()
    x = RNG.normal(size=(1, 5, 4))
    jacobian = wg.jacobian(lambda a: layer(a, is_causal=True)[0, 2])(x)
    assert (np.abs(jacobian[:, 0, 3:]) == 0).all()
    assert (np.abs(jacobian[:, 0, :3]).max((0, 2)) > 0).all()


@pytest.mark.parametrize(("call", "kind", "words"), [
    (lambda: nn.LSTM(2, 3)(np.ones((4, 1, 5))), ShapeError,
     "LSTM: got float64[4, 1, 5]; needs (L, N, features) or (L, features) with 2 features"),
    (lambda: nn.GRU(2, 3)(np.ones((4, 1, 2)), np.ones((1, 2, 3))), ShapeError,
     "GRU: got the first state float64[1, 2, 3]; needs 1 of shape [1, 1, 3]"),
    (lambda: nn.GRU(2, 3)(np.ones((4, 2, 2)), lengths=[5, 1]), ArgumentError,
     "GRU: got the lengths int64[2]; needs 2 integers from 1 to 4"),
    (lambda: nn.RNN(2, 3, nonlinearity="sin"), ArgumentError, "RNN: got nonlinearity='sin'; needs 'tanh' or 'relu'"),
    (lambda: nn.MultiheadAttention(5, 2), ArgumentError,
     "MultiheadAttention: embed_dim=5 does not divide into 2 heads"),
    (lambda: nn.MultiheadAttention(4, 2)(*[np.ones((3, 1, 4))] * 3, attn_mask=np.ones((2, 2), bool)), ShapeError,
     "MultiheadAttention: got attn_mask bool[2, 2]; needs (3, 3) or (2, 3, 3)"),
    (lambda: functional.scaled_dot_product_attention(np.ones((2, 3)), np.ones((2, 4)), np.ones((2, 3))), ShapeError,
     ("scaled_dot_product_attention: got query float64[2, 3], key float64[2, 4], value float64[2, 3]; needs (…, L, E), "
      "(…, S, E) and (…, S, V)")),
    (lambda: functional.scaled_dot_product_attention(*[np.ones((2, 3))] * 3, np.ones((2, 2), int)), DTypeError,
     "attention: got the mask int64[2, 2]; needs booleans or floating numbers"),
])  # fmt: skip
def test_words(call, kind, words) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert caught.value.message == words
