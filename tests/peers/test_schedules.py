"""Learning-rate schedules against PyTorch: a hundred epochs, from one table; and their states."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wengert import nn, optim

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")
pytestmark = pytest.mark.filterwarnings("ignore:Detected call of")


def make(module, name, options):
    """The schedule `name` of a library on an optimizer with two groups."""
    if module is optim:
        a, b, kinds = nn.Parameter([1.0]), nn.Parameter([2.0]), optim
    else:
        a, b, kinds = torch.nn.Parameter(torch.ones(1)), torch.nn.Parameter(torch.ones(1)), torch.optim.lr_scheduler
    optimizer = module.SGD([{"params": [a]}, {"params": [b], "lr": 0.3}], lr=0.1, momentum=0.9)
    return optimizer, getattr(kinds, name)(optimizer, **options)


TABLE = [
    ("ConstantLR", {"factor": 0.25, "total_iters": 7}),
    ("LinearLR", {"start_factor": 0.1, "total_iters": 20}),
    ("LinearLR", {"start_factor": 0.5, "end_factor": 0.2, "total_iters": 11}),
    ("ExponentialLR", {"gamma": 0.93}),
    ("ExponentialLR", {"gamma": math.exp(-0.5)}),
    ("StepLR", {"step_size": 7, "gamma": 0.3}),
    ("MultiStepLR", {"milestones": [3, 20, 20, 41], "gamma": 0.5}),
    ("PolynomialLR", {"total_iters": 30, "power": 2.0}),
    ("PolynomialLR", {"total_iters": 60, "power": 0.5}),
    ("CosineAnnealingLR", {"T_max": 50}),
    ("CosineAnnealingLR", {"T_max": 12, "eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 9}),
    ("CosineAnnealingWarmRestarts", {"T_0": 5, "T_mult": 2, "eta_min": 0.001}),
    ("LambdaLR", {"lr_lambda": [lambda k: 0.9**k, lambda k: 1 / (1 + k)]}),
    ("MultiplicativeLR", {"lr_lambda": [lambda k: 0.95, lambda k: 1 - 1 / (k + 3)]}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 7}),
    (
        "CyclicLR",
        {
            "base_lr": [0.01, 0.02],
            "max_lr": [0.3, 0.1],
            "step_size_up": 3,
            "step_size_down": 8,
            "mode": "triangular2",
            "base_momentum": 0.5,
            "max_momentum": 0.95,
        },
    ),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 5, "mode": "exp_range", "gamma": 0.97}),
    (
        "CyclicLR",
        {
            "base_lr": 0.01,
            "max_lr": 0.3,
            "step_size_up": 5,
            "cycle_momentum": False,
            "scale_fn": lambda k: 1 / (1 + k),
            "scale_mode": "iterations",
        },
    ),
    ("OneCycleLR", {"max_lr": [0.5, 1.0], "total_steps": 101}),
    ("OneCycleLR", {"max_lr": 0.5, "epochs": 10, "steps_per_epoch": 11, "three_phase": True, "pct_start": 0.25}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 120, "anneal_strategy": "linear", "cycle_momentum": False}),
]


def rates(optimizer):
    return [(g["lr"], g["momentum"]) for g in optimizer.param_groups]


@pytest.mark.parametrize(("name", "options"), TABLE)
def test_a_hundred_epochs(name, options) -> None:
    (a, ours), (b, theirs) = make(optim, name, options), make(torch.optim, name, options)
    curve = ours.curve(101)
    for k in range(101):
        np.testing.assert_allclose(rates(a), rates(b), rtol=1e-12, atol=1e-15, err_msg=f"epoch {k}")
        np.testing.assert_allclose(ours.get_last_lr(), theirs.get_last_lr(), rtol=1e-12, atol=1e-15)
        assert curve[k] == a.param_groups[0]["lr"]
        if k < 100:
            ours.step()
            theirs.step()


@pytest.mark.parametrize(("name", "options"), TABLE)
def test_states_go_round_and_pytorchs_load(name, options) -> None:
    (a, ours), (_, theirs), (c, other) = (make(m, name, options) for m in (optim, torch.optim, optim))
    for _ in range(20):
        ours.step()
        theirs.step()
    state = theirs.state_dict()
    assert {"base_lrs", "last_epoch", "_last_lr", "_step_count"} <= set(ours.state_dict()) & set(state)
    for given in (ours.state_dict(), state):
        other.load_state_dict(given)
        c.load_state_dict(a.state_dict())
        assert other.last_epoch == 20
    for _ in range(20):
        ours.step()
        other.step()
    np.testing.assert_allclose(rates(a), rates(c), rtol=1e-12)


def combined(module, kind):
    kinds = optim if module is optim else torch.optim.lr_scheduler
    optimizer, warm = make(module, "LinearLR", {"start_factor": 0.1, "total_iters": 5})
    if kind == "chained":
        return optimizer, kinds.ChainedScheduler([warm, kinds.ExponentialLR(optimizer, 0.9)])
    if kind == "in turn":
        return optimizer, (warm, kinds.StepLR(optimizer, 4, 0.5))
    rest = [kinds.CosineAnnealingLR(optimizer, 20, 0.01), kinds.ExponentialLR(optimizer, 0.8)]
    return optimizer, kinds.SequentialLR(optimizer, [warm, *rest], [5, 25])


@pytest.mark.parametrize("kind", ["chained", "sequential", "in turn"])
def test_combined(kind) -> None:
    (a, ours), (b, theirs) = combined(optim, kind), combined(torch.optim, kind)
    for k in range(100):
        np.testing.assert_allclose(rates(a), rates(b), rtol=1e-11, err_msg=f"epoch {k}")
        if kind != "in turn":
            assert ours.curve(k + 1)[k] == pytest.approx(a.param_groups[0]["lr"], rel=1e-12)
        for schedule in (ours, theirs):
            for member in schedule if kind == "in turn" else [schedule]:
                member.step()


PLATEAU = [
    {},
    {"mode": "max", "patience": 1, "threshold": 0.0},
    {"patience": 2, "factor": 0.5, "threshold": 0.05, "threshold_mode": "abs", "cooldown": 3, "min_lr": [0.01, 0.02]},
]


@pytest.mark.parametrize("options", PLATEAU)
def test_plateau(options) -> None:
    (a, ours), (b, theirs) = (make(m, "ReduceLROnPlateau", options) for m in (optim, torch.optim))
    metrics = np.random.default_rng(3).normal(size=100).cumsum() / 20 + 1
    for k, metric in enumerate(metrics):
        ours.step(metric)
        theirs.step(metric)
        np.testing.assert_allclose(rates(a), rates(b), rtol=1e-13, err_msg=f"epoch {k}")
    assert set(ours.state_dict()) - {"base_lrs"} <= set(theirs.state_dict())


@pytest.mark.parametrize("options", [{}, {"anneal_epochs": 7, "anneal_strategy": "linear"}, {"anneal_epochs": 0}])
def test_swa(options) -> None:
    a = optim.SGD([nn.Parameter([1.0])], lr=0.1)
    b = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
    ours, theirs = optim.SWALR(a, 0.02, **options), torch.optim.swa_utils.SWALR(b, 0.02, **options)
    for _ in range(100):
        assert a.param_groups[0]["lr"] == pytest.approx(b.param_groups[0]["lr"], rel=1e-12)
        ours.step()
        theirs.step()


@pytest.mark.parametrize(("name", "kind"), [("TimeBasedLR", "LambdaLR"), ("RecursiveTimeBasedLR", "MultiplicativeLR")])
def test_time_based(name, kind) -> None:
    """Both forms of the lectures, written with PyTorch's general schedules."""
    a, ours = make(optim, name, {"tau": 0.05})
    b, theirs = make(torch.optim, kind, {"lr_lambda": [lambda k: 1 / (1 + 0.05 * k)] * 2})
    for k in range(101):
        np.testing.assert_allclose(rates(a), rates(b), rtol=1e-11, err_msg=f"epoch {k}")
        ours.step()
        theirs.step()
