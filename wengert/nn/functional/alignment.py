"""Connectionist temporal classification: the likelihood of a text under a longer sequence of class probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, ShapeError, show
from wengert.nn.functional.checks import floating_value, indices, known, reduce
from wengert.ops.gather import getitem
from wengert.ops.joining import concatenate
from wengert.ops.picking import take_along_axis
from wengert.ops.reduction import mean
from wengert.ops.rounding import maximum, where
from wengert.ops.softmax import logsumexp
from wengert.ops.structure import arrayed, broadcast_to
from wengert.transforms.control import scan

# In place of log 0: sums stay finite, so no derivative becomes NaN, and exp of it is 0 beside any path there is.
NEVER = -1e30


def _delayed(x: Any, steps: int) -> Any:
    """`x` moved to the right along the last axis, impossible before."""
    first = np.full((*x.shape[:-1], steps), NEVER, x.dtype)
    return concatenate([first, x[..., :-steps]], axis=-1)


def _extended(targets: Any, blank: int) -> Any:
    """Targets with a blank before, between and after: (N, S) -> (N, 2 S + 1)."""
    n, s = targets.shape
    pairs = concatenate([np.full((n, s, 1), blank), targets[..., None]], axis=-1).reshape((n, 2 * s))
    return concatenate([pairs, np.full((n, 1), blank)], axis=-1)


def _log_likelihood(log_p: Any, labels: Any, input_lengths: Any, target_lengths: Any, blank: int) -> Any:
    """The sum over all alignments, by the forward recursion over time."""
    n, places = labels.shape
    at = take_along_axis(log_p, broadcast_to(labels, (log_p.shape[0], n, places)), axis=-1)
    # A label may be reached from two places before unless a blank lies between, or the label repeats.
    before = concatenate([np.full((n, 2), blank), labels[:, :-2]], axis=-1)
    jumps = (labels != blank) & (labels != before)
    start = where(np.arange(places) < 2, at[0], NEVER)
    alive = np.arange(1, at.shape[0])[:, None, None] < input_lengths[:, None]

    def advance(alpha: Any, now: Any) -> tuple[Any, Any]:
        emitted, going = now
        ways = [alpha, _delayed(alpha, 1), where(jumps, _delayed(alpha, 2), NEVER)]
        new = maximum(logsumexp(concatenate([w[None] for w in ways]), axis=0) + emitted, NEVER)
        return where(going, new, alpha), None

    alpha, _ = scan(advance, start, (at[1:], alive))
    last = target_lengths * 2
    ends = [getitem(alpha, (np.arange(n), place)) for place in (last, maximum(last - 1, 0))]
    return logsumexp(concatenate([ends[0][None], where(last > 0, ends[1], NEVER)[None]]), axis=0)


def ctc_loss(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0, reduction: str = "mean",
    zero_infinity: bool = False,
) -> Any:  # fmt: skip
    """``-log P(target)``, summed over all alignments of (N, S) labels with (T, N, C) log-probabilities.

    An alignment repeats labels and puts `blank` between; equal neighbours need one. Lengths are (N,), or numbers
    where there is no N: (T, C), (S,). The mean divides every loss by its target's length first (as PyTorch). Where no
    alignment exists the loss is infinite, or with `zero_infinity` 0.

    >>> import wengert as wg, numpy as np
    >>> p = np.log(np.full((2, 1, 2), 0.5))
    >>> float(np.exp(-wg.nn.functional.ctc_loss(p, np.array([[1]]), np.array([2]), np.array([1]), reduction="sum")))
    0.75
    """
    log_p, targets = floating_value(log_probs), arrayed(targets)
    single = len(log_p.shape) == 2
    if single:
        log_p, targets = log_p[:, None], targets[None]
    if len(log_p.shape) != 3 or len(targets.shape) != 2 or targets.shape[0] != log_p.shape[1] or not log_p.shape[0]:
        raise ShapeError(
            f"ctc_loss: got log-probabilities {show(arrayed(log_probs))} and targets {show(targets)}; needs (T, N, C) "
            f"and (N, S), or (T, C) and (S,)"
        )
    steps, n, classes = log_p.shape
    if not 0 <= blank < classes:
        raise ArgumentError(f"ctc_loss: got blank={blank} for classes 0 to {classes - 1}")
    lengths = []
    for name, given, most in (("input", input_lengths, steps), ("target", target_lengths, targets.shape[1])):
        length = arrayed(given)[None] if single and not np.shape(given) else arrayed(given)
        values = known(length)
        if tuple(length.shape) != (n,) or values is not None and ((values < 0) | (values > most)).any():
            raise ArgumentError(f"ctc_loss: got {name} lengths {show(length)}; needs {n} integers from 0 to {most}")
        lengths.append(length)
    inside = np.arange(targets.shape[1]) < lengths[1][:, None]
    targets = indices("ctc_loss", where(inside, targets, blank), classes, "label")
    loss = -_log_likelihood(log_p, _extended(targets, blank), lengths[0], lengths[1], blank)
    impossible = loss >= -NEVER / 2
    loss = where(impossible, 0.0 if zero_infinity else np.inf, loss)
    if reduction == "mean":
        return mean(loss / maximum(lengths[1], 1))
    return loss[0] if single and reduction == "none" else reduce(loss, reduction)
