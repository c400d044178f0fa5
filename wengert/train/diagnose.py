"""Where the first NaN came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.base.errors import NonFiniteError
from wengert.core.primitive import PART
from wengert.core.record import Tensor, concrete
from wengert.core.tape import Var, cut
from wengert.nn.module import Module


def is_finite(x: Any) -> bool:
    """Whether no element is NaN or infinite."""
    x = np.asarray(concrete(x) if isinstance(x, Tensor) else x)
    return x.dtype.kind not in "fc" or bool(np.isfinite(x).all())


def bad_row(x: Any) -> int:
    """The first row that holds NaN or infinity."""
    x = np.asarray(concrete(x) if isinstance(x, Tensor) else x)
    return int(np.flatnonzero(~np.isfinite(x.reshape(len(x), -1)).all(axis=1))[0])


def refuse_non_finite_data(what: str, arrays: Sequence[Any]) -> None:
    """Raise `NonFiniteError` naming array and row: figures computed from them would say nothing."""
    for number, x in enumerate(arrays):
        if not is_finite(x):
            raise NonFiniteError(f"fit: {what} array {number} holds NaN or infinity in row {bad_row(x)}")


def refuse_non_finite_loss(loss: Any, model: Module, batch: Sequence[Any], place: str) -> None:
    """Raise `NonFiniteError` naming the first tensor that went bad: a datum, a parameter, or a recorded line."""
    if not is_finite(loss):
        raise NonFiniteError(
            f"fit: the loss is {np.asarray(concrete(loss)).item()} in {place}; first bad is "
            f"{_first_bad(loss, model, batch)}",
            hint="lower the learning rate, normalise the data, or look for log(0) and divisions by 0",
        )


def _first_bad(loss: Any, model: Module, batch: Sequence[Any]) -> str:
    for number, x in enumerate(batch):
        if not is_finite(x):
            return f"array {number} of the data, in row {bad_row(x)} of the batch"
    for name, p in model.named_parameters():
        if not is_finite(p):
            return f"the parameter {name!r}"
    return _first_bad_line(loss) or "the loss itself"


def _first_bad_line(loss: Any) -> str | None:
    """Compute the recorded list again and stop at the first line that is not finite."""
    if not isinstance(loss, Tensor) or not isinstance(loss.node, Var):
        return None
    tape = cut([loss.node])
    names = tape.names()
    values: dict[Any, Any] = {}
    with np.errstate(all="ignore"):
        for node in tape.nodes:
            xs = [values.get(x, x.value) if isinstance(x, Var) else x for x in node.inputs]
            y = xs[0][node.attrs["index"]] if node.prim is PART else node.prim.impl(*map(concrete, xs), **node.attrs)
            values[node] = y
            if not isinstance(y, tuple) and not is_finite(y):
                return f"the line {names[id(node)]} = {node.prim.name}(…)" + (f" at {node.where}" if node.code else "")
    return None
