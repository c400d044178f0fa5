"""Random programs of random shapes, with their gradients and Hessians: machine code computes what NumPy does.

``make test-long`` (`WENGERT_LONG=1`) goes through 10,000 of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from tests.compiler.native.comparing import compare, tape_of
from wengert.compiler.runner import Runner
from wengert.core.tape import Tape
from wengert.testing.programs import random_program

PARTS, PROGRAMS = (100, 100) if os.environ.get("WENGERT_LONG") else (8, 5)
LENGTHS = (1, 2, 3, 5, 8, 9, 16, 17, 33, 64, 65)
# Functions that NumPy and machine code round each in its own way.
ROUNDED = {
    "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cbrt", "cos", "cosh", "erf", "erfc",
    "exp", "exp2", "expit", "expm1", "gammaln", "hypot", "log", "log10", "log1p", "log2", "log_expit", "log_guarded",
    "log_softmax", "logaddexp", "logsumexp", "logit", "power", "power_or_zero", "root", "rsqrt", "sin", "sinc", "sinh",
    "softmax", "softplus", "tan", "tanh", "xlogy",
}  # fmt: skip
# Of the largest number of a result. What is computed in another order is off by more where programs are steep.
BOUNDS, LEAST = {np.float64: 1e-10, np.float32: 2e-3}, {np.float64: 1e-3, np.float32: 1e-2}


def stretched(inputs: list[Any], rng: np.random.Generator) -> list[Any]:
    """Inputs of one program in other lengths: each length is replaced by another one, everywhere."""
    lengths = {n: int(rng.choice(LENGTHS)) for n in (2, 3)}
    shapes = [tuple(lengths.get(n, n) for n in np.shape(x)) for x in inputs]
    return [rng.uniform(-1.0, 1.0, shape) for shape in shapes]


def works(f: Callable[..., Any], inputs: list[Any]) -> bool:
    """Whether a program runs with such inputs, and stays in bounds."""
    try:
        with np.errstate(all="ignore"):
            return bool(np.max(np.abs(np.asarray(f(*inputs))), initial=0.0) < 1e3)
    except (ValueError, TypeError, IndexError, wg.errors.WengertError):
        return False


def nudged(x: Any, rng: np.random.Generator) -> Any:
    """Numbers with other last bits."""
    x = np.asarray(x)
    return (
        (x * (1 + np.finfo(x.dtype).eps * rng.integers(-2, 3, x.shape))).astype(x.dtype) if x.dtype.kind == "f" else x
    )


def rounded_otherwise(tape: Tape, rng: np.random.Generator) -> Runner:
    """The list on NumPy with functions whose last bits are others, as those of machine code may be."""
    runner = Runner(tape)
    functions = [(lambda *xs, f=s.function: nudged(f(*xs), rng)) if n.prim.name in ROUNDED else s.function
                 for s, n in zip(runner.steps, tape.nodes, strict=True)]  # fmt: skip
    runner.steps = [s._replace(function=f) for s, f in zip(runner.steps, functions, strict=True)]
    return runner


def unsteady(tape: Tape, inputs: list[Any], bound: float) -> bool:
    """Whether NumPy's own result moves that much where the last bits of its inputs or of its functions do."""
    rng, runner = np.random.default_rng(0), Runner(tape)
    other = rounded_otherwise(tape, rng)
    with np.errstate(all="ignore"):
        for factor in (1.0, 0.75):  # as `compare` does
            given = [x * x.dtype.type(factor) for x in inputs]
            wanted = runner(given)
            for _ in range(8):
                near = [nudged(x, rng) for x in given]
                for a, b in zip([*runner(near), *other(given)], [*wanted, *wanted], strict=True):
                    scale = np.max(np.abs(b), initial=1e-30)
                    if not np.max(np.abs(np.subtract(a, b)), initial=0.0) < bound / 20 * scale:
                        return True
    return False


def check(seed: int) -> None:
    rng = np.random.default_rng(seed)
    program = random_program(rng.integers)
    dtype = (np.float64, np.float32)[seed % 2]
    cases = [list(program.inputs)]
    other = stretched(cases[0], rng)
    if works(program, other):
        cases.append(other)
    for case in cases:
        inputs = [np.asarray(x, dtype) for x in case]
        functions = [program, wg.grad(program)]
        if seed % 5 == 0 and inputs[0].size < 20:
            functions.append(wg.hessian(program))
        for f in functions:
            tape = tape_of(f, inputs)
            try:
                compare(tape, inputs, BOUNDS[dtype], least=LEAST[dtype])
            except AssertionError:
                if not unsteady(tape, inputs, BOUNDS[dtype]):
                    raise


@pytest.mark.parametrize("part", range(PARTS))
def test_random_programs(part: int) -> None:
    for seed in range(part * PROGRAMS, (part + 1) * PROGRAMS):
        check(seed)
