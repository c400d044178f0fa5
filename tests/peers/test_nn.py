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


def test_weights_travel_both_ways(tmp_path) -> None:
    files = pytest.importorskip("safetensors.torch")
    theirs = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 2))
    ours = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2))
    files.save_file(theirs.state_dict(), tmp_path / "torch.safetensors")
    load_weights(ours, tmp_path / "torch.safetensors")
    x = X.astype(np.float32)
    np.testing.assert_allclose(ours(x).detach().numpy(), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-5)
    save_weights(ours, tmp_path / "ours.safetensors")
    theirs.load_state_dict(files.load_file(tmp_path / "ours.safetensors"))
