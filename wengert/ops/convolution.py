"""Convolutions of any rank and their transposes."""

from __future__ import annotations

__all__: list[str] = []
