"""Linear algebra (numpy.linalg's names)."""

from __future__ import annotations

__all__: list[str] = []
