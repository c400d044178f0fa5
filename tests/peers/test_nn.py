"""Activations, losses and layers against PyTorch in float64: values and gradients, from one table each."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.train import load_weights, save_weights

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")

RNG = np.random.default_rng(0)
X = np.concatenate([[0.0], RNG.normal(size=11) * 3]).reshape(3, 4)
LABELS, SOFT = np.array([3, 0, 1]), np.exp(X) / np.exp(X).sum(1, keepdims=True)

ACTIVATIONS = [
    ("Sigmoid", {}), ("Tanh", {}), ("ReLU", {}), ("Softsign", {}), ("ELU", {}), ("ELU", {"alpha": 0.7}),
    ("LogSigmoid", {}), ("SiLU", {}), ("LeakyReLU", {}), ("LeakyReLU", {"negative_slope": 0.3}), ("Mish", {}),
    ("GELU", {}), ("GELU", {"approximate": "tanh"}), ("Softmax", {"dim": -1}), ("Softmax", {"dim": 0}),
    ("LogSoftmax", {"dim": 1}), ("Identity", {}),
]  # fmt: skip
LOSSES = [
    ("MSELoss", SOFT), ("L1Loss", SOFT), ("CrossEntropyLoss", LABELS), ("CrossEntropyLoss", SOFT),
    ("NLLLoss", LABELS), ("BCEWithLogitsLoss", SOFT),
]  # fmt: skip


def compare(ours, theirs) -> None:
    weights = RNG.normal(size=np.shape(ours(X)))
    found = wg.grad(lambda x: np.sum(ours(x) * weights))(X)
    x = torch.tensor(X, requires_grad=True)
    y = theirs(x)
    (y * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(ours(X), y.detach().numpy(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found, x.grad.numpy(), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(("name", "options"), ACTIVATIONS)
def test_activation(name, options) -> None:
    compare(getattr(nn, name)(**options), getattr(torch.nn, name)(**options))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("name", "target"), LOSSES)
def test_loss(name, target, reduction) -> None:
    ours, theirs = getattr(nn, name)(reduction=reduction), getattr(torch.nn, name)(reduction=reduction)
    compare(lambda x: ours(x, target), lambda x: theirs(x, torch.tensor(target)))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("target", [LABELS, SOFT])
def test_weighted_cross_entropy(target, reduction) -> None:
    weight = np.array([1.0, 0.5, 2.0, 0.25])
    ours = nn.CrossEntropyLoss(weight, reduction)
    theirs = torch.nn.CrossEntropyLoss(torch.tensor(weight), reduction=reduction)
    compare(lambda x: ours(x, target), lambda x: theirs(x, torch.tensor(target)))


TRAVELLERS = {
    "dense": (lambda m: m.Sequential(m.Linear(4, 5), m.Tanh(), m.Linear(5, 2)), [(3, 4)]),
    "images": (
        lambda m: m.Sequential(
            m.Conv2d(2, 3, 3), m.BatchNorm2d(3), m.PReLU(), m.ConvTranspose2d(3, 2, 2), m.GroupNorm(1, 2), m.Flatten()
        ),
        [(2, 2, 5, 5)],
    ),
    "sequences": (lambda m: m.LSTM(3, 4, num_layers=2, bidirectional=True), [(5, 2, 3)]),
    "gates": (lambda m: m.GRU(3, 4), [(5, 2, 3)]),
    "attention": (lambda m: m.TransformerEncoderLayer(6, 2, 8, 0.0), [(4, 2, 6)]),
    "decoder": (lambda m: m.TransformerDecoderLayer(6, 2, 8, 0.0), [(4, 2, 6), (5, 2, 6)]),
    "parts": (lambda m: m.ModuleDict({"a": m.ModuleList([m.LayerNorm(3), m.Bilinear(3, 3, 2)])}), []),
}


def first(y):
    return y[0] if isinstance(y, tuple) else y


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TRAVELLERS)
def test_weights_travel_both_ways(tmp_path, name, dtype) -> None:
    """Through files of safetensors, by name: PyTorch's into ours, ours into a new one of PyTorch's."""
    files = pytest.importorskip("safetensors.torch")
    make, shapes = TRAVELLERS[name]
    theirs = make(torch.nn).to(getattr(torch, dtype))
    ours, again = make(nn).to(getattr(np, dtype)), make(torch.nn).to(getattr(torch, dtype))
    xs = [RNG.normal(size=shape).astype(dtype) for shape in shapes]
    if xs:
        theirs(*map(torch.tensor, xs))  # moves the statistics of batch norm
    files.save_file(theirs.state_dict(), tmp_path / "torch.safetensors")
    load_weights(ours, tmp_path / "torch.safetensors")
    save_weights(ours, tmp_path / "ours.safetensors")
    again.load_state_dict(files.load_file(tmp_path / "ours.safetensors"))
    for key, value in theirs.state_dict().items():
        found = again.state_dict()[key]
        assert found.dtype == value.dtype
        np.testing.assert_array_equal(found.numpy(), value.numpy(), err_msg=key)
    if xs:
        expected, found = first(theirs.eval()(*map(torch.tensor, xs))), first(ours.eval()(*xs))
        tolerance = {"rtol": 1e-5, "atol": 1e-6} if dtype == "float32" else {"rtol": 1e-10, "atol": 1e-12}
        np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), **tolerance)
        np.testing.assert_array_equal(
            first(again.eval()(*map(torch.tensor, xs))).detach().numpy(), expected.detach().numpy()
        )


@pytest.mark.parametrize("name", ["linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"])
def test_gains_of_first_values(name) -> None:
    assert nn.init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name), rel=1e-15)
    assert nn.init.calculate_gain("leaky_relu", 0.3) == torch.nn.init.calculate_gain("leaky_relu", 0.3)


N, POSITIVE, SIGNS = X, np.abs(X) + 0.1, np.where(X > 0, 1.0, -1.0)
# Functions whose modules are compared elsewhere too: here by themselves, with their own defaults.
FUNCTIONS = [
    ("celu", [N], {}), ("selu", [N], {}), ("hardswish", [N], {}), ("tanhshrink", [N], {}), ("softmin", [N], {"dim": 1}),
    ("logsigmoid", [N], {}), ("l1_loss", [N, POSITIVE], {}), ("smooth_l1_loss", [N, POSITIVE], {}),
    ("kl_div", [N, SOFT], {"reduction": "batchmean"}), ("poisson_nll_loss", [N, POSITIVE], {}),
    ("soft_margin_loss", [N, SIGNS], {}), ("margin_ranking_loss", [N, POSITIVE, SIGNS], {"margin": 0.2}),
    ("multilabel_soft_margin_loss", [N, (SIGNS + 1) / 2], {}), ("triplet_margin_loss", [N, POSITIVE, SOFT], {}),
    ("cosine_similarity", [N, POSITIVE], {}), ("rms_norm", [N, (4,)], {}), ("group_norm", [N, 2], {}),
    ("local_response_norm", [N[None], 3], {}), ("pixel_unshuffle", [N.reshape(1, 1, 2, 6), 2], {}),
    ("avg_pool3d", [N.reshape(1, 1, 2, 3, 2), 2], {}),
    ("conv3d", [N.reshape(1, 1, 3, 2, 2), RNG.normal(size=(2, 1, 2, 2, 1))], {"padding": 1}),
    ("conv_transpose2d", [N.reshape(1, 1, 3, 4), RNG.normal(size=(1, 2, 2, 2))], {"stride": 2}),
    ("conv_transpose3d", [N.reshape(1, 1, 3, 2, 2), RNG.normal(size=(1, 2, 2, 2, 2))], {"padding": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "options"), FUNCTIONS, ids=[row[0] for row in FUNCTIONS])
def test_functions(name, arguments, options) -> None:
    given = [torch.tensor(a, requires_grad=a is not SIGNS) if isinstance(a, np.ndarray) else a for a in arguments]
    mine = [wg.tensor(a, requires_grad=a is not SIGNS) if isinstance(a, np.ndarray) else a for a in arguments]
    expected = getattr(torch.nn.functional, name)(*given, **options)
    found = getattr(nn.functional, name)(*mine, **options)
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-12, atol=1e-14)
    weights = np.cos(np.arange(expected.numel())).reshape(tuple(expected.shape))
    (expected * torch.tensor(weights)).sum().backward()
    (found * weights).sum().backward()
    for a, b in zip(mine, given, strict=True):
        if isinstance(b, torch.Tensor) and b.requires_grad:
            np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-10, atol=1e-12)
