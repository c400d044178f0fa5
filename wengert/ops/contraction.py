"""Products of arrays: matmul, dot, tensordot, einsum and relatives."""

from __future__ import annotations

__all__: list[str] = []
