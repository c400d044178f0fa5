"""Indexing by arrays: gather, scatter, take, put, segment sums."""

from __future__ import annotations

__all__: list[str] = []
