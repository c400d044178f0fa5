"""Rearranging arrays: axes, splitting, tiling, padding, diagonals."""

from __future__ import annotations

__all__: list[str] = []
