"""Lion, RMSProp with Nesterov momentum, the lectures' momentum, clipping, averages; state of every optimizer."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from wengert import nn, optim
from wengert.base.errors import ArgumentError, NonFiniteError, ShapeError

START = [1.0, -2.0, 0.3]


def gradient_at(x):
    return np.array([10.0, 1.0, 0.1]) * x + np.sin(x)


def walk(optimizer, p, steps):
    for _ in range(steps):
        p.grad = gradient_at(p.detach().numpy())
        optimizer.step()
    return p.detach().numpy().copy()


def test_lion_by_hand() -> None:
    p = nn.Parameter(np.array(START))
    found = walk(optim.Lion([p], lr=0.01, betas=(0.8, 0.9), weight_decay=0.1), p, 20)
    x, m = np.array(START), 0.0
    for _ in range(20):
        g = gradient_at(x)
        x = x * (1 - 0.01 * 0.1) - 0.01 * np.sign(0.8 * m + 0.2 * g)
        m = 0.9 * m + 0.1 * g
    np.testing.assert_allclose(found, x, rtol=1e-13)


def test_rmsprop_with_nesterov_is_the_textbooks_at_the_point_ahead() -> None:
    """Goodfellow, Bengio, Courville, Algorithm 8.6: the gradient is taken where the momentum leads."""
    p = nn.Parameter(np.array(START))
    found = walk(optim.RMSprop([p], lr=0.01, alpha=0.9, eps=0, momentum=0.8, nesterov=True), p, 15)
    x, v, r = np.array(START), 0.0, 0.0
    for _ in range(15):
        g = gradient_at(x + 0.8 * v)
        r = 0.9 * r + 0.1 * g * g
        v = 0.8 * v - 0.01 * g / np.sqrt(r)
        x = x + v
    np.testing.assert_allclose(found, x + 0.8 * v, rtol=1e-12)


ALL = {
    "SGD": {"momentum": 0.9, "rate_inside": True}, "Adagrad": {}, "Adadelta": {}, "Adam": {"amsgrad": True},
    "AdamW": {}, "Adamax": {}, "NAdam": {}, "RAdam": {}, "Lion": {},
    "RMSprop": {"momentum": 0.9, "centered": True, "nesterov": True}, "LBFGS": {"max_iter": 2},
}  # fmt: skip


def step(p, optimizer):
    def closure():
        optimizer.zero_grad()
        loss = (p * p * np.array([3.0, 1.0, 0.1], p.dtype)).sum() + p.sin().sum()
        loss.backward()
        return loss

    optimizer.step(closure)


@pytest.mark.parametrize("name", ALL)
def test_a_new_optimizer_continues_bit_for_bit(name) -> None:
    def make():
        p = nn.Parameter(np.array(START))
        return p, getattr(optim, name)([p], lr=0.01, **ALL[name])

    p, optimizer = make()
    for _ in range(4):
        step(p, optimizer)
    q, other = make()
    q.assign_(p.detach().numpy())
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for _ in range(4):
        step(p, optimizer)
        step(q, other)
    np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())


@pytest.mark.parametrize("name", ALL)
def test_single_precision_stays_even_with_numpys_numbers(name) -> None:
    p = nn.Parameter(np.array(START, np.float32))
    optimizer = getattr(optim, name)([p], lr=np.float64(0.01), **ALL[name])
    for _ in range(7):
        step(p, optimizer)
    assert p.dtype == np.float32
    assert all(v.dtype == np.float32 for v in optimizer.state[p].values() if isinstance(v, np.ndarray) and v.shape)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3)])
def test_numbers_and_empty_parameters(name, shape) -> None:
    p, q = nn.Parameter(np.full(shape, 2.0)), nn.Parameter(np.ones(2))
    optimizer = getattr(optim, name)([p, q], lr=0.01, **ALL[name])

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum() + (q * q).sum()
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)
    assert p.shape == shape and (p.detach().numpy() < 2).all()
    optimizer.load_state_dict(optimizer.state_dict())
    optimizer.step(closure)


def test_lbfgs_solves_rosenbrock_and_backs_off_from_infinity() -> None:
    p = nn.Parameter(np.array([2.0]))
    optimizer = optim.LBFGS([p], lr=1.0, max_iter=50, line_search_fn="strong_wolfe")

    def closure():  # the first steps lead out of the logarithm's domain
        optimizer.zero_grad()
        loss = (p - 100 * p.log()).sum()
        loss.backward()
        return loss

    with np.errstate(all="ignore"):
        optimizer.step(closure)
    assert p.item() == pytest.approx(100, rel=1e-4)


def test_clipping_by_norm_and_value() -> None:
    a, b = nn.Parameter(np.zeros(2)), nn.Parameter(np.zeros((1, 1)))
    a.grad, b.grad = np.array([3.0, 0.0]), np.array([[4.0]])
    assert nn.utils.clip_grad_norm_([a, b], 1.0) == 5.0
    np.testing.assert_allclose(a.grad.numpy(), [0.6, 0], rtol=1e-6)
    assert nn.utils.clip_grad_norm_([a, b], 10.0) == pytest.approx(1.0, rel=1e-6)
    np.testing.assert_allclose(b.grad.numpy(), [[0.8]], rtol=1e-6)  # small ones stay
    assert nn.utils.clip_grad_norm_(a, 10.0, float("inf")) == pytest.approx(0.6, rel=1e-6)
    optim.clip_grad_value_([a, b], 0.5)
    np.testing.assert_array_equal(b.grad.numpy(), [[0.5]])
    a.grad = np.array([np.nan, 1.0])
    with pytest.raises(NonFiniteError, match="the norm of the gradients is nan"):
        optim.clip_grad_norm_([a, b], 1.0, error_if_nonfinite=True)


def test_averages_of_weights() -> None:
    model = nn.Linear(1, 1)
    swa, ema = optim.AveragedModel(model), optim.AveragedModel(model, optim.get_ema_avg_fn(0.75))
    for value in (1.0, 2.0, 6.0):
        nn.init.constant_(model.weight, value)
        swa.update_parameters(model)
        ema.update_parameters(model)
    assert (swa.module.weight.item(), ema.module.weight.item()) == (3.0, 0.75 * 1.25 + 0.25 * 6)
    assert model.weight.item() == 6.0
    assert swa.state_dict()["n_averaged"] == 3
    with pytest.raises(ArgumentError, match="got decay=2"):
        optim.get_ema_avg_fn(2)


def test_statistics_of_batch_norm_belong_to_the_averaged_weights() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    mean = optim.AveragedModel(model)
    mean.update_parameters(model)
    x = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    mean.eval()
    optim.update_bn([(x[:20], None), (x[20:], None)], mean)
    inner = (x @ model[0].weight.detach().numpy().T + model[0].bias.detach().numpy()).reshape(2, 20, 3)
    norm = mean.module[1]
    np.testing.assert_allclose(norm.running_mean, inner.mean((0, 1)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(norm.running_var, inner.var(1, ddof=1).mean(0), rtol=1e-4)
    assert norm.momentum == 0.1 and not norm.training


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: optim.LBFGS(p, line_search_fn="wolfe"), "needs None or 'strong_wolfe'"),
        (lambda p: optim.Muon(p), r"float32\[1\]; needs matrices"),
        (lambda p: optim.LBFGS(p, history_size=0), "history_size=0"),
        (lambda p: optim.LBFGS(p).step(), "needs a closure"),
        (lambda p: optim.Lion(p, betas=(0.9, 1.0)), "Lion: got beta2=1.0"),
        (lambda p: optim.RMSprop(p, nesterov=True), "nesterov needs a momentum"),
        (lambda p: optim.clip_grad_norm_(p, -1.0), "max_norm=-1.0"),
    ],
)
def test_words(call, words) -> None:
    with pytest.raises((ArgumentError, ShapeError), match=words):
        call([nn.Parameter([1.0])])
