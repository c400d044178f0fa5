"""Values in few words, and as data that a page can draw: numbers, small matrices, heat maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.viz.lines import Local
from wengert.viz.mathematics import number_text
from wengert.viz.paths import pooled

MOST_IN_FULL = 36  # numbers of an array that is shown in full
SIDE = 16  # rows and columns of a heat map
_FEW = 3  # numbers of a vector that fit into a box


def bad(x: Any) -> str:
    """``NaN`` or ``inf`` where a value holds one, else nothing."""
    for part in x if isinstance(x, tuple) else (x,):
        part = np.asarray(part)
        if part.dtype.kind in "fc":
            if np.isnan(part).any():
                return "NaN"
            if np.isinf(part).any():
                return "inf"
    return ""


def root_mean_square(x: Any) -> float | None:
    """The root of the mean of the squares; None where it is not finite, or there is no number."""
    x = np.asarray(x)
    if x.size == 0 or x.dtype.kind not in "fc":
        return None
    found = math.sqrt(float(np.mean(np.abs(x.astype(np.result_type(x, np.float64))) ** 2)))
    return found if math.isfinite(found) else None


def brief(x: Any, digits: int) -> str:
    """A value in the few characters a box has room for."""
    if x is None:
        return ""
    if isinstance(x, tuple):
        return f"{len(x)} values"
    x = np.asarray(x)
    if x.shape == ():
        return one(x[()], min(digits, 5))
    if x.ndim == 1 and 0 < x.size <= _FEW:
        return f"[{', '.join(one(v, 3) for v in x)}]"
    size = norm(x)
    rest = bad(x) or ("" if size is None else f"‖{one(size, 3)}‖")
    return f"{shape_text(x.shape)} {rest}".strip()


def shape_text(shape: Sequence[int]) -> str:
    """``[20×64]``."""
    return f"[{'×'.join(map(str, shape))}]"


def norm(x: Any) -> float | None:
    """The root of the sum of the squares."""
    mean = root_mean_square(x)
    return None if mean is None else mean * math.sqrt(np.size(x))


def one(x: Any, digits: int) -> str:
    """One number."""
    return str(x) if isinstance(x, bool | np.bool_) else number_text(x, digits)


def portrait(x: Any, digits: int, fine: bool = True) -> dict[str, Any] | None:
    """A value as data: ``t`` in brief, and ``m`` all its numbers, or ``h`` a heat map and ``s`` what sums it up."""
    if x is None:
        return None
    made: dict[str, Any] = {"t": brief(x, digits)}
    if isinstance(x, tuple):
        return made
    x = np.asarray(x)
    if found := bad(x):
        made["bad"] = found
    if x.shape == ():
        made["m"] = [[one(x[()], digits)]]
    elif 0 < x.size <= (MOST_IN_FULL if fine else _FEW) and x.ndim <= 2:
        made["m"] = [[one(v, digits) for v in row] for row in np.atleast_2d(x)]
    elif fine and x.size and x.dtype.kind in "fciub":
        made["s"] = summary(x, min(digits, 5))
        made["h"] = heat(x.reshape(-1, x.shape[-1]))
    return made


def summary(x: Any, digits: int) -> list[list[str]]:
    """Smallest, mean, largest and norm of the finite numbers; how many others; zeros where there are many."""
    if x.dtype.kind == "c":
        return [["norm", one(norm(x) or 0.0, digits)]]
    x = x.astype(np.float64)
    finite = x[np.isfinite(x)]
    found = [] if finite.size == x.size else [["not finite", f"{x.size - finite.size:,} of {x.size:,}"]]
    if finite.size:
        parts = {"min": finite.min(), "mean": finite.mean(), "max": finite.max(), "norm": np.sqrt(np.sum(finite**2))}
        found += [[name, one(value, digits)] for name, value in parts.items()]
    zeros = float(np.mean(x == 0))
    return found + ([["zeros", f"{zeros:.0%}"]] if zeros >= 0.2 else [])


def heat(x: Any) -> dict[str, Any]:
    """A matrix as whole numbers from -100 to 100 in at most 16 rows and columns; ``top`` is what 100 stands for."""
    small = pooled(x, SIDE)
    finite = np.where(np.isfinite(small), small, 0.0)
    top = float(np.max(np.abs(finite), initial=0.0))
    scaled = np.rint(finite / top * 100) if top else finite
    cells = [None if not ok else int(v) for v, ok in zip(scaled.ravel(), np.isfinite(small).ravel(), strict=True)]
    return {"r": small.shape[0], "c": small.shape[1], "top": one(top, 4), "d": cells}


def jacobian(part: Local, digits: int, fine: bool = True) -> dict[str, Any]:
    """A local derivative as data: in full where it is small, else shape, norm and heat map."""
    made: dict[str, Any] = {"k": part.kind, "t": ""}
    if part.kind == "number":
        return made | {"t": one(part.value, min(digits, 5)), "m": [[one(part.value, digits)]]}
    rows = part.rows if part.kind == "full" else math.prod(part.shape[: len(part.shape) // 2])
    made["shape"] = shape_text(part.shape)
    made["t"] = made["shape"] if part.kind != "diagonal" else f"diag {rows}"
    if part.norm is not None and math.isfinite(part.norm):
        made["norm"] = one(part.norm, 5)
    if not fine:
        return made
    if part.kind == "full":
        made["m"] = [[one(v, digits) for v in row] for row in part.value.reshape(part.rows, -1)]
    elif part.kind == "diagonal" and 0 < part.value.size <= 6:
        made["m"] = [[one(v if i == j else 0, digits) for j in range(rows)] for i, v in enumerate(part.value.ravel())]
    elif part.kind == "diagonal" and part.value.size:
        made["h"] = heat(part.value.reshape(-1, part.value.shape[-1]))
    elif part.picture is not None:
        made["h"] = heat(part.picture)
    return made


__all__ = ["bad", "brief", "heat", "jacobian", "norm", "one", "portrait", "root_mean_square", "shape_text", "summary"]
