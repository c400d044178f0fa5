"""Cumulative sums and products, differences, integrals."""

from __future__ import annotations

__all__: list[str] = []
