"""L-BFGS: Newton's direction from the last few changes of the gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, NonFiniteError
from wengert.core.record import Tensor, concrete, needs_eager, paused, resumed
from wengert.optim.line_search import Point, strong_wolfe
from wengert.optim.optimizer import Group, Optimizer, State


class LBFGS(Optimizer):
    """Limited-memory BFGS, with PyTorch's options; `step` needs a closure that computes loss and gradients.

    One `step` makes up to `max_iter` iterations with at most `max_eval` evaluations of the closure (by default 5/4 of
    them), and ends early where the greatest entry of the gradient is at most `tolerance_grad`, or where step or loss
    change by less than `tolerance_change`. With ``line_search_fn="strong_wolfe"`` the length of each step is searched
    for, starting from `lr`; without, it is `lr`. It is for full batches: the closure must be the same function each
    time it is called. Returns the loss before the step.

    >>> import wengert as wg
    >>> x = wg.tensor([-1.2, 1.0], requires_grad=True, dtype=wg.float64)
    >>> optimizer = wg.optim.LBFGS([x], max_iter=100, line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
    ...     loss.backward()
    ...     return loss
    >>> _ = optimizer.step(closure)
    >>> [round(v, 3) for v in x.tolist()]
    [1.0, 1.0]
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        options = {
            "lr": lr, "max_iter": max_iter, "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change, "history_size": history_size,
            "line_search_fn": line_search_fn,
        }  # fmt: skip
        super().__init__(params, options)
        if len(self.param_groups) != 1:
            raise ArgumentError("LBFGS: got several groups; needs one, for it has one direction")

    def check(self, group: Group) -> None:
        super().check(group)
        if group["history_size"] < 1 or group["max_iter"] < 1:
            raise ArgumentError(
                f"LBFGS: got history_size={group['history_size']}, max_iter={group['max_iter']}; needs at least 1"
            )
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise ArgumentError(f"LBFGS: got line_search_fn={group['line_search_fn']!r}; needs None or 'strong_wolfe'")

    # ----- the parameters as one vector
    @property
    def _members(self) -> list[Tensor]:
        members: list[Tensor] = self.param_groups[0]["params"]
        return members

    def _gradient(self) -> Any:
        parts = [np.zeros(p.size, p.dtype) if p.grad is None else concrete(p.grad).ravel() for p in self._members]
        return np.concatenate(parts)

    def _place(self, start: list[Any], t: float, d: Any) -> None:
        """Put the parameters at ``start + t d``."""
        offset = 0
        for p, x in zip(self._members, start, strict=True):
            p.assign_(x + t * d[offset : offset + x.size].reshape(x.shape))
            offset += x.size

    def _evaluate(self, closure: Callable[[], Any], searching: bool = False) -> tuple[Any, float, Any]:
        with resumed():
            loss = closure()
        value, gradient = float(np.asarray(concrete(loss)).item()), self._gradient()
        if not np.isfinite(value) or not np.isfinite(gradient).all():
            if searching:  # too far: the search takes a shorter step
                return loss, np.inf, gradient
            raise NonFiniteError(
                f"LBFGS.step: the loss or its gradient is not finite in step {self.steps + 1}",
                hint='lower the learning rate, or pass line_search_fn="strong_wolfe"',
            )
        return loss, value, gradient

    # ----- one step
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Up to `max_iter` iterations; the closure clears the gradients, calls `backward` and returns the loss."""
        needs_eager(
            "LBFGS.step", "its line search decides by values how often it calls the closure; compile the closure"
        )
        if closure is None:
            raise ArgumentError("LBFGS.step: needs a closure that computes the loss and its gradients")
        self._warned = True  # the closure clears gradients several times in one step
        with paused():
            return self._step(closure)

    def _step(self, closure: Callable[[], Any]) -> Any:
        group = self.param_groups[0]
        state = self.state.setdefault(self._members[0], {"n_iter": 0, "func_evals": 0})
        first, value, g = self._evaluate(closure)
        evaluations = 1
        for iteration in range(1, group["max_iter"] + 1):
            if np.abs(g).max(initial=0) <= group["tolerance_grad"]:
                break
            if iteration > 1 and evaluations >= group["max_eval"]:
                break
            state["n_iter"] += 1
            d = self._direction(state, g)
            slope = float(g @ d)
            t = group["lr"] * (min(1.0, 1.0 / float(np.abs(g).sum())) if state["n_iter"] == 1 else 1.0)
            state.update(d=d, t=t, prev_flat_grad=g)
            if slope > -group["tolerance_change"]:
                break
            before = value
            point, used = self._move(closure, Point(0.0, value, g, slope), t, d, group["max_eval"] - evaluations,
                                     iteration == group["max_iter"])  # fmt: skip
            value, g, evaluations = point.value, point.gradient, evaluations + used
            state["t"] = point.t
            change = group["tolerance_change"]
            if np.abs(point.t * d).max() <= change or abs(value - before) < change:
                break
        state["func_evals"] += evaluations
        self.steps += 1
        return first

    def _direction(self, state: State, g: Any) -> Any:
        """``-H g`` with H the inverse Hessian as the remembered pairs of changes tell it (the two-loop recursion)."""
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], H_diag=1.0)
            return -g
        y, s = g - state["prev_flat_grad"], state["t"] * state["d"]
        if float(y @ s) > 1e-10:
            size = self.param_groups[0]["history_size"]
            state["old_dirs"] = [*state["old_dirs"], y][-size:]
            state["old_stps"] = [*state["old_stps"], s][-size:]
            state["H_diag"] = float(y @ s) / float(y @ y)
        pairs = [(y, s, 1.0 / (y @ s)) for y, s in zip(state["old_dirs"], state["old_stps"], strict=True)]
        q, weights = -g, []
        for y, s, rho in reversed(pairs):
            weights.append((s @ q) * rho)
            q = q - weights[-1] * y
        q = q * state["H_diag"]
        for (y, s, rho), weight in zip(pairs, reversed(weights), strict=True):
            q = q + (weight - (y @ q) * rho) * s
        return q

    def _move(
        self, closure: Callable[[], Any], start: Point, t: float, d: Any, most: int, last: bool
    ) -> tuple[Point, int]:
        """Go along `d` and evaluate there, unless nothing follows."""
        group, origin = self.param_groups[0], [concrete(p) for p in self._members]

        def evaluate(t: float) -> Point:
            self._place(origin, t, d)
            _, value, g = self._evaluate(closure, group["line_search_fn"] is not None)
            return Point(t, value, g, float(g @ d))

        if group["line_search_fn"] is None:
            if not last:
                return evaluate(t), 1
            self._place(origin, t, d)
            return start._replace(t=t), 0
        point, used = strong_wolfe(evaluate, start, t, float(np.abs(d).max()), group["tolerance_change"], most)
        self._place(origin, point.t, d)
        return point, used

    # ----- state: vectors over all parameters, kept under the first
    def state_dict(self) -> dict[str, Any]:
        """As of every optimizer; the vectors are those over all parameters."""
        result = super().state_dict()
        result["state"] = {
            number: {k: [np.array(v) for v in x] if isinstance(x, list) else x for k, x in entry.items()}
            for number, entry in result["state"].items()
        }
        return result

    def _fitting(self, p: Tensor, key: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self._fitting(p, key, v) for v in value]
        if not isinstance(value, np.ndarray) or not value.shape:
            return value if key in ("t", "H_diag") else int(value)
        needed = sum(member.size for member in self._members)
        if value.shape != (needed,):
            raise ArgumentError(f"LBFGS.load_state_dict: {key!r} has the shape {list(value.shape)}; needs [{needed}]")
        return np.array(value, p.dtype)
