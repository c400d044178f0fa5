"""Comparing the machine code of a list with the NumPy runner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import wengert as wg
from wengert.compiler.native.program import Program
from wengert.compiler.native.writing import Writing
from wengert.compiler.passes import optimise
from wengert.compiler.runner import Runner
from wengert.core.record import record_flat
from wengert.core.tape import Tape

BOUNDS = {"float64": 1e-12, "float32": 5e-6, "float16": 1e-2}  # of the largest number of a result


def made(tape: Tape, *options: Any) -> Program:
    """The program of a list that is written now; `options` as `Writing` takes them."""
    writing = Writing(tape, *options)
    return Program(writing.plan, writing.code(), lambda: writing, tape)


def tape_of(f: Callable[..., Any], arguments: Sequence[np.ndarray]) -> Tape:
    """The list of a function of arrays that returns one value or a tuple of values."""
    return optimise(record_flat(lambda *xs: wg.tree_leaves(f(*xs)), list(arguments)))


def close(found: Any, wanted: Any, bound: float | None = None, least: float = 0.0) -> None:
    """The same shape and dtype; numbers equal but for rounding, NaN and infinities agree.

    Relative to the largest number of the array, or to `least`, the size of what was cancelled on the way there.
    """
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
    if wanted.dtype.kind not in "fc":
        np.testing.assert_array_equal(found, wanted)
        return
    limit = BOUNDS[np.empty(0, wanted.dtype).real.dtype.name] if bound is None else bound
    scale = float(np.max(np.abs(wanted), initial=least, where=np.isfinite(wanted)))
    np.testing.assert_allclose(found, wanted, rtol=limit, atol=limit * scale, equal_nan=True)


def compare(tape: Tape, arguments: Sequence[Any], bound: float | None = None, least: float = 0.0) -> Program:
    """Run a list natively, twice with other values, and compare with NumPy; the program, to look at."""
    program, runner = made(tape), Runner(tape)
    given = [np.asarray(x) for x in arguments]
    for _ in range(2):
        before = [x.tobytes() for x in given]
        with np.errstate(all="ignore"):
            wanted = runner(given)
        found = program(given)
        assert found is not None
        for a, b in zip(found, wanted, strict=True):
            close(a, b, bound, least)
        assert [x.tobytes() for x in given] == before
        given = [x * x.dtype.type(0.75) if x.dtype.kind == "f" else x for x in given]
    return program


def hosts(program: Program) -> list[str]:
    """The lines that NumPy runs."""
    return [g.nodes[0].prim.name for g in program.writing.order if g.kind == "host" and g.nodes[0].prim.name != "part"]


def groups(program: Program) -> list[str]:
    """The kernels in order, as text: kind, domain, lines."""
    return [f"{g.kind} {list(g.domain)}: {' '.join(n.prim.name for n in g.nodes)}" for g in program.writing.order]
