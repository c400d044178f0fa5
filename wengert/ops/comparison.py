"""Comparisons, logic and bits: no derivative."""

from __future__ import annotations

__all__: list[str] = []
