"""Averages, order statistics, and reductions that skip NaN."""

from __future__ import annotations

__all__: list[str] = []
