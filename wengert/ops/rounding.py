"""Rounding, signs, remainders, extrema of pairs, and selection."""

from __future__ import annotations

__all__: list[str] = []
