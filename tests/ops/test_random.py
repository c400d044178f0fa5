"""Random numbers: known answers, statistics at fixed seeds, gradients, batches, the session's generator."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import wengert as wg
from wengert.base.errors import ArgumentError, DTypeError, MissingRuleError, ShapeError
from wengert.core.record import concrete
from wengert.ops import generator, philox, random

KEY = random.key(2024)
COUNT = 40_000


@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ((0,) * 4, (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_known_answers_of_philox(counter, key, answer):
    """The vectors of Random123 for philox4x32, 10 rounds."""
    got = philox.philox(tuple(np.array([c], np.uint64) for c in counter), tuple(np.array([k], np.uint32) for k in key))
    assert [int(w[0]) for w in got] == list(answer)


def test_any_part_is_the_same():
    """Longer draws begin with the shorter ones, over the borders of chunks and blocks."""
    long = random.bits(KEY, 4 * philox._CHUNK + 7)
    assert_array_equal(long[:10], random.bits(KEY, 10))
    assert len(np.unique(random.bits(KEY, 100_000, width=64))) == 100_000
    assert_array_equal(random.uniform(KEY, (2, 3)).ravel(), random.uniform(KEY, 6))


def test_keys():
    keys = random.split(KEY, 100)
    assert len({tuple(k) for k in keys}) == 100
    assert_array_equal(random.split(KEY, 3), keys[:3])
    assert not np.array_equal(random.fold_in(KEY, 1), random.fold_in(KEY, -1))
    assert_array_equal(random.key(1 << 32), [0, 1])
    pair = np.corrcoef(random.normal(keys[0], COUNT), random.normal(keys[1], COUNT))[0, 1]
    assert abs(pair) < 0.02
    with pytest.raises(ArgumentError, match=r"normal: got 5 as key; needs a uint32 array.*\n.*wg.random.key\(seed\)"):
        random.normal(5)
    with pytest.raises(ArgumentError, match="key: got the seed 1.5"):
        random.key(1.5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("draw", "mean", "variance"),
    [
        (lambda t: random.uniform(KEY, COUNT, -1.0, 3.0, dtype=t), 1.0, 16 / 12),
        (lambda t: random.normal(KEY, COUNT, 2.0, 3.0, dtype=t), 2.0, 9.0),
        (lambda t: random.exponential(KEY, COUNT, 2.0, dtype=t), 2.0, 4.0),
        (lambda t: random.laplace(KEY, COUNT, 1.0, 2.0, dtype=t), 1.0, 8.0),
        (lambda t: random.gumbel(KEY, COUNT, dtype=t), np.euler_gamma, np.pi**2 / 6),
        (lambda t: random.logistic(KEY, COUNT, dtype=t), 0.0, np.pi**2 / 3),
        (lambda t: random.gamma(KEY, 0.5, COUNT, dtype=t), 0.5, 0.5),
        (lambda t: random.gamma(KEY, 7.0, COUNT, scale=2.0, dtype=t), 14.0, 28.0),
        (lambda t: random.beta(KEY, 2.0, 3.0, COUNT, dtype=t), 0.4, 0.04),
        (lambda t: random.truncated_normal(KEY, -1.0, 1.0, COUNT, dtype=t), 0.0, 0.2911),
    ],
)
def test_moments_of_continuous_distributions(draw, mean, variance, dtype):
    x = draw(dtype)
    assert x.dtype == dtype and x.shape == (COUNT,)
    assert np.all(np.isfinite(x))
    sigma = np.sqrt(variance / COUNT)
    assert abs(float(x.mean(dtype=np.float64)) - mean) < 4 * sigma
    assert abs(float(x.var(dtype=np.float64)) / variance - 1) < 0.06


def test_distribution_functions():
    stats = pytest.importorskip("scipy.stats")
    for x, law in [
        (random.uniform(KEY, COUNT, dtype="float64"), stats.uniform()),
        (random.normal(KEY, COUNT, dtype="float64"), stats.norm()),
        (random.laplace(KEY, COUNT, dtype="float64"), stats.laplace()),
        (random.gamma(KEY, 0.3, COUNT, dtype="float64"), stats.gamma(0.3)),
        (random.gamma(KEY, 50.0, COUNT, dtype="float64"), stats.gamma(50.0)),
        (random.beta(KEY, 0.5, 2.0, COUNT, dtype="float64"), stats.beta(0.5, 2.0)),
    ]:
        assert stats.kstest(x, law.cdf).pvalue > 1e-3, law.dist.name


@pytest.mark.parametrize("rate", [0.3, 4.0, 9.9, 10.1, 80.0, 1e5])
def test_poisson(rate):
    x = random.poisson(KEY, rate, COUNT)
    assert x.dtype == np.int64
    assert abs(x.mean() - rate) < 4 * np.sqrt(rate / COUNT)
    assert abs(x.var() / rate - 1) < 0.05


def test_integers():
    x = random.integers(KEY, -3, 4, COUNT)
    assert_allclose(np.bincount(x + 3), COUNT / 7, rtol=0.05)
    assert (x.min(), x.max()) == (-3, 3)
    wide = random.integers(KEY, -(2**62), 2**62, COUNT)
    assert wide.min() < -(2**61) and wide.max() > 2**61
    assert random.integers(KEY, 5, shape=3, dtype=np.int8).dtype == np.int8
    assert random.integers(KEY, np.array([0, 100]), np.array([1, 101])).tolist() == [0, 100]
    with pytest.raises(ArgumentError, match="low 3 and high 3; needs low < high"):
        random.integers(KEY, 3, 3)
    with pytest.raises(DTypeError, match="got the bound 1.5; needs integers"):
        random.integers(KEY, 1.5)


def test_permutations_and_choices():
    assert sorted(random.permutation(KEY, 50).tolist()) == list(range(50))
    rows = np.arange(6.0).reshape(3, 2)
    mixed = random.permutation(KEY, rows)
    assert sorted(map(tuple, mixed)) == sorted(map(tuple, rows))
    first = [int(random.permutation(k, 4)[0]) for k in random.split(KEY, 2000)]
    assert_allclose(np.bincount(first), 500, rtol=0.2)
    drawn = random.choice(KEY, 3, COUNT, p=np.array([0.2, 0.0, 0.8]))
    assert_allclose(np.bincount(drawn) / COUNT, [0.2, 0.0, 0.8], atol=0.01)
    assert sorted(random.choice(KEY, 4, 4, replace=False, p=np.full(4, 0.25)).tolist()) == [0, 1, 2, 3]
    assert random.choice(KEY, np.array([7.0, 8.0]), (2, 2)).shape == (2, 2)
    heads = random.bernoulli(KEY, 0.3, COUNT)
    assert heads.dtype == bool and abs(heads.mean() - 0.3) < 0.01
    picked = random.categorical(KEY, np.log(np.array([0.5, 0.25, 0.25])), COUNT)
    assert_allclose(np.bincount(picked) / COUNT, [0.5, 0.25, 0.25], atol=0.01)
    assert random.categorical(KEY, np.zeros((4, 3))).shape == (4,)
    with pytest.raises(ArgumentError, match="cannot take 5 of 4 without replacement"):
        random.choice(KEY, 4, 5, replace=False)
    with pytest.raises(ArgumentError, match="sum to 1; got the sum 2.0"):
        random.choice(KEY, 2, 5, p=np.ones(2))
    with pytest.raises(ShapeError, match=r"probabilities float64\[2\] for 3 elements"):
        random.choice(KEY, 3, 5, p=np.ones(2) / 2)


def test_reparameterised_gradients():
    z = random.normal(KEY, dtype="float64")
    assert_allclose(wg.grad(lambda m, s: random.normal(KEY, loc=m, scale=s), (0, 1))(2.0, 3.0), [1.0, z])
    u = random.uniform(KEY, dtype="float64")
    assert_allclose(wg.grad(lambda a, b: random.uniform(KEY, None, a, b), (0, 1))(2.0, 3.0), [1 - u, u])
    x = random.gamma(KEY, 3.0, (), dtype="float64")
    assert_allclose(wg.grad(lambda s: random.gamma(KEY, 3.0, scale=s))(2.0), x)


def test_implicit_gradient_of_gamma():
    special = pytest.importorskip("scipy.special")
    a = np.array([0.3, 1.0, 2.5, 30.0, 400.0])
    x = random.gamma(KEY, a)
    got = wg.elementwise_grad(lambda a: random.gamma(KEY, a))(a)
    p, h = special.gammainc(a, x), 1e-5 * a
    wanted = (special.gammaincinv(a + h, p) - special.gammaincinv(a - h, p)) / (2 * h)
    assert_allclose(got, wanted, rtol=1e-6)
    assert_allclose(wg.jvp(lambda a: random.gamma(KEY, a), (a,), (np.ones(5),))[1], got)
    with pytest.raises(MissingRuleError, match="second derivative of a gamma draw"):
        wg.grad(wg.grad(lambda a: random.gamma(KEY, a)))(2.0)


def test_batches_of_keys_are_loops():
    keys = random.split(KEY, 3)
    for draw in (
        lambda k: random.normal(k, (2,)),
        lambda k: random.integers(k, 10, shape=4),
        lambda k: random.permutation(k, 5),
        lambda k: random.split(k, 2),
        lambda k: random.choice(k, 5, 2, replace=False, p=np.full(5, 0.2)),
        lambda k: random.categorical(k, np.zeros((2, 4))),
        lambda k: random.poisson(k, 20.0, 3),
        lambda k: random.normal(random.fold_in(k, 3)),
    ):
        assert_array_equal(wg.vmap(draw)(keys), np.stack([draw(k) for k in keys]))
    rates = np.array([1.0, 2.0, 3.0])
    batched = wg.vmap(lambda a: random.gamma(KEY, a, 2))(rates)
    assert_allclose(batched, np.stack([random.gamma(KEY, a, 2, dtype="float64") for a in rates]))


def test_multivariate_normal():
    mean, cov = np.array([1.0, -1.0]), np.array([[2.0, 0.6], [0.6, 1.0]])
    x = random.multivariate_normal(KEY, mean, cov, COUNT)
    assert_allclose(x.mean(0), mean, atol=0.03)
    assert_allclose(np.cov(x.T), cov, atol=0.05)


def test_shapes_and_dtypes():
    assert random.normal(KEY, loc=np.zeros((2, 1)), scale=np.ones(3)).shape == (2, 3)
    assert random.normal(KEY, loc=np.float32([1, 2])).dtype == np.float32
    assert random.normal(KEY, (2,)).dtype == np.float32
    assert random.normal(KEY, (0, 3)).shape == (0, 3)
    with pytest.raises(ShapeError, match=r"normal: shapes \[2\], \[3\] do not broadcast"):
        random.normal(KEY, 2, loc=np.zeros(3))
    with pytest.raises(DTypeError, match="uniform: got the dtype int64; needs a real floating dtype"):
        random.uniform(KEY, 2, dtype=np.int64)


# ----- the session -----------------------------------------------------------------------------------
def test_session_generator():
    generator.manual_seed(7)
    a, b = generator.rand(2, 3), generator.randn((4,), dtype="float64", requires_grad=True)
    assert a.shape == (2, 3) and a.dtype == np.float32 and not a.requires_grad
    assert b.dtype == np.float64 and b.requires_grad
    state = generator.get_rng_state()
    c = generator.randperm(5)
    generator.set_rng_state(state)
    assert_array_equal(c.value, generator.randperm(5).value)
    generator.manual_seed(7)
    assert_array_equal(generator.rand(2, 3).value, a.value)
    assert generator.torch_randint(3, (2,)).shape == (2,)
    assert generator.torch_randint(1, 3, (2,)).value.min() >= 1
    assert generator.multinomial(np.array([[0.0, 1.0], [1.0, 0.0]]), 1).value.tolist() == [[1], [0]]
    assert not np.array_equal(generator.rand(3).value, generator.rand(3).value)
    assert concrete(generator.rand_like(b)).dtype == np.float64
    own = generator.Generator(7)
    assert_array_equal(generator.rand(2, 3, generator=own).value, a.value)
    with pytest.raises(ArgumentError, match="needs a state that get_rng_state gave"):
        generator.set_rng_state(np.zeros(3))


def test_threads_never_share_a_draw():
    generator.manual_seed(0)
    keys: list[bytes] = []

    def work():
        mine = [generator.next_key().tobytes() for _ in range(200)]
        keys.extend(mine)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(set(keys)) == 800


def test_torch_names_at_the_top():
    wg.manual_seed(3)
    assert wg.normal(0.0, 1.0, (2, 3)).dtype == np.float32
    assert wg.normal(np.zeros(4), np.ones(4)).dtype == np.float64
    assert wg.bernoulli(np.array([0.0, 1.0])).value.tolist() == [0.0, 1.0]
    x = wg.randn(3, requires_grad=True)
    (x * x).sum().backward()
    assert_allclose(x.grad.value, 2 * x.value)
