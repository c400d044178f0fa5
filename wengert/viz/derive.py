"""`derive`: the derivation as mathematics, and all three ways to the numbers side by side."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, ShapeError
from wengert.core.primitive import Aval
from wengert.core.record import concrete, record_flat, trace
from wengert.core.tape import Tape
from wengert.ops.structure import arrayed
from wengert.transforms.derived import grad, jvp
from wengert.viz.derivation import Derivation, Mode
from wengert.viz.formula import Formula, parse
from wengert.viz.symbols import expression, sympy
from wengert.viz.valley import Valley, valley

MOST_TO_SIMPLIFY = 60  # operations; beyond, simplifying takes minutes
DIGITS = 30  # of the exact value


def derive(f: Callable[..., Any] | str | Formula, /, *args: Any, **values: Any) -> Derivation:
    """The derivatives of a function of numbers as formulas, their size, and every way to their values.

    Symbolic differentiation (by sympy) of the function's Wengert list written as one expression; how many operations
    that takes beside the list of the gradient (expression swell: an expression repeats what a list computes once);
    and at the given arguments the derivative by symbols, by differences, in forward mode and in reverse mode, with
    their errors and costs, and the valley of the error over the step h. Without arguments: the formulas alone.

    `f` is a function of numbers or small vectors with one number as result, or a formula as `parse` reads it.
    Raises `MissingRuleError` naming a line without symbolic form. Needs sympy: ``pip install "wengert[symbolic]"``.

    >>> import wengert as wg
    >>> d = wg.derive("exp(w*x + b)", w=2, x=3, b=-4)
    >>> d.simplified
    {'w': x*exp(b + w*x), 'x': w*exp(b + w*x), 'b': exp(b + w*x)}
    >>> [mode.way for mode in d.modes if mode.error < 1e-14]
    ['symbolic', 'forward mode', 'reverse mode']
    """
    if isinstance(f, str):
        f = parse(f)
    if not callable(f):
        raise ArgumentError(f"derive: got {type(f).__name__}; needs a function or a formula as text")
    names = f.names if isinstance(f, Formula) else _parameters(f, len(args), values)
    symbols = [x for x in (*args, *values.values()) if getattr(x, "is_Symbol", False)]
    if symbols and len(symbols) < len(args) + len(values):
        raise ArgumentError("derive: got symbols and values; give one or the other for all inputs")
    title = (
        f.text if isinstance(f, Formula) else getattr(f, "__name__", type(f).__name__).replace("<lambda>", "a lambda")
    )
    if symbols or not (args or values):
        renamed = [str(x) for x in symbols] or list(names)
        return _derivation(f, title, renamed, None)
    bound = f.bound(*args, **values) if isinstance(f, Formula) else _bound(names, args, values)
    if isinstance(f, Formula):
        f = _by_name(f, list(bound))
    return _derivation(f, title, list(bound), [_real(n, x) for n, x in bound.items()])


def _by_name(formula: Formula, names: Sequence[str]) -> Callable[..., Any]:
    return lambda *xs: formula(**dict(zip(names, xs, strict=True)))


def _parameters(f: Callable[..., Any], given: int, values: Mapping[str, Any]) -> list[str]:
    """Names of the inputs: those of the parameters without a default, then of those given by name."""
    try:
        found = list(inspect.signature(f).parameters.values())
    except (ValueError, TypeError):
        found = []
    names = [p.name for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if not given and not values:
        names = names[: sum(p.default is p.empty for p in found[: len(names)])]
    if not names:
        names = [f"x{i + 1}" for i in range(max(given, 1))] if given != 1 else ["x"]
    return names


def _bound(names: Sequence[str], args: Sequence[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    if len(args) > len(names):
        raise ArgumentError(f"derive: got {len(args)} values; needs {', '.join(names)}")
    return dict(zip(names, args, strict=False)) | dict(values)


def _real(name: str, x: Any) -> Any:
    value = np.asarray(concrete(x))
    if value.dtype.kind not in "iuf" or value.size > 12:
        raise ArgumentError(f"derive: {name} is no real number and no vector of at most 12 of them")
    return value.astype(np.float64)[()]


# ----- the parts -------------------------------------------------------------------------------------
@np.errstate(all="ignore")  # inf and NaN are shown, not warned of
def _derivation(f: Callable[..., Any], title: str, names: list[str], point: list[Any] | None) -> Derivation:
    """The formulas; where a point is given, the numbers as well."""
    tape = _recorded(f, len(names), point)
    shapes = [v.shape for v in tape.inputs]
    symbols = [_symbols(n, shape) for n, shape in zip(names, shapes, strict=True)]
    found = np.asarray(expression(tape, symbols), object)
    if found.shape != ():
        raise ShapeError(f"derive: the result has the shape {list(found.shape)}; needs one number")
    e = found.item()
    single = {str(s): s for array in symbols for s in np.asarray(array, object).ravel()}
    partials = {name: sympy().diff(e, s) for name, s in single.items()}
    small = sum(p.count_ops() for p in partials.values()) <= MOST_TO_SIMPLIFY
    simplified = {name: sympy().simplify(p) if small else p for name, p in partials.items()}
    sizes = _sizes(f, tape, e, partials, simplified, point)
    if point is None:
        return Derivation(title, e, partials, simplified, sizes, {})
    numbers = dict(zip(single, np.concatenate([np.ravel(x) for x in point]).tolist(), strict=True))
    exact = {name: _exact(p, single, numbers) for name, p in partials.items()}
    valleys = _valleys(f, point, exact)
    return Derivation(title, e, partials, simplified, sizes, numbers, _modes(f, point, exact, valleys), valleys)


def _recorded(f: Callable[..., Any], count: int, point: list[Any] | None) -> Tape:
    if point is not None:
        return trace(lambda *xs: [arrayed(f(*xs))], point, "derive", keep_all=True).tape
    return record_flat(lambda *xs: [f(*xs)], [Aval((), np.dtype(np.float64))] * count, "derive")


def _symbols(name: str, shape: tuple[int, ...]) -> Any:
    s = sympy()
    if shape == ():
        return s.Symbol(name, real=True)
    found = np.empty(shape, object)
    for place in np.ndindex(shape):
        found[place] = s.Symbol(f"{name}_{''.join(str(i + 1) for i in place)}", real=True)
    return found


def _sizes(
    f: Callable[..., Any], tape: Tape, e: Any, partials: Mapping[str, Any], simplified: Mapping[str, Any], point: Any
) -> dict[str, int]:
    """How many operations each form takes; an expression counts what it repeats, a list does not."""
    count = len(tape.inputs)
    gradient = _recorded_gradient(f, count, point)
    shared = sympy().cse(list(partials.values()))
    return {
        "the function's list": len(tape),
        "the function as an expression": int(e.count_ops()),
        "its derivatives as expressions": sum(int(p.count_ops()) for p in partials.values()),
        "simplified": sum(int(p.count_ops()) for p in simplified.values()),
        "with every repeated part named once": sum(
            int(x.count_ops()) for x in (*(r for _, r in shared[0]), *shared[1])
        ),
        "the list of value and gradient (reverse mode)": gradient,
    }


def _recorded_gradient(f: Callable[..., Any], count: int, point: list[Any] | None) -> int:
    both = grad(lambda *xs: (arrayed(f(*xs)),) * 2, argnums=tuple(range(count)), has_aux=True)

    def call(*xs: Any) -> list[Any]:
        gradients, value = both(*xs)
        return [value, *gradients]

    if point is None:
        return len(record_flat(call, [Aval((), np.dtype(np.float64))] * count, "derive"))
    return len(trace(lambda *xs: [arrayed(y) for y in call(*xs)], point, "derive").tape)


def _exact(partial: Any, symbols: Mapping[str, Any], numbers: Mapping[str, float]) -> float:
    """The value to float64's last digit; NaN where it is no real number."""
    if not all(map(math.isfinite, numbers.values())):
        return math.nan
    at = {symbols[name]: sympy().Rational(x) for name, x in numbers.items()}
    value = partial.subs(at).evalf(DIGITS)
    return float(value) if value.is_real else math.nan


def _moved(f: Callable[..., Any], point: list[Any], which: int, place: tuple[int, ...]) -> Callable[[float], Any]:
    """The function of one number of the inputs, the others held."""

    def of_one(x: float) -> Any:
        moved = np.array(point[which], np.float64)
        moved[place] = x
        return f(*point[:which], moved[()], *point[which + 1 :])

    return of_one


def _valleys(f: Callable[..., Any], point: list[Any], exact: Mapping[str, float]) -> dict[str, Valley]:
    names = iter(exact.items())
    found = {}
    for which, x in enumerate(point):
        for place in np.ndindex(np.shape(x)):
            name, value = next(names)
            found[name] = valley(_moved(f, point, which, place), float(np.asarray(x)[place]), value)
    return found


def _modes(
    f: Callable[..., Any], point: list[Any], exact: Mapping[str, float], valleys: Mapping[str, Valley]
) -> tuple[Mode, ...]:
    names, count = list(exact), len(exact)

    def mode(way: str, values: Sequence[float], cost: str) -> Mode:
        found = dict(zip(names, map(float, values), strict=True))
        return Mode(way, found, max(abs(found[n] - exact[n]) for n in names), cost)

    def forward() -> list[float]:
        found = []
        for which, x in enumerate(point):
            for place in np.ndindex(np.shape(x)):
                ways = [np.zeros(np.shape(p)) for p in point]
                ways[which][place] = 1.0
                found.append(float(np.asarray(jvp(f, tuple(point), tuple(t[()] for t in ways))[1])))
        return found

    gradients = grad(f, argnums=tuple(range(len(point))))(*point)
    walks = f"{count} walk{'s' * (count > 1)} down the list"
    return (
        mode("symbolic", list(exact.values()), f"{count} expression{'s' * (count > 1)} evaluated"),
        mode("forward difference, best h", [v.best[0].forward for v in valleys.values()], f"{count + 1} values of f"),
        mode("central difference, best h", [v.best[1].central for v in valleys.values()], f"{2 * count} values of f"),
        mode("forward mode", forward(), walks),
        mode("reverse mode", np.concatenate([np.ravel(g) for g in gradients]).tolist(), "1 sweep up the list"),
    )


__all__ = ["derive"]
