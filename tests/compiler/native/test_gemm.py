"""Generated matrix products against NumPy's."""

from __future__ import annotations

import itertools
import os
import pathlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from tests.compiler.native.running import aligned, call, placed
from wengert.compiler.native import gemm as gemm_module
from wengert.compiler.native.gemm import Matrix, gemm, store_epilogue
from wengert.compiler.native.ir import F32, F64, Module

KINDS = {np.float32: F32, np.float64: F64}


def gemm_call(x: np.ndarray, y: np.ndarray, ta: bool, tb: bool, parts: int = 2) -> np.ndarray:
    """op(x) op(y) by a generated kernel; three axes are a batch, of which one operand may have length 1."""
    batch = max(x.shape[0], y.shape[0]) if x.ndim == 3 else 1
    (m, k), n = x.shape[-2:][:: -1 if ta else 1], y.shape[-2 if tb else -1]
    module = Module()
    a = Matrix("a", x.shape[-1], ta, x[0].size if x.ndim == 3 and x.shape[0] > 1 else 0)
    b = Matrix("b", y.shape[-1], tb, y[0].size if y.ndim == 3 and y.shape[0] > 1 else 0)
    kernel = gemm(
        module, "product", m, n, k, KINDS[x.dtype.type], a, b, store_epilogue("c", n, m * n), ["a", "b", "c"], batch
    )
    c = aligned(batch * m * n, x.dtype)
    call(module, kernel, [placed(x), placed(y), c], parts)
    assert np.isnan(c[batch * m * n :]).all(), "written past the end"
    shape = (batch, m, n) if x.ndim == 3 else (m, n)
    return c[: batch * m * n].reshape(shape)


def check(rng: np.random.Generator, m: int, n: int, k: int, ta: bool, tb: bool, dtype: Any, batch: Any = None) -> None:
    """One product against NumPy's."""
    lead_a, lead_b = ((), ()) if batch is None else ((batch[0],), (batch[1],))
    x = rng.standard_normal((*lead_a, *((k, m) if ta else (m, k)))).astype(dtype)
    y = rng.standard_normal((*lead_b, *((n, k) if tb else (k, n)))).astype(dtype)
    expected = np.matmul(x.swapaxes(-1, -2) if ta else x, y.swapaxes(-1, -2) if tb else y)
    bound = 8 * np.finfo(dtype).eps * max(k, 4)  # the sums are of about the size of the root of k
    np.testing.assert_allclose(gemm_call(x, y, ta, tb), expected, rtol=0, atol=bound)


# One past the sizes of tiles, panels and vectors; primes, one, nothing; few rows, one column, one step of k.
SHAPES = [
    (0, 3, 4), (3, 0, 4), (3, 4, 0), (1, 1, 1), (1, 1, 100), (1, 17, 33), (2, 17, 33), (3, 9, 16), (17, 1, 33),
    (5, 7, 11), (13, 33, 17), (32, 16, 2), (31, 129, 5), (25, 49, 1), (97, 101, 103), (128, 96, 40),
]  # fmt: skip
TRANSPOSITIONS = list(itertools.product((False, True), repeat=2))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("ta, tb", TRANSPOSITIONS)
def test_float32(shape: tuple[int, int, int], ta: bool, tb: bool) -> None:
    check(np.random.default_rng(0), *shape, ta, tb, np.float32)


@pytest.mark.parametrize("shape", [(3, 4, 0), (1, 9, 17), (7, 1, 20), (13, 17, 9), (65, 66, 67)], ids=str)
@pytest.mark.parametrize("ta, tb", TRANSPOSITIONS)
def test_float64(shape: tuple[int, int, int], ta: bool, tb: bool) -> None:
    check(np.random.default_rng(1), *shape, ta, tb, np.float64)


@pytest.mark.parametrize("ta", [False, True])
def test_copies_of_rows_and_columns(ta: bool) -> None:
    """Rows 4 KB apart, and more of them than the second cache holds."""
    check(np.random.default_rng(2), 530 if not ta else 520, 200, 1024 if not ta else 70, ta, False, np.float32)
    check(np.random.default_rng(3), 40, 520, 64, ta, False, np.float32)


@pytest.mark.parametrize("ta, tb", TRANSPOSITIONS)
def test_blocks(ta: bool, tb: bool) -> None:
    """Large products: rounds of k, groups of panels, strips of rows; one more than fits into each."""
    rng = np.random.default_rng(9)
    check(rng, 1037, 70, 1029, ta, tb, np.float32)
    check(rng, 101, 1085, 530, ta, tb, np.float32)
    check(rng, 250, 1100, 130, ta, tb, np.float64)
    check(rng, 140, 300, 801, ta, tb, np.float64, (1, 3))


@pytest.mark.parametrize("ta", [False, True])
def test_deep_products(ta: bool, monkeypatch) -> None:
    """Rounds of k whose operands are read where they lie: the sums are those of one round, in every bit."""
    rng = np.random.default_rng(10)
    for m, n, k, dtype in [(50, 50, 2003, np.float64), (65, 33, 4100, np.float32), (41, 200, 1100, np.float64)]:
        x = rng.standard_normal((k, m) if ta else (m, k)).astype(dtype)
        y = rng.standard_normal((k, n)).astype(dtype)
        found = [gemm_call(x, y, ta, False, parts) for parts in (1, 2, 3)]
        with monkeypatch.context() as patch:
            patch.setattr(gemm_module, "_DEEP", 1 << 60)
            once = gemm_call(x, y, ta, False)
        for z in found:
            np.testing.assert_array_equal(z, once)
        check(rng, m, n, k, ta, False, dtype)
        with monkeypatch.context() as patch:
            patch.setattr(gemm_module, "Blocks", None)  # which writes them
            with pytest.raises(TypeError):
                gemm_call(x, y, ta, False)
    check(rng, 50, 50, 2000, ta, False, np.float64, (2, 1))


@pytest.mark.parametrize("batch", [(3, 3), (1, 3), (9, 9), (9, 1)], ids=str)
@pytest.mark.parametrize("tb", [False, True])
def test_batches(batch: tuple[int, int], tb: bool) -> None:
    check(np.random.default_rng(4), 33, 18, 20, False, tb, np.float32, batch)
    check(np.random.default_rng(5), 1, 18, 20, False, tb, np.float32, batch)


def test_every_split_gives_the_same_numbers() -> None:
    rng = np.random.default_rng(6)
    for m, n, k in [(200, 40, 30), (40, 200, 30), (2, 3000, 50), (100, 300, 1200), (700, 100, 600)]:
        x, y = rng.standard_normal((m, k)), rng.standard_normal((n, k))
        once = gemm_call(x, y, False, True, parts=1)
        for parts in (2, 3, 7):
            assert (gemm_call(x, y, False, True, parts) == once).all()


def test_an_epilogue_with_a_bias_along_the_columns() -> None:
    """A long epilogue goes by way of memory; rows, columns and lanes are the right ones there too."""
    rng = np.random.default_rng(7)
    m, n, k = 29, 37, 21
    x, y, bias = (rng.standard_normal(s).astype(np.float32) for s in ((m, k), (k, n), (n,)))
    module = Module()

    def epilogue(f: Any, sums: Any, row: Any, column: Any, lanes: int, _batch: Any) -> None:
        total = sums + f.load(f["bias"], sums.type, column, lanes)
        for _ in range(6):
            total = f.maximum(total, 0.0) * 0.5 + 1.0
        f.store(total, f["c"], row * n + column, lanes)

    names = ["bias", "a", "b", "c"]
    kernel = gemm(module, "product", m, n, k, F32, Matrix("a", k), Matrix("b", n), epilogue, names)
    c = aligned(m * n, np.float32)
    call(module, kernel, [placed(bias), placed(x), placed(y), c], 2)
    expected = x @ y + bias
    for _ in range(6):
        expected = np.maximum(expected, 0) * 0.5 + 1
    np.testing.assert_allclose(c[: m * n].reshape(m, n), expected, atol=1e-5)
    assert np.isnan(c[m * n :]).all()


@pytest.mark.parametrize("down", [False, True])
def test_a_column_element_by_element_or_down(down: bool) -> None:
    rng = np.random.default_rng(8)
    x, y = rng.standard_normal((45, 30)), rng.standard_normal((30, 1))
    module, seen = Module(), set()

    def epilogue(f: Any, sums: Any, row: Any, column: Any, lanes: int, _batch: Any) -> None:
        seen.add((sums.type.width, column.name))
        f.store(sums, f["c"], row, lanes)

    kernel = gemm(
        module, "product", 45, 1, 30, F64, Matrix("a", 30), Matrix("b", 1), epilogue, ["a", "b", "c"], down=down
    )
    c = aligned(45, np.float64)
    call(module, kernel, [placed(x), placed(y), c])
    np.testing.assert_allclose(c[:45, None], x @ y, atol=1e-13)
    assert {column for _, column in seen} == {"0"}
    assert {width > 1 for width, _ in seen} == {down}


_OTHER = """
import numpy as np, sys
sys.path.insert(0, {root!r})
from tests.compiler.native.test_gemm import check
from wengert.compiler.native.registers import registers
assert registers().size == {size}, registers()
for shape in [(13, 33, 17), (1, 20, 40), (3, 9, 16), (40, 70, 300), (100, 530, 650)]:
    for dtype in (np.float32, np.float64):
        check(np.random.default_rng(0), *shape, False, True, dtype)
        check(np.random.default_rng(0), *shape, True, False, dtype)
"""


@pytest.mark.parametrize("name, size", [("haswell", 32), ("baseline", 16)])
def test_processors_with_narrower_registers(name: str, size: int) -> None:
    code = _OTHER.format(root=str(pathlib.Path(__file__).parents[3]), size=size)
    run = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "WENGERT_CPU": name}, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr[-2000:]
