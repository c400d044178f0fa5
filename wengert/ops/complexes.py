"""Complex numbers: real and imaginary part, conjugate, angle, absolute value."""

from __future__ import annotations

__all__: list[str] = []
