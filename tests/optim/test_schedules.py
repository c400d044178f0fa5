"""Schedules: refusals, pictures, the conditions of Robbins and Monro."""

from __future__ import annotations

import pytest

from wengert import nn, optim
from wengert.base.errors import ArgumentError, OperandError


def sgd(lr=0.1):
    return optim.SGD([nn.Parameter([1.0])], lr=lr)


def test_one_group_at_a_time_and_the_users_own_change_is_kept() -> None:
    optimizer = sgd()
    schedule = optim.ExponentialLR(optimizer, 0.5)
    optimizer.param_groups[0]["lr"] = 0.8
    schedule.step()
    assert optimizer.param_groups[0]["lr"] == 0.4
    assert schedule.get_last_lr() == [0.4]


def test_a_schedule_built_after_loading_the_optimizer_continues() -> None:
    optimizer, other = sgd(), sgd()
    schedule = optim.StepLR(optimizer, 2)
    for _ in range(5):
        schedule.step()
    other.load_state_dict(optimizer.state_dict())
    again = optim.StepLR(other, 2)
    again.load_state_dict(schedule.state_dict())
    other.load_state_dict(optimizer.state_dict())
    for s in (schedule, again):
        s.step()
    assert other.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"] == pytest.approx(1e-4)


def test_a_cycle_whose_rise_is_one_step() -> None:
    curve = optim.OneCycleLR(sgd(), 1.0, total_steps=10, pct_start=0.1).curve(10)
    assert curve[0] == pytest.approx(1.0)
    assert curve == sorted(curve, reverse=True)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda o: optim.TimeBasedLR(o, 0.5), True),
        (lambda o: optim.TimeBasedLR(o, 1e-3), True),
        (lambda o: optim.RecursiveTimeBasedLR(o, 0.5), False),
        (lambda o: optim.ExponentialLR(o, 0.9), False),
        (lambda o: optim.StepLR(o, 10), False),
        (lambda o: optim.ConstantLR(o), False),
        (lambda o: optim.CosineAnnealingWarmRestarts(o, 7), False),
        (lambda o: optim.LambdaLR(o, lambda k: (1 + k) ** -0.75), True),
        (lambda o: optim.LambdaLR(o, lambda k: (1 + k) ** -0.5), False),
        (lambda o: optim.LambdaLR(o, lambda k: (1 + k) ** -1.1), False),
    ],
)
def test_robbins_monro(make, expected) -> None:
    assert bool(optim.robbins_monro(make(sgd()))) is expected


def test_pictures(tmp_path) -> None:
    pytest.importorskip("matplotlib")
    figure = optim.CosineAnnealingLR(sgd(), 20).plot(40, tmp_path / "c.png")
    assert figure.axes[0].get_title() == "CosineAnnealingLR"
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda o: optim.StepLR("sgd", 3), OperandError, "StepLR: got str; needs an optimizer"),
        (lambda o: optim.StepLR(o, 0), ArgumentError, "step_size=0"),
        (lambda o: optim.TimeBasedLR(o, -1), ArgumentError, "tau=-1"),
        (lambda o: optim.ConstantLR(o, factor=2), ArgumentError, "factor=2; needs a number above 0"),
        (lambda o: optim.LambdaLR(o, [abs, abs]), ArgumentError, "2 functions for 1 groups"),
        (lambda o: optim.OneCycleLR(o, 0.1), ArgumentError, "needs total_steps"),
        (lambda o: optim.OneCycleLR(optim.Adagrad([nn.Parameter([1.0])]), 0.1, 9), ArgumentError, "no momentum"),
        (lambda o: optim.SequentialLR(o, [optim.StepLR(o, 3)], [2]), ArgumentError, "1 schedules and 1 milestones"),
        (lambda o: optim.ChainedScheduler([optim.ReduceLROnPlateau(o)]), ArgumentError, "cannot be combined"),
        (lambda o: optim.ReduceLROnPlateau(o).step(), ArgumentError, "needs the metric"),
        (lambda o: optim.ReduceLROnPlateau(o, factor=1.0), ArgumentError, "a factor below 1"),
        (lambda o: optim.StepLR(o, 3).load_state_dict({}), ArgumentError, "does not fit"),
    ],
)
def test_words(call, kind, words) -> None:
    with pytest.raises(kind, match=words):
        call(sgd())
