"""A Wengert list as one expression of sympy's: each line is put into those that read it.

Elementwise lines have a symbolic form in `FORMS`; lines that only move numbers about (indexing, sums, products of
matrices) run as NumPy runs them, on arrays of expressions.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.base.errors import MissingRuleError
from wengert.base.optional import optional
from wengert.core.primitive import PART
from wengert.core.tape import Node, Tape, Var


def sympy() -> Any:
    """The library sympy, or the error that says how to install it."""
    return optional("sympy", "derive", "wengert[symbolic]")


@functools.cache
def forms() -> dict[str, Callable[..., Any]]:
    """The symbolic form of an elementwise line, by its primitive's name."""
    s = sympy()
    half, log = s.Rational(1, 2), s.log

    def choice(condition: Any, a: Any, b: Any) -> Any:
        return s.Piecewise((a, condition), (b, True))

    plain = {n: getattr(s, n) for n in "exp log sin cos tan sinh cosh tanh sign erf erfc gamma floor".split()}
    inverse = {f"arc{n}": getattr(s, f"a{n}") for n in "sin cos tan sinh cosh tanh".split()}
    return plain | inverse | {
        "add": lambda a, b: a + b, "subtract": lambda a, b: a - b, "multiply": lambda a, b: a * b,
        "divide": lambda a, b: a / b, "power": lambda a, b: a**b, "float_power": lambda a, b: a**b,
        "negative": lambda a: -a, "positive": lambda a: a, "square": lambda a: a**2, "reciprocal": lambda a: 1 / a,
        "sqrt": s.sqrt, "rsqrt": lambda a: 1 / s.sqrt(a), "cbrt": lambda a: s.sign(a) * s.Abs(a) ** s.Rational(1, 3),
        "abs": s.Abs, "fabs": s.Abs, "ceil": s.ceiling, "arctan2": s.atan2, "gammaln": s.loggamma,
        "hypot": lambda a, b: s.sqrt(a**2 + b**2), "exp2": lambda a: 2**a, "expm1": lambda a: s.exp(a) - 1,
        "log2": lambda a: log(a) / log(2), "log10": lambda a: log(a) / log(10), "log1p": lambda a: log(1 + a),
        "logaddexp": lambda a, b: log(s.exp(a) + s.exp(b)), "expit": lambda a: 1 / (1 + s.exp(-a)),
        "log_expit": lambda a: -log(1 + s.exp(-a)), "logit": lambda a: log(a / (1 - a)),
        "softplus": lambda a: log(1 + s.exp(a)), "sinc": lambda a: s.sinc(s.pi * a),
        "ndtr": lambda a: half * s.erfc(-a / s.sqrt(2)), "xlogy": lambda a, b: a * log(b),
        "maximum": s.Max, "minimum": s.Min, "relu": lambda a: choice(a > 0, a, 0),
        "leaky_relu": lambda a, slope: choice(a > 0, a, slope * a),
        "elu": lambda a, alpha: choice(a > 0, a, alpha * (s.exp(a) - 1)), "step": lambda a: choice(a > 0, 1, 0),
        "greater": lambda a, b: a > b, "greater_equal": lambda a, b: a >= b, "less": lambda a, b: a < b,
        "less_equal": lambda a, b: a <= b, "equal": s.Eq, "not_equal": s.Ne, "logical_and": s.And,
        "logical_or": s.Or, "logical_not": s.Not, "isnan": lambda a: s.false, "where": choice,
        "stop_gradient": lambda a: a,
    }  # fmt: skip


def _each(f: Any) -> Callable[[Any], Any]:
    return np.frompyfunc(f, 1, 1)


def _shares(x: Any, axes: Any) -> Any:
    powers = _each(sympy().exp)(x)
    return powers / powers.sum(axis=axes, keepdims=True)


_WHOLE: dict[str, Callable[..., Any]] = {
    "softmax": _shares,
    "log_softmax": lambda x, axes: _each(sympy().log)(_shares(x, axes)),
    "logsumexp": lambda x, axes, keepdims: _each(sympy().log)(
        np.asarray(_each(sympy().exp)(x).sum(axis=axes, keepdims=keepdims), object)
    ),
    "sum": lambda x, axes, keepdims: np.sum(x, axis=axes, keepdims=keepdims),
    "prod": lambda x, axes, keepdims: np.prod(x, axis=axes, keepdims=keepdims),
    "cumsum": np.cumsum, "matmul": np.matmul, "astype": lambda x, **_: x,
}  # fmt: skip
_MOVES = frozenset("broadcast_to concatenate getitem reshape transpose".split())


@functools.cache
def constants() -> dict[float, Any]:
    """The numbers that are written by a name rather than by their digits."""
    s = sympy()
    half, pi = s.Rational(1, 2), s.pi
    known = (pi, s.E, s.sqrt(2), s.sqrt(half), s.sqrt(pi), s.sqrt(2 / pi), s.sqrt(half / pi), s.log(2), pi / 2, 2 * pi)
    return {float(k): k for k in known}


def number(x: Any) -> Any:
    """A number as sympy's: whole ones and short binary fractions exactly, pi and its like as such."""
    s = sympy()
    x = x.item() if hasattr(x, "item") else x
    if isinstance(x, bool):
        return s.true if x else s.false
    if isinstance(x, int) or math.isfinite(x) and float(x).is_integer():
        return s.Integer(int(x))
    if abs(x) in constants():
        return constants()[abs(x)] * (1 if x > 0 else -1)
    exact = s.Rational(x) if math.isfinite(x) else s.Float(x)
    return exact if exact.is_Rational and exact.q <= 64 else s.Float(x)


def expression(tape: Tape, inputs: Sequence[Any]) -> Any:
    """The one result of a list as an array of expressions (or one) of the `inputs`, arrays of symbols."""
    known: dict[Var, Any] = dict(zip(tape.inputs, inputs, strict=True))

    def read(x: Any) -> Any:
        if isinstance(x, Var) and x in known:
            return known[x]
        value = np.asarray(x.value if isinstance(x, Var) else x)
        return np.frompyfunc(number, 1, 1)(value)

    for node in tape.nodes:
        known[node] = _line(node, [read(x) for x in node.inputs])
    return read(tape.outputs[0])


def _line(node: Node, operands: Sequence[Any]) -> Any:
    """A line on arrays of expressions."""
    name = node.prim.name
    if name in forms() and node.attrs in ({}, {"n": 0}):  # sinc has its own derivatives as further orders
        return np.frompyfunc(forms()[name], len(operands), 1)(*operands)
    if node.prim is not PART and (name in _WHOLE or name in _MOVES):
        done = _WHOLE.get(name, node.prim.impl)
        return done(*(np.asarray(x, object) for x in operands), **node.attrs)
    raise MissingRuleError(
        f"derive: the line {name} has no symbolic form", hint="wg.explain shows its derivative as numbers"
    )


__all__ = ["expression", "number", "sympy"]
