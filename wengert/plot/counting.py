"""What is saved by solving every sub-problem once."""

from __future__ import annotations

from typing import Any

from wengert.plot.axes import COLOURS, axes, legend, plain


def fibonacci_calls(n: int, memoized: bool) -> int:
    """How many calls the recursion ``F(n) = F(n-1) + F(n-2)`` makes, counted while it runs."""
    calls, known = 0, dict[int, int]()

    def f(k: int) -> int:
        nonlocal calls
        calls += 1
        if memoized and k in known:
            return known[k]
        known[k] = k if k < 2 else f(k - 1) + f(k - 2)
        return known[k]

    f(n)
    return calls


def call_counts(most: int = 20, ax: Any = None) -> Any:
    """The calls a recursion for Fibonacci's numbers makes, naive and memoized, and the additions of a table.

    ``2 F(n+1) - 1`` calls, ``2 n - 1`` calls, ``n - 1`` additions. Back-propagation is the table: one visit a line.

    >>> import wengert as wg
    >>> naive, memoized, table = wg.plot.call_counts(10).lines
    >>> [int(line.get_ydata()[-1]) for line in (naive, memoized, table)]
    [177, 19, 9]
    """
    ax = axes(ax, "call_counts")
    ns = range(1, most + 1)
    rows = (
        ("naive recursion", [fibonacci_calls(n, False) for n in ns]),
        ("memoized", [fibonacci_calls(n, True) for n in ns]),
        ("table, additions", [n - 1 for n in ns]),
    )
    for (name, counts), colour in zip(rows, (COLOURS[3], COLOURS[1], COLOURS[0]), strict=True):
        ax.plot(ns, counts, marker="o", markersize=3.5, color=colour, label=f"{name}: {counts[-1]:,}")
    ax.set_yscale("symlog", linthresh=10)
    ax.set_ylim(bottom=0)
    legend(ax, title=f"at n = {most}")
    return plain(ax, "One number of Fibonacci's", "n", "calls")


__all__ = ["call_counts"]
