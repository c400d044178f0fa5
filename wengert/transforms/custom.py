"""Functions with a derivative of the user's own: `custom_vjp`, `custom_jvp`, and the class `Function`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, MissingRuleError
from wengert.core.record import Tensor, bind
from wengert.core.tree import flatten
from wengert.transforms.custom_rules import CUSTOM_JVP, CUSTOM_VJP, Spread, UserJvp, UserVjp
from wengert.transforms.sublists import recorded


# ----- what users write ------------------------------------------------------------------------------------
def _positional(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """All arguments by position, with defaults, so that rules see one per parameter."""
    try:
        bound = inspect.signature(f).bind(*args, **kwargs)
    except ValueError:  # a built-in function without signature
        if kwargs:
            raise ArgumentError("custom rule: keyword arguments need a function with a signature") from None
        return args
    bound.apply_defaults()
    if bound.kwargs:
        raise ArgumentError(f"{getattr(f, '__name__', 'function')}: keyword-only arguments have no place in a rule")
    return bound.args


class _Custom:
    """What custom_vjp and custom_jvp share: static arguments, and the plain call."""

    what = ""

    def __init__(self, fun: Callable[..., Any], nondiff_argnums: Sequence[int] = ()) -> None:
        functools.update_wrapper(self, fun)
        self.fun = fun
        self.nondiff = (nondiff_argnums,) if isinstance(nondiff_argnums, int) else tuple(nondiff_argnums)
        self.name = getattr(fun, "__name__", "function")

    def split(self, args: tuple[Any, ...]) -> tuple[list[Any], list[Any], Callable[[Sequence[Any]], list[Any]]]:
        """The static arguments, the others, and how to put them together again."""
        numbers = {n % len(args) for n in self.nondiff} if args else set()
        static = [args[n] for n in sorted(numbers)]
        moving = [x for i, x in enumerate(args) if i not in numbers]

        def join(values: Sequence[Any]) -> list[Any]:
            fixed, free = iter(static), iter(values)
            return [next(fixed) if i in numbers else next(free) for i in range(len(args))]

        return static, moving, join

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        return self if owner is None else functools.partial(self, owner)


class custom_vjp(_Custom):  # noqa: N801  (a decorator, named as in JAX)
    """A function with the user's own reverse rule, as JAX's ``custom_vjp``.

    ``f.defvjp(fwd, bwd)``: ``fwd(*args) -> (out, residuals)`` and ``bwd(residuals, g) -> (g_1, …, g_n)``, one
    gradient an argument, None for zero. Arguments in `nondiff_argnums` are not differentiated; ``bwd`` gets them in
    front of the residuals. Forward mode transposes ``bwd``; a ``bwd`` in NumPy or wengert operations is itself
    differentiated. The function must get every recorded tensor as an argument; `GraphError` otherwise.

    >>> import wengert as wg, numpy as np
    >>> @wg.custom_vjp
    ... def clipped(x):
    ...     return x
    >>> clipped.defvjp(lambda x: (x, None), lambda _, g: (np.minimum(g, 1.0),))
    >>> wg.grad(lambda x: 5.0 * clipped(x))(2.0)
    np.float64(1.0)
    """

    what = "custom_vjp"
    fwd: Callable[..., Any] | None = None
    bwd: Callable[..., Any] | None = None

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Set the forward and the backward function."""
        self.fwd, self.bwd = fwd, bwd

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        fwd, bwd = self.fwd, self.bwd
        if fwd is None or bwd is None:
            raise MissingRuleError(f"{self.name}: no rule was defined", hint=f"call {self.name}.defvjp(fwd, bwd)")
        args = _positional(self.fun, args, kwargs)
        static, moving, join = self.split(args)
        spread = Spread(tuple(moving), scalars=True)
        if not recorded(spread.operands):
            return self.fun(*args)

        def forward(given: Any) -> Any:
            pair = fwd(*join(given))
            if not isinstance(pair, tuple | list) or len(pair) != 2:
                raise ArgumentError(f"{self.name}: the forward function must return (output, residuals)")
            return pair

        rule = UserVjp(self.name, spread, forward, lambda residuals, g: bwd(*static, residuals, g))
        return _call_vjp(rule)


def _call_vjp(rule: UserVjp) -> Any:
    out = bind(CUSTOM_VJP, rule.args.operands, {"rule": rule})
    assert rule.output is not None
    return rule.output.unflatten(out[: rule.count])


class custom_jvp(_Custom):  # noqa: N801
    """A function with the user's own forward rule, as JAX's ``custom_jvp``; reverse mode transposes it.

    ``f.defjvp(rule)`` with ``rule(primals, tangents) -> (out, tangent)``, linear in the tangents; arguments in
    `nondiff_argnums` come first. ``f.defjvps(jvp_1, …)`` gives one ``jvp_i(t, out, *primals)`` an argument (None for
    zero) and adds them up.

    >>> import wengert as wg, numpy as np
    >>> @wg.custom_jvp
    ... def softplus(x):
    ...     return np.logaddexp(0, x)
    >>> softplus.defjvps(lambda t, y, x: t * (1 - np.exp(-y)))
    >>> wg.grad(softplus)(0.0)
    np.float64(0.5)
    """

    what = "custom_jvp"
    rule: Callable[..., Any] | None = None

    def defjvp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Set the rule; usable as a decorator."""
        self.rule = rule
        return rule

    def defjvps(self, *jvps: Callable[..., Any] | None) -> None:
        """Set one tangent function an argument."""

        def rule(*given: Any) -> Any:
            *static, primals, tangents = given
            out = self(*self._merged(static, primals))
            terms = [j(t, out, *primals) for j, t in zip(jvps, tangents, strict=True) if j is not None]
            return out, functools.reduce(lambda a, b: a + b, terms) if terms else 0.0 * out

        self.rule = rule

    def _merged(self, static: Sequence[Any], primals: Sequence[Any]) -> list[Any]:
        total = len(static) + len(primals)
        numbers = {n % total for n in self.nondiff}
        fixed, free = iter(static), iter(primals)
        return [next(fixed) if i in numbers else next(free) for i in range(total)]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        rule = self.rule
        if rule is None:
            raise MissingRuleError(f"{self.name}: no rule was defined", hint=f"call {self.name}.defjvp(rule)")
        args = _positional(self.fun, args, kwargs)
        static, moving, join = self.split(args)
        spread = Spread(tuple(moving), scalars=True)
        if not recorded(spread.operands):
            return self.fun(*args)
        user = UserJvp(self.name, spread, lambda *given: self.fun(*join(given)), lambda xs, ts: rule(*static, xs, ts))
        out = bind(CUSTOM_JVP, spread.operands, {"rule": user})
        assert user.output is not None
        return user.output.unflatten(out)


# ----- the class ------------------------------------------------------------------------------------------
class Context:
    """What ``forward`` leaves for ``backward``: tensors by `save_for_backward`, anything else as attributes."""

    def __init__(self) -> None:
        self.saved_tensors: tuple[Any, ...] = ()
        self.needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors; ``ctx.saved_tensors`` gives them back."""
        self.saved_tensors = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Accepted for compatibility: integer results have no gradient anyway."""

    def set_materialize_grads(self, value: bool) -> None:
        """Accepted for compatibility: gradients are always given, as zeros where there is none."""


class Function:
    """Base class of functions with their own derivative, as ``torch.autograd.Function``.

    Write ``forward(ctx, *args)`` and ``backward(ctx, *gradients)`` as static methods and call ``Name.apply(*args)``.
    ``backward`` returns one gradient an argument (None for what has none) and is differentiated again when its
    operations are wengert's or NumPy's. Both get tensors. In ``forward`` nothing is recorded.

    >>> import wengert as wg, numpy as np
    >>> class Cube(wg.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x * x
    ...
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return 3 * x * x * g
    >>> wg.grad(wg.grad(Cube.apply))(2.0)
    np.float64(12.0)
    """

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        raise MissingRuleError("Function: needs a static method forward(ctx, *args)")

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        raise MissingRuleError("Function: needs a static method backward(ctx, *gradients)")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Call the function."""
        spread = Spread(tuple(args), scalars=True)
        needs = tuple(any(isinstance(x, Tensor) and x.rec is not None for x in flatten(a)[0]) for a in args)

        def forward(given: Any) -> Any:
            ctx = Context()
            ctx.needs_input_grad = needs
            out = cls.forward(ctx, *given)
            return out, dict(ctx.__dict__)

        def backward(saved: dict[str, Any], g: Any) -> Any:
            ctx = Context()
            ctx.__dict__.update(saved)
            given = cls.backward(ctx, *(g if isinstance(g, tuple | list) else (g,)))
            given = given if isinstance(given, tuple | list) else (given,)
            # As in PyTorch, None may also stand for parameters that were left at their default.
            return given[: len(args)] if all(x is None for x in given[len(args) :]) else given

        if not recorded(spread.operands):
            tensors = any(isinstance(x, Tensor) for x in spread.operands)
            handles = [Tensor(x) if isinstance(x, np.ndarray | np.generic) else x for x in spread.operands]
            return _unwrapped(forward(spread.join(handles))[0], tensors)
        return _call_vjp(UserVjp(cls.__name__, spread, forward, backward, handles=True))


def _unwrapped(out: Any, tensors: bool) -> Any:
    leaves, structure = flatten(out)
    if tensors:
        return out
    return structure.unflatten(x.value if isinstance(x, Tensor) and x.rec is None else x for x in leaves)


__all__ = ["Function", "custom_jvp", "custom_vjp"]
