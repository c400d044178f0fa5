"""Normalisation: fitted on the training part only, then applied to every part."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from wengert.base.errors import ArgumentError, ShapeError


def _finite(what: str, x: Any) -> Any:
    """Rows as floating numbers; raises where there are none, or where some are NaN or infinite."""
    x = np.asarray(x)
    if not x.ndim or not len(x):
        raise ArgumentError(f"{what}.fit: got no rows")
    if not np.isfinite(x).all():
        rows = np.flatnonzero(~np.isfinite(x.reshape(len(x), -1)).all(axis=1))
        raise ArgumentError(f"{what}.fit: row {rows[0]} holds NaN or infinity ({len(rows)} such rows)")
    return x if x.dtype.kind == "f" else x.astype(np.float64)


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
        x = _finite("Standardizer", x)
        dtype = x.dtype
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


class _Fitted:
    """What the normalisers below share: figures of the training part by name."""

    names: ClassVar[tuple[str, ...]]

    def _checked(self, x: Any) -> Any:
        return _finite(type(self).__name__, x)

    def _figures(self, x: Any) -> list[Any]:
        figures = [getattr(self, name, None) for name in self.names]
        if figures[0] is None:
            raise ArgumentError(f"{type(self).__name__}: call fit(training part) first")
        if x.shape[1:] != self.shape:
            raise ShapeError(
                f"{type(self).__name__}: got rows of shape {list(x.shape[1:])}, fitted on {list(self.shape)}"
            )
        return figures

    shape: tuple[int, ...] = ()

    def state_dict(self) -> dict[str, Any]:
        """The figures, to be stored beside a model's weights."""
        return {name: np.array(getattr(self, name)) for name in self.names} | {"shape": np.array(self.shape)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        for name in self.names:
            setattr(self, name, np.array(state[name]))
        self.shape = tuple(int(n) for n in state["shape"])


class MinMax(_Fitted):
    """``(x - min) / (max - min)`` for each column: 0 to 1 on the training part. A constant column becomes 0.

    >>> import numpy as np, wengert as wg
    >>> wg.data.MinMax().fit(np.array([[1.0, 5.0], [3.0, 5.0]]))(np.array([[2.0, 5.0]]))
    array([[0.5, 0. ]])
    """

    names = ("low", "range")

    def fit(self, x: Any) -> MinMax:
        """Take least and greatest of each column."""
        x = self._checked(x)
        self.shape, self.low = x.shape[1:], x.min(axis=0)
        width = x.max(axis=0) - self.low
        self.range = np.where(width > 0, width, np.ones((), x.dtype))
        return self

    def __call__(self, x: Any) -> Any:
        """The normalised rows."""
        low, width = self._figures(x)
        return (x - low) / width

    def inverse(self, x: Any) -> Any:
        """The rows as they were before."""
        return x * self.range + self.low


class PerChannel(_Fitted):
    """``(x - mean) / deviation`` for each channel of images (N, C, …), over all images and places.

    >>> import numpy as np, wengert as wg
    >>> images = np.arange(8.0).reshape(2, 2, 1, 2)
    >>> wg.data.PerChannel().fit(images).mean.ravel()
    array([2.5, 4.5])
    """

    names = ("mean", "deviation")

    def fit(self, x: Any) -> PerChannel:
        """Take mean and deviation of each channel."""
        x = self._checked(x)
        axes = (0, *range(2, x.ndim))
        self.shape, self.mean = x.shape[1:], x.mean(axes, keepdims=True)[0]
        deviation = x.std(axes, keepdims=True)[0]
        self.deviation = np.where(deviation > 0, deviation, np.ones((), x.dtype))
        return self

    def __call__(self, x: Any) -> Any:
        """The normalised images."""
        mean, deviation = self._figures(x)
        return (x - mean) / deviation

    def inverse(self, x: Any) -> Any:
        """The images as they were before."""
        return x * self.deviation + self.mean


class Whitening(_Fitted):
    """Turn and scale rows (N, D) so that their columns are uncorrelated with variance 1 on the training part.

    ``(x - mean) W`` with ``W = V (Λ + eps)^(-1/2) Vᵀ`` of the covariance ``V Λ Vᵀ`` (ZCA: the nearest to the original
    columns). `eps` keeps directions without variance from growing.

    >>> import numpy as np, wengert as wg
    >>> x = np.random.default_rng(0).normal(size=(500, 2)) @ [[2.0, 1.0], [0.0, 0.5]]
    >>> white = wg.data.Whitening(eps=0.0).fit(x)(x)
    >>> bool(np.allclose(white.T @ white / 500, np.eye(2)))
    True
    """

    names = ("mean", "matrix", "back")

    def __init__(self, eps: float = 1e-5) -> None:
        self.eps = eps

    def fit(self, x: Any) -> Whitening:
        """Take mean and covariance."""
        x = self._checked(x)
        if x.ndim != 2:
            raise ShapeError(f"Whitening.fit: got rows of shape {list(x.shape[1:])}; needs (N, D)")
        self.shape, self.mean = x.shape[1:], x.mean(axis=0)
        values, vectors = np.linalg.eigh((x - self.mean).T @ (x - self.mean) / len(x))
        size = np.sqrt(np.maximum(values, 0) + self.eps)
        if not size.all():
            raise ArgumentError("Whitening.fit: a direction has no variance; pass an eps above 0")
        self.matrix, self.back = (vectors / size) @ vectors.T, (vectors * size) @ vectors.T
        return self

    def __call__(self, x: Any) -> Any:
        """The whitened rows."""
        mean, matrix, _ = self._figures(x)
        return (x - mean) @ matrix

    def inverse(self, x: Any) -> Any:
        """The rows as they were before."""
        return x @ self.back + self.mean
