"""`checkpoint`: keep only the inputs of a part of the program, and compute it again in the backward sweep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.base.dtypes import SCALAR_TYPES, is_differentiable
from wengert.core.primitive import Aval, Primitive
from wengert.core.record import Tensor, as_array, bind, paused
from wengert.core.tape import Tape
from wengert.core.tree import flatten
from wengert.ops.arithmetic import multiply
from wengert.ops.structure import Dims, Samples, arrayed, to_front
from wengert.transforms.custom_rules import Spread
from wengert.transforms.forward import linearize_flat
from wengert.transforms.reverse import vjp_flat
from wengert.transforms.sublists import (
    batched,
    close,
    lift,
    partially,
    recorded,
    results_at,
    run,
    trace_light,
)


class Segment(Tape):
    """A list together with its results, where they are known from recording it: they are used once."""

    __slots__ = ("ready",)

    def __init__(self, tape: Tape, ready: list[Any] | None = None) -> None:
        super().__init__(tape.inputs, tape.nodes, tape.outputs)
        self.ready = ready

    def results(self, xs: Sequence[Any]) -> list[Any]:
        """The values of the list, by running it unless they are there."""
        ready, self.ready = self.ready, None
        return run(self, xs) if ready is None else ready


class Checkpoint(Primitive):
    """A part of the program whose inner values are not kept: the rules run its list again."""

    name = "checkpoint"
    multi = True

    def impl(self, *xs: Any, body: Segment) -> tuple[Any, ...]:
        return tuple(body.results(xs))

    def aval(self, *xs: Any, body: Segment) -> tuple[Aval, ...]:
        return tuple(results_at(body, xs))

    def vjp(self, g: Any, _y: Any, *xs: Any, body: Segment) -> tuple[Any, ...]:
        which = [is_differentiable(x) for x in xs]
        _, back = partially(vjp_flat, lambda *a: run(body, a), xs, which)
        given = iter(back([c if is_differentiable(c) else None for c in g]))
        return tuple(next(given) if w else None for w in which)

    def jvp(self, ts: Sequence[Any], _y: Any, *xs: Any, body: Segment) -> tuple[Any, ...]:
        _, push = partially(linearize_flat, lambda *a: run(body, a), xs, [t is not None for t in ts])
        return tuple(push([t for t in ts if t is not None]))

    def batch(self, size: int, xs: Sequence[Any], dims: Dims, *, body: Segment) -> tuple[Any, list[int | None]]:
        moved = [x if d is None else to_front(x, d) for x, d in zip(xs, dims, strict=True)]
        tape, found = batched(body, size, [d is not None for d in dims])
        return list(bind(self, moved, {"body": Segment(tape)})), [0 if f else None for f in found]

    def samples(self, rng: np.random.Generator) -> Samples:
        tape, _ = close(lambda a, b: [multiply(a, b), multiply(a, a)], [np.zeros(3), np.zeros(())], "checkpoint")
        yield [rng.normal(size=3), rng.normal(size=())], {"body": Segment(tape)}


CHECKPOINT = Checkpoint()


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, of which a backward sweep keeps only the inputs and computes the rest again.

    It saves memory for one more evaluation. `f` itself is called once, so random numbers are drawn once; its list is
    evaluated again in every sweep. Arguments are trees of arrays; tensors that `f` closes over get their gradients
    too. Nests, and works in forward mode and under `vmap`.

    >>> import wengert as wg, numpy as np
    >>> block = wg.checkpoint(lambda x: np.sin(np.sin(x)))
    >>> wg.grad(block)(0.0)
    np.float64(1.0)
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        spread = Spread((args, kwargs), scalars=False)
        structure: list[Any] = []

        def flat(*xs: Any) -> list[Any]:
            given, keywords = spread.join(xs)
            leaves, found = flatten(f(*given, **keywords))
            structure[:] = [found]
            return [arrayed(x) for x in leaves]

        # Lines below this recording would keep the values that are to be forgotten.
        with paused():
            tape, values = trace_light(flat, [_bottom(x) for x in spread.operands], "checkpoint")
        tape, outside = lift(tape)
        operands = [*spread.operands, *outside]
        if not recorded(operands):
            return structure[0].unflatten(_handles(values, operands))
        plain = all(isinstance(v, np.ndarray | np.generic) for v in map(_bottom, values))
        segment = Segment(tape, [_bottom(v) for v in values] if plain else None)
        results = bind(CHECKPOINT, operands, {"body": segment})
        segment.ready = None
        return structure[0].unflatten(results)

    call.__name__ = f"checkpoint_of_{getattr(f, '__name__', 'function')}"
    call.__doc__ = f.__doc__
    return call


def _bottom(x: Any) -> Any:
    """The array under a tensor, or the abstract tensor that has none."""
    while isinstance(x, Tensor) and x.value is not None:
        x = x.value
    return x


def _handles(values: Sequence[Any], operands: Sequence[Any]) -> list[Any]:
    """Results of a call in which nothing is recorded: tensors where an operand is one."""
    wrap = any(isinstance(x, Tensor) for x in operands)
    arrays = [as_array(v) if type(v) in SCALAR_TYPES else _bottom(v) for v in values]
    return [Tensor(v) for v in arrays] if wrap else arrays


__all__ = ["checkpoint"]
