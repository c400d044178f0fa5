"""Optimizers against PyTorch: fifty steps in float64 on three problems, from one table."""

from __future__ import annotations

import numpy as np
import pytest

from wengert import nn, optim

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")


@pytest.fixture(autouse=True)
def doubles():
    """PyTorch keeps NAdam's product of momenta in its default dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


TABLE = [
    ("SGD", {"lr": 0.01}),
    ("SGD", {"lr": 0.01, "momentum": 0.9}),
    ("SGD", {"lr": 0.01, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.01, "momentum": 0.8, "nesterov": True, "weight_decay": 0.05}),
    ("SGD", {"lr": 0.001, "maximize": True}),
    ("Adam", {"lr": 0.02}),
    ("Adam", {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.02}),
    ("AdamW", {"lr": 0.02, "weight_decay": 0.3}),
    ("Adagrad", {"lr": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.05, "weight_decay": 0.1, "initial_accumulator_value": 0.2}),
    ("RMSprop", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.01, "centered": True, "alpha": 0.9}),
    ("RMSprop", {"lr": 0.01, "centered": True, "alpha": 0.9, "momentum": 0.8}),
    ("Adam", {"lr": 0.05, "amsgrad": True, "betas": (0.9, 0.9)}),
    ("AdamW", {"lr": 0.05, "amsgrad": True, "betas": (0.8, 0.9), "weight_decay": 0.2, "maximize": True}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.8, "eps": 1e-4, "weight_decay": 0.1}),
    ("Adamax", {"lr": 0.02}),
    ("Adamax", {"lr": 0.02, "betas": (0.8, 0.9), "eps": 1e-4, "weight_decay": 0.1}),
    ("NAdam", {"lr": 0.02}),
    ("NAdam", {"lr": 0.02, "weight_decay": 0.1, "momentum_decay": 0.01}),
    ("NAdam", {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.02}),
    ("RAdam", {"lr": 0.02, "betas": (0.8, 0.95), "weight_decay": 0.1}),
    ("RAdam", {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True}),
]
LBFGS = [
    {},
    {"lr": 0.1, "max_iter": 4, "history_size": 3},
    {"line_search_fn": "strong_wolfe", "max_iter": 5},
    {"line_search_fn": "strong_wolfe", "max_iter": 3, "history_size": 2, "lr": 0.5},
]
PROBLEMS = {
    "bowl": (lambda x: (x * x * 3.0).sum() + (x[0] - 1.0) ** 2, [1.0, -2.0, 0.5]),
    "valley": (lambda x: (1.0 - x[0]) ** 2 + 5.0 * (x[1] - x[0] * x[0]) ** 2, [-0.5, 0.7]),
    "waves": (lambda x: x.sin().sum() + 0.1 * (x * x).sum(), [0.1, 2.0, -3.0, 4.0]),
}


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize(("name", "options"), TABLE)
def test_fifty_steps(name, options, problem) -> None:
    f, start = PROBLEMS[problem]
    ours = nn.Parameter(np.array(start))
    theirs = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
    a, b = getattr(optim, name)([ours], **options), getattr(torch.optim, name)([theirs], **options)
    for _ in range(50):
        for p, optimizer in ((ours, a), (theirs, b)):
            optimizer.zero_grad()
            f(p).backward()
            optimizer.step()
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", sorted({name for name, _ in TABLE}))
def test_defaults_are_the_same(name) -> None:
    ours = getattr(optim, name)([nn.Parameter([1.0])]).defaults
    theirs = getattr(torch.optim, name)([torch.nn.Parameter(torch.ones(1))]).defaults
    extra = {"rate_inside": False} if name == "SGD" else {"nesterov": False} if name == "RMSprop" else {}
    assert {k: theirs[k] for k in ours if k not in extra} | extra == ours


@pytest.mark.parametrize("problem", ["bowl", "valley", "waves"])
@pytest.mark.parametrize("options", LBFGS)
def test_lbfgs(options, problem) -> None:
    f, start = PROBLEMS[problem]
    options = {"lr": 0.2, "max_iter": 3, **options} if "line_search_fn" not in options else options
    ours = nn.Parameter(np.array(start))
    theirs = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
    pairs = (ours, optim.LBFGS([ours], **options)), (theirs, torch.optim.LBFGS([theirs], **options))
    for _ in range(50):
        for p, optimizer in pairs:

            def closure(p=p, optimizer=optimizer):
                optimizer.zero_grad()
                loss = f(p)
                loss.backward()
                return loss

            optimizer.step(closure)
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-9)


MATRICES = {
    "waves": lambda p: p.sin().sum() + 0.1 * (p * p).sum(),
    "bowl": lambda p: (p * p).sum() + (p[0] * p[1]).sum(),
    "quartic": lambda p: ((p * p - 1.0) ** 2).sum(),
}


@pytest.mark.parametrize("problem", MATRICES)
@pytest.mark.parametrize("shape", [(3, 5), (5, 2), (4, 4)])
@pytest.mark.parametrize("options", [{}, {"nesterov": False, "adjust_lr_fn": "match_rms_adamw", "ns_steps": 3}])
def test_muon_without_bfloat16(monkeypatch, options, shape, problem) -> None:
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda x: x.clone())
    start = np.random.default_rng(0).normal(size=shape)
    ours, theirs = nn.Parameter(start), torch.nn.Parameter(torch.tensor(start))
    pairs = (ours, optim.Muon([ours], lr=0.02, **options)), (theirs, torch.optim.Muon([theirs], lr=0.02, **options))
    for _ in range(50):
        for p, optimizer in pairs:
            optimizer.zero_grad()
            MATRICES[problem](p).backward()
            optimizer.step()
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-11)
