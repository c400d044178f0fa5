"""Reductions: sums, products, means, extrema, norms."""

from __future__ import annotations

__all__: list[str] = []
