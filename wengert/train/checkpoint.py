"""Checkpoints: everything a training needs to go on bit for bit, in one file that is written whole or not at all.

The file is safetensors: arrays as they are, and the rest (numbers, texts, lists) as JSON in its metadata. Loading
never runs anything from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, FileFormatError, OperandError
from wengert.core.record import Tensor, concrete
from wengert.ops.generator import get_rng_state, set_rng_state
from wengert.train.seeds import OtherGenerators
from wengert.train.weights import Source, read_weights, save_weights

FORMAT = "wengert checkpoint 1"


# ----- trees of plain values
def _packed(x: Any, path: str, arrays: dict[str, Any]) -> Any:
    """`x` in JSON's terms; arrays go to `arrays` under their path."""
    if isinstance(x, Tensor):
        x = concrete(x)
    if isinstance(x, np.ndarray | np.generic):
        arrays[path] = np.asarray(x)
        return {"array": path, "scalar": isinstance(x, np.generic)}
    if isinstance(x, Mapping):
        keys = [[k, _packed(v, f"{path}/{k}", arrays)] for k, v in x.items()]
        if not all(isinstance(k, str | int) for k in x):
            raise OperandError(f"save_checkpoint: {path!r} has keys that are neither texts nor whole numbers")
        return {"dict": keys}
    if isinstance(x, list | tuple):
        items = [_packed(v, f"{path}/{i}", arrays) for i, v in enumerate(x)]
        return {"tuple": items} if isinstance(x, tuple) else items
    if x is None or isinstance(x, bool | int | float | str):
        return x
    raise OperandError(f"save_checkpoint: {path!r} is a {type(x).__name__}; needs arrays, numbers, texts, lists, dicts")


def _unpacked(x: Any, arrays: Mapping[str, Any]) -> Any:
    if isinstance(x, list):
        return [_unpacked(v, arrays) for v in x]
    if not isinstance(x, dict):
        return x
    if "array" in x:
        return arrays[x["array"]][()] if x["scalar"] else arrays[x["array"]]
    if "tuple" in x:
        return tuple(_unpacked(v, arrays) for v in x["tuple"])
    return {k: _unpacked(v, arrays) for k, v in x["dict"]}


# ----- files
def save_checkpoint(path: Source, **parts: Any) -> Path:
    """Write `parts` and the state of the random generators (also NumPy's and Python's) to a file, atomically.

    A part is an object with a ``state_dict`` (model, optimizer, schedule, batches), or made of arrays, numbers, texts,
    lists and dicts. If the writing is cut off, by a full disk or a kill, the old file stays as it was.

    >>> import os, tempfile, wengert as wg
    >>> model = wg.nn.Linear(2, 1)
    >>> optimizer = wg.optim.Adam(model.parameters())
    >>> path = os.path.join(tempfile.mkdtemp(), "run.checkpoint")
    >>> _ = wg.train.save_checkpoint(path, model=model, optimizer=optimizer, epoch=3)
    >>> wg.train.load_checkpoint(path, model=model, optimizer=optimizer)
    {'epoch': 3}
    """
    arrays: dict[str, Any] = {}
    parts = {**parts, "generators": OtherGenerators()}
    states = {name: part.state_dict() if hasattr(part, "state_dict") else part for name, part in parts.items()}
    tree = _packed({**states, "random": get_rng_state()}, "", arrays)
    return save_weights(arrays, path, {"checkpoint": FORMAT, "tree": json.dumps(tree)})


def read_checkpoint(path: Source) -> dict[str, Any]:
    """The states in a checkpoint as plain values; raises `FileFormatError` where it is damaged or something else."""
    arrays, metadata = read_weights(path)
    try:
        if metadata["checkpoint"] != FORMAT:
            raise ValueError(f"it is in the format {metadata['checkpoint']!r}")
        found: dict[str, Any] = _unpacked(json.loads(metadata["tree"]), arrays)
    except (KeyError, ValueError, TypeError) as error:
        raise FileFormatError(f"read_checkpoint: {str(path)!r} is no checkpoint: {error}") from error
    return found


def load_checkpoint(path: Source, **parts: Any) -> dict[str, Any]:
    """Put the states of a checkpoint into `parts`, and the random generators back; returns what else is in the file.

    All or nothing: where one part does not fit, the others are as before and an error says which it was.
    """
    states = read_checkpoint(path)
    missing = [name for name in parts if name not in states]
    if missing:
        raise ArgumentError(f"load_checkpoint: {str(path)!r} has no part {missing[0]!r}; it has {', '.join(states)}")
    if "generators" in states:  # files of before they were kept have none
        parts = {**parts, "generators": OtherGenerators()}
    before: list[tuple[Any, Any]] = []
    try:
        for name, part in parts.items():
            before.append((part, part.state_dict()))
            part.load_state_dict(states[name])
    except Exception as error:
        for part, state in before:
            part.load_state_dict(state)
        if isinstance(error, ArgumentError):
            raise ArgumentError(
                f"load_checkpoint: {name!r} does not fit, nothing was changed: {error.message}"
            ) from None
        raise
    set_rng_state(states.pop("random"))
    return {name: state for name, state in states.items() if name not in parts}


__all__ = ["load_checkpoint", "read_checkpoint", "save_checkpoint"]
