"""Generated convolutions and their transposes against the primitives' own implementations."""

from __future__ import annotations

import math
import os
import pathlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from tests.compiler.native.running import aligned, call, line, placed
from wengert.compiler.native import conv_kernel, convolution
from wengert.compiler.native.convolution import Operands
from wengert.compiler.native.ir import Module
from wengert.core.primitive import REGISTRY


def run(name: str, operands: list[np.ndarray], attrs: dict[str, Any], parts: int = 2) -> np.ndarray:
    """One line by its kernel, whose epilogue only stores."""
    node, module = line(name, operands, attrs), Module()
    rows, columns = (node.shape[0], math.prod(node.shape[1:])) if name == "conv_kernel" else (
        node.shape[1], math.prod(node.shape[2:])
    )  # fmt: skip

    def store(f: Any, x: Any, row: Any, column: Any, lanes: int, image: Any) -> None:
        f.store(x, f["y"], (image * rows + row) * columns + column, lanes)

    there = Operands("a", "b")
    if name == "conv_kernel":
        assert conv_kernel.supported(node) == bool(attrs["stride"]), "without axes it is a product of matrices"
        if not attrs["stride"]:
            return np.asarray(REGISTRY[name].impl(*operands, **attrs))
        kernel = conv_kernel.kernel_gradient(module, "work", node, there, store, ["a", "b", "y"])
    else:
        assert convolution.supported(node)
        kernel = convolution.convolution(module, "work", node, there, store, ["a", "b", "y"])
    size = math.prod(node.shape)
    y = aligned(size, node.dtype)
    call(module, kernel, [*map(placed, operands), y], parts)
    assert np.isnan(y[size:]).all(), "written past the end"
    return y[:size].reshape(node.shape)


def compare(name: str, operands: list[np.ndarray], attrs: dict[str, Any]) -> None:
    expected = REGISTRY[name].impl(*operands, **attrs)
    bound = 64 * np.finfo(expected.dtype).eps * max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(run(name, operands, attrs), expected, rtol=0, atol=bound)


def check(x: Any, w: Any, attrs: dict[str, Any], dtype: Any = np.float32) -> None:
    """A convolution and both of its transposes."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal(x).astype(dtype), rng.standard_normal(w).astype(dtype)
    g = rng.standard_normal(REGISTRY["conv"].impl(x, w, **attrs).shape).astype(dtype)
    compare("conv", [x, w], attrs)
    compare("conv_input", [g, w], {"sizes": x.shape[2:], **attrs})
    compare("conv_kernel", [x, g], {"kernel": w.shape[2:], **attrs})


def attributes(stride: Any, padding: Any, dilation: Any, groups: int = 1) -> dict[str, Any]:
    return {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}


ONE = attributes((1, 1), ((0, 0), (0, 0)), (1, 1))
SAME = attributes((1, 1), ((1, 1), (1, 1)), (1, 1))
HALF = attributes((2, 2), ((1, 1), (1, 1)), (1, 1))
CASES = {
    "lenet 1": ((3, 1, 28, 28), (6, 1, 5, 5), attributes((1, 1), ((2, 2), (2, 2)), (1, 1))),
    "lenet 2": ((3, 6, 14, 14), (16, 6, 5, 5), ONE),
    "stem": ((2, 3, 32, 32), (16, 3, 3, 3), SAME),
    "halved": ((2, 16, 32, 32), (32, 16, 3, 3), HALF),
    "halved, short rows": ((2, 32, 16, 16), (64, 32, 3, 3), HALF),
    "short rows": ((3, 24, 8, 8), (20, 24, 3, 3), SAME),
    "projection": ((2, 16, 16, 16), (32, 16, 1, 1), attributes((2, 2), ((0, 0), (0, 0)), (1, 1))),
    "places one by one": ((2, 16, 5, 5), (9, 16, 1, 1), ONE),
    "more padding than input": ((3, 4, 1, 1), (5, 4, 3, 3), SAME),
    "depthwise": ((2, 8, 7, 9), (8, 1, 3, 3), {**SAME, "groups": 8}),
    "everything uneven": ((2, 8, 9, 11), (12, 4, 3, 2), attributes((3, 2), ((2, 1), (1, 0)), (2, 3), 2)),
    "channels past a vector": ((2, 13, 6, 17), (33, 13, 2, 3), ONE),
    "one axis": ((2, 3, 5), (4, 3, 3), attributes((1,), ((1, 1),), (1,))),
    "a long kernel": ((1, 5, 40), (7, 5, 40), attributes((1,), ((3, 3),), (1,))),
    "strides beyond the kernel": ((1, 3, 100), (2, 3, 4), attributes((7,), ((0, 3),), (1,))),
    "dilated past the input": ((1, 1, 9), (1, 1, 2), attributes((1,), ((4, 7),), (3,))),
    "three axes": ((1, 2, 6, 7, 8), (3, 2, 2, 3, 3), attributes((2, 1, 2), ((1, 1), (0, 1), (1, 1)), (1, 2, 1))),
    "no axes": ((2, 3), (4, 3), attributes((), (), ())),
}


@pytest.mark.parametrize("case", CASES)
def test_float32(case: str) -> None:
    check(*CASES[case])


@pytest.mark.parametrize("case", ["lenet 2", "halved, short rows", "everything uneven", "three axes"])
def test_float64(case: str) -> None:
    check(*CASES[case], np.float64)


def test_random_geometries() -> None:
    rng = np.random.default_rng(1)
    for _ in range(15):
        rank, groups = int(rng.integers(1, 4)), int(rng.integers(1, 4))
        kernel, stride, dilation = (tuple(map(int, rng.integers(1, n, rank))) for n in (4, 4, 3))
        padding = tuple((int(a), int(b)) for a, b in rng.integers(0, 3, (rank, 2)))
        space = tuple(int(d * (k - 1) + 1 + rng.integers(0, 12)) for k, d in zip(kernel, dilation, strict=True))
        c, o = (groups * int(rng.integers(1, 5)) for _ in range(2))
        check((2, c, *space), (o, c // groups, *kernel), attributes(stride, padding, dilation, groups))


def test_every_split_gives_the_same_numbers() -> None:
    rng = np.random.default_rng(2)
    x, g = rng.standard_normal((4, 12, 9, 20)), rng.standard_normal((4, 20, 7, 18))
    once = run("conv_kernel", [x, g], {"kernel": (3, 3), **ONE}, 1)
    for parts in (2, 3):
        assert (run("conv_kernel", [x, g], {"kernel": (3, 3), **ONE}, parts) == once).all()


def test_infinities_stay_where_they_are() -> None:
    """Lanes past the end of a row take no part: an infinite neighbour must not make NaN of a zero."""
    x, w = np.zeros((1, 2, 5, 19), np.float32), np.zeros((3, 2, 3, 3), np.float32)
    x[0, 0, 2, 18], w[:] = np.inf, 1.0
    g = np.ones((1, 3, 3, 17), np.float32)
    for name, operands, attrs in [
        ("conv", [x, w], ONE), ("conv_kernel", [x, g], {"kernel": (3, 3), **ONE}),
        ("conv_input", [x, w.swapaxes(0, 1).copy()], {"sizes": (7, 21), **ONE}),
    ]:  # fmt: skip
        np.testing.assert_array_equal(run(name, operands, attrs), REGISTRY[name].impl(*operands, **attrs))


def test_what_has_no_kernel() -> None:
    assert not convolution.supported(line("conv", [np.zeros((1, 1, 4), int), np.zeros((1, 1, 2), int)],
                                          attributes((1,), ((0, 0),), (1,))))  # fmt: skip
    assert not convolution.supported(line("conv", [np.zeros((0, 1, 4)), np.zeros((1, 1, 2))],
                                          attributes((1,), ((0, 0),), (1,))))  # fmt: skip


_OTHER = """
import sys
sys.path.insert(0, {root!r})
from tests.compiler.native.test_convolution import CASES, check
for case in ("lenet 1", "short rows", "everything uneven", "three axes"):
    check(*CASES[case])
"""


@pytest.mark.parametrize("name", ["haswell", "baseline"])
def test_processors_with_narrower_registers(name: str) -> None:
    code = _OTHER.format(root=str(pathlib.Path(__file__).parents[3]))
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "WENGERT_CPU": name}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
