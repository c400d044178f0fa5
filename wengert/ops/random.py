"""Random numbers from counter-based keys."""

from __future__ import annotations

__all__: list[str] = []
