"""Normalisation: fitted on the training part only, then applied to every part."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, ShapeError


class Standardizer:
    """``(x - mean) / deviation`` for each feature (column), with mean and deviation of the training part.

    With ``together=True`` all features share one mean and deviation, as for the pixels of images, whose scales are
    comparable. A feature that is constant in the training part is only shifted.

    >>> import numpy as np, wengert as wg
    >>> wg.data.Standardizer().fit(np.array([[1.0, 5.0], [3.0, 5.0]]))(np.array([[2.0, 6.0]]))
    array([[0., 1.]])
    """

    def __init__(self, together: bool = False) -> None:
        self.together = together
        self.mean: Any = None
        self.deviation: Any = None

    def fit(self, x: Any) -> Standardizer:
        """Take mean and deviation of each column of `x`; raises for empty data and for NaN or infinity."""
        x = np.asarray(x)
        if not len(x):
            raise ArgumentError("Standardizer.fit: got no rows")
        if not np.isfinite(x).all():
            rows = np.flatnonzero(~np.isfinite(x.reshape(len(x), -1)).all(axis=1))
            raise ArgumentError(f"Standardizer.fit: row {rows[0]} holds NaN or infinity ({len(rows)} such rows)")
        dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
        axis = None if self.together else 0
        self.mean = np.broadcast_to(x.mean(axis, dtype=np.float64).astype(dtype), x.shape[1:])
        deviation = np.broadcast_to(x.std(axis, dtype=np.float64).astype(dtype), x.shape[1:])
        self.deviation = np.where(deviation > 0, deviation, np.ones((), dtype))
        return self

    def __call__(self, x: Any) -> Any:
        """The normalised rows."""
        if self.mean is None:
            raise ArgumentError("Standardizer: call fit(training part) first")
        if x.shape[1:] != self.mean.shape:
            raise ShapeError(f"Standardizer: got rows of shape {list(x.shape[1:])}, fitted on {list(self.mean.shape)}")
        return (x - self.mean) / self.deviation

    def inverse(self, x: Any) -> Any:
        """The rows as they were before."""
        return x * self.deviation + self.mean

    def state_dict(self) -> dict[str, Any]:
        """Mean and deviation, to be stored beside a model's weights."""
        return {"mean": np.array(self.mean), "deviation": np.array(self.deviation)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.mean, self.deviation = np.array(state["mean"]), np.array(state["deviation"])
