"""Every primitive of the registry by itself: machine code computes what NumPy does, and the table of what has any."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.compiler.native.comparing import compare, hosts
from wengert.compiler.passes import optimise
from wengert.core.primitive import REGISTRY
from wengert.core.record import bind, record_flat
from wengert.core.tape import Tape

NAMES = sorted(set(REGISTRY) - {"part"})
# What NumPy runs, whatever the operands. This list only ever gets shorter.
NUMPY = frozenset(
    """
    argpartition argsort beta betainc betaln checkpoint cholesky cofactor convolve custom_jvp custom_vjp det eig
    eigh expm fftn gamma_slope gammainc gammaincc inv iv ive jv kv largest lexsort matrix_rank nanargmax
    nanargmin pinv place qr random_choice random_gamma random_permutation random_poisson rfftn searchsorted
    searchsorted_rows slogdet solve solve_triangular svd winner yv zeta
    """.split()
)
# What NumPy runs for some operands: complex ones do not count, nor arrays without elements.
PARTLY = frozenset(
    """
    astype conv_kernel einsum matmul polygamma scan sinc switch while
    """.split()
)


def arrays(xs: list[Any]) -> list[int]:
    return [i for i, x in enumerate(xs) if isinstance(x, np.ndarray | np.generic)]


def samples(name: str) -> Iterator[tuple[Tape, list[Any]]]:
    """The lists of a primitive's samples in float64 and float32, with arguments."""
    prim = REGISTRY[name]
    for floating, complex_ in ((np.float64, np.complex128), (np.float32, np.complex64)):
        for xs, attrs in prim.samples(np.random.default_rng(0)):
            kinds = {"f": floating, "c": complex_}
            full = [x.astype(kinds.get(x.dtype.kind, x.dtype)) if i in arrays(xs) else x for i, x in enumerate(xs)]
            places = arrays(full)

            def line(*given: Any, full: Any = full, places: Any = places, attrs: Any = attrs) -> list[Any]:
                operands = list(full)
                for i, x in zip(places, given, strict=True):
                    operands[i] = x
                y = bind(prim, operands, attrs)
                return list(y) if prim.multi else [y]

            given = [np.asarray(full[i]) for i in places]
            yield optimise(record_flat(line, given)), given


def ordinary(given: list[Any]) -> bool:
    return all(x.size and x.dtype.kind != "c" for x in given)


def wanted(name: str) -> set[bool]:
    if name == "irfftn":  # has no sample without complex numbers
        return set()
    return {False} if name in NUMPY else {True, False} if name in PARTLY else {True}


@pytest.mark.parametrize("name", NAMES)
def test_machine_code_computes_what_numpy_does(name: str) -> None:
    native = set()
    for tape, given in samples(name):
        program = compare(tape, given)
        if ordinary(given) and not any(0 in y.shape for y in tape.outputs):
            native.add(not hosts(program))
    assert native == wanted(name)


def test_the_table_is_of_today() -> None:
    assert set(NAMES) >= NUMPY | PARTLY
    assert not NUMPY & PARTLY
