"""Weights in files: state dicts as safetensors (data only: loading a file never runs anything from it)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError, FileFormatError
from wengert.base.files import write_atomically
from wengert.base.optional import optional
from wengert.core.record import concrete
from wengert.nn.module import Module

Source = str | os.PathLike[str]


def _library() -> Any:
    return tuple(optional(m, "weights", "safetensors") for m in ("safetensors.numpy", "safetensors"))


def save_weights(model: Module | Mapping[str, Any], path: Source, metadata: Mapping[str, str] | None = None) -> Path:
    """Write the parameters and buffers of a model (or a state dict) to a safetensors file, atomically.

    `metadata` are texts stored beside them. PyTorch reads the file, and files PyTorch wrote are read.
    """
    state = model.state_dict() if isinstance(model, Module) else dict(model)
    arrays = {name: np.ascontiguousarray(concrete(x)).reshape(np.shape(concrete(x))) for name, x in state.items()}
    texts = {str(k): v for k, v in (metadata or {}).items()}
    wrong = [k for k, v in texts.items() if not isinstance(v, str)]
    if wrong:
        raise ArgumentError(f"save_weights: metadata must be texts, {wrong[0]!r} is none")
    tensors, _ = _library()
    return write_atomically(path, tensors.save(arrays, metadata={"format": "np", **texts}))


def read_weights(path: Source) -> tuple[dict[str, Any], dict[str, str]]:
    """The arrays and the metadata of a safetensors file; raises `FileFormatError` where it is damaged."""
    _, safetensors = _library()
    try:
        with safetensors.safe_open(os.fspath(path), framework="np") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})
    except FileNotFoundError:
        raise
    except (OSError, ValueError, TypeError, safetensors.SafetensorError) as error:
        raise FileFormatError(f"read_weights: {os.fspath(path)!r} is no readable safetensors file: {error}") from error


def load_weights(model: Module, path: Source, strict: bool = True) -> dict[str, str]:
    """Load a safetensors file into a model, all or nothing, and return the file's metadata.

    Raises `FileFormatError` for a damaged file, `ArgumentError` naming every name and shape that does not fit.
    """
    arrays, metadata = read_weights(path)
    model.load_state_dict(arrays, strict)
    return metadata
