"""One-dimensional signals: convolve, correlate, interp."""

from __future__ import annotations

__all__: list[str] = []
