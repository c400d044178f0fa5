"""Matrix decompositions: cholesky, qr, eigh, eig, svd."""

from __future__ import annotations

__all__: list[str] = []
