"""Layers with parameters: derivatives, batching, words of errors. Values are compared in tests/peers."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.base.errors import ArgumentError, DTypeError, ShapeError
from wengert.nn import functional

RNG = np.random.default_rng(3)


def layers() -> list[tuple[nn.Module, tuple[int, ...]]]:
    return [
        (nn.Conv1d(2, 4, 3, padding=1, groups=2), (2, 6)),
        (nn.Conv2d(2, 3, 2, padding=1, padding_mode="reflect"), (2, 4, 3)),
        (nn.Conv3d(1, 2, 2), (1, 2, 3, 2)),
        (nn.ConvTranspose1d(2, 3, 3, stride=2), (2, 4)),
        (nn.ConvTranspose2d(2, 3, 2), (2, 3, 3)),
        (nn.MaxPool2d(2, 1), (2, 4, 4)),
        (nn.AvgPool1d(2), (2, 6)),
        (nn.AdaptiveAvgPool2d((2, 3)), (2, 5, 4)),
        (nn.BatchNorm1d(3).eval(), (4, 3)),
        (nn.LayerNorm((2, 3)), (4, 2, 3)),
        (nn.RMSNorm(3), (4, 3)),
        (nn.GroupNorm(2, 4), (3, 4, 2)),
        (nn.InstanceNorm1d(3, affine=True), (2, 3, 4)),
        (nn.Bilinear(3, 3, 2), (4, 3)),
        (nn.Upsample(scale_factor=2, mode="bilinear"), (1, 2, 3, 2)),
        (nn.PixelShuffle(2), (4, 2, 3)),
    ]


@pytest.mark.parametrize("index", range(len(layers())))
def test_derivatives_and_batching(index: int) -> None:
    layer, shape = layers()[index]
    layer.double()
    x = RNG.normal(size=(3, *shape))
    two = isinstance(layer, nn.Bilinear)
    call = (lambda m, a: m(a, a[..., ::-1])) if two else (lambda m, a: m(a))
    wg.check_grads(call, (layer, x[0]), order=2, rtol=1e-5)
    values = [call(layer, a) for a in x]
    stacked = np.stack([np.asarray(v.detach().numpy() if hasattr(v, "detach") else v) for v in values])
    plain = wg.tree_map(lambda p: p.detach().numpy(), layer)
    np.testing.assert_allclose(wg.vmap(lambda a: call(plain, a))(x), stacked, rtol=1e-12, atol=1e-13)
    assert values[0].dtype == np.float64


def test_single_precision_stays() -> None:
    for layer, shape in layers():
        x = np.ones(shape, np.float32)
        assert (layer(x, x) if isinstance(layer, nn.Bilinear) else layer(x)).dtype == np.float32


def test_state_has_pytorchs_keys() -> None:
    assert list(nn.BatchNorm2d(3).state_dict()) == [
        "weight", "bias", "running_mean", "running_var", "num_batches_tracked",
    ]  # fmt: skip
    assert list(nn.Conv2d(1, 2, 3, bias=False).state_dict()) == ["weight"]
    assert nn.ConvTranspose2d(4, 6, 3, groups=2).weight.shape == (4, 3, 3, 3)
    assert nn.BatchNorm1d(2, affine=False, track_running_stats=False).state_dict() == {}


def test_batch_norm_keeps_statistics_only_while_training() -> None:
    norm = nn.BatchNorm1d(2).double()
    x = RNG.normal(size=(6, 2))
    norm(x)
    np.testing.assert_allclose(norm.running_mean, 0.1 * x.mean(0))
    np.testing.assert_allclose(norm.running_var, 0.9 + 0.1 * x.var(0, ddof=1))
    assert norm.num_batches_tracked == 1
    before = norm.state_dict()
    norm.eval()(x)
    for name, value in norm.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_batch_norm_in_a_transform() -> None:
    norm, x = nn.BatchNorm1d(2).double(), RNG.normal(size=(6, 2))
    old = norm.running_mean
    wg.grad(lambda a: np.sum(norm(a) ** 3))(x)  # the model itself: its statistics move
    assert norm.running_mean is not old
    kept = norm.running_mean

    def loss(m):
        return np.sum(m(x) ** 3), dict(m.named_buffers())

    _, buffers = wg.grad(loss, has_aux=True)(norm)  # a copy: what it saw can be returned
    assert norm.running_mean is kept
    np.testing.assert_allclose(buffers["running_mean"], 0.9 * kept + 0.1 * x.mean(0))
    with pytest.warns(UserWarning, match="the running statistics are not kept"):
        wg.vmap(lambda a: norm(a))(np.stack([x, x]))

    def step(a, centre, spread):
        copy = wg.tree_map(lambda p: p, norm)
        copy.running_mean, copy.running_var = centre, spread
        copy(a)
        return copy.running_mean

    found = wg.vmap(step)(np.stack([x, x + 1]), np.zeros((2, 2)), np.ones((2, 2)))  # handed in, and out again
    np.testing.assert_allclose(found, [0.1 * x.mean(0), 0.1 * (x.mean(0) + 1)])


def test_padding_row_gets_no_gradient() -> None:
    table = nn.Embedding(4, 2, padding_idx=-1)
    assert (table.weight.detach().numpy()[3] == 0).all()
    table(np.array([3, 1, 1])).sum().backward()
    np.testing.assert_array_equal(table.weight.grad.numpy(), [[0, 0], [2, 2], [0, 0], [0, 0]])
    fixed = nn.Embedding.from_pretrained(np.eye(3))
    assert not fixed.weight.requires_grad
    np.testing.assert_array_equal(fixed(2), [0, 0, 1])


@pytest.mark.parametrize(("kind", "shape", "whole"), [
    (nn.Dropout1d, (40, 30, 4), (2,)),
    (nn.Dropout2d, (40, 30, 2, 2), (2, 3)),
    (nn.Dropout3d, (40, 30, 2, 2, 1), (2, 3, 4)),
])  # fmt: skip
def test_dropout_of_whole_channels(kind, shape, whole) -> None:
    wg.manual_seed(0)
    y = kind(0.25)(np.ones(shape))
    np.testing.assert_array_equal(y.min(whole), y.max(whole))
    assert set(np.unique(y)) == {0, 1 / 0.75}
    assert abs((y == 0).mean() - 0.25) < 0.05


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    wg.manual_seed(1)
    y = nn.AlphaDropout(0.3)(np.random.default_rng(0).normal(size=100_000))
    assert abs(y.mean()) < 0.02
    assert abs(y.var() - 1) < 0.03


@pytest.mark.parametrize(("call", "kind", "words"), [
    (lambda: nn.Conv2d(3, 4, 3, groups=2), ArgumentError,
     "Conv2d: got 3 and 4 channels; both must be divisible by groups=2"),
    (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), ArgumentError,
     "Conv2d: got padding_mode='mirror'; needs one of zeros, reflect, replicate, circular"),
    (lambda: nn.Conv2d(0, 4, 3), ArgumentError, "Conv2d: got in_channels=0; needs an integer of at least 1"),
    (lambda: nn.Conv2d(3, 4, (3, 3, 3)), ArgumentError,
     "Conv2d: kernel_size=(3, 3, 3) has 3 entries; needs 1 or 2, one an axis"),
    (lambda: nn.BatchNorm1d(3)(np.ones((4, 2))), ShapeError,
     "BatchNorm1d: got float64[4, 2]; needs (N, C) or (N, C, L) with 3 channels"),
    (lambda: nn.BatchNorm1d(3)(np.ones((1, 3))), ShapeError,
     "batch_norm: got float64[1, 3]; while training it needs more than one value a channel"),
    (lambda: nn.LayerNorm(4)(np.ones((4, 3))), ShapeError,
     "layer_norm: got float64[4, 3]; needs its last axes to be [4]"),
    (lambda: nn.GroupNorm(2, 5), ArgumentError, "GroupNorm: 5 channels do not make 2 equal groups"),
    (lambda: nn.InstanceNorm1d(2)(np.ones((3, 2, 1))), ShapeError,
     "instance_norm: got float64[3, 2, 1]; needs more than one value a channel and example"),
    (lambda: nn.Embedding(3, 2)(np.array([0, 3])), ArgumentError, "embedding: got the row 3 for rows 0 to 2"),
    (lambda: nn.Embedding(3, 2)(np.array([0.5])), DTypeError, "embedding: got float64[1]; needs integer row indices"),
    (lambda: nn.Bilinear(2, 3, 1)(np.ones((4, 2)), np.ones((5, 3))), ShapeError,
     ("bilinear: got x1 float64[4, 2] and x2 float64[5, 3] for a weight [1, 2, 3]; needs (…, 2) and (…, 3) with the "
      "same axes before")),
    (lambda: nn.Dropout2d(1.5), ArgumentError, "Dropout2d: got p=1.5; needs a probability between 0 and 1"),
    (lambda: nn.Dropout2d()(np.ones(3)), ShapeError, "dropout2d: got float64[3]; needs (N, C, H, W) or (C, H, W)"),
    (lambda: nn.PixelShuffle(2)(np.ones((3, 2, 2))), ShapeError,
     "pixel_shuffle: got float64[3, 2, 2]; needs (…, C, H, W) with channels divisible by 4"),
    (lambda: nn.Upsample(scale_factor=2, mode="bilinear")(np.ones((1, 1, 3))), ShapeError,
     "interpolate: got float64[1, 1, 3] for mode='bilinear'; needs (N, C, *space) of its number of axes"),
    (lambda: nn.Upsample(), ArgumentError,
     ("Upsample: got size=None, scale_factor=None, mode='nearest'; needs one of size and scale_factor, and one of the "
      "modes nearest, nearest-exact, linear, bilinear, trilinear")),
])  # fmt: skip
def test_words(call, kind, words) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert caught.value.message == words


def test_functions_have_the_names_of_pytorch() -> None:
    norm = nn.LayerNorm(3).double()
    x = RNG.normal(size=(2, 3))
    np.testing.assert_allclose(functional.layer_norm(x, 3), norm(x).detach().numpy())
    np.testing.assert_allclose(np.linalg.norm(functional.normalize(x), axis=1), 1)
    assert functional.pairwise_distance(x, x[::-1]).shape == (2,)
