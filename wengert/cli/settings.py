"""Settings of a training from a TOML file and the command line, which comes first."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wengert.base.errors import ArgumentError, FileFormatError
from wengert.data.table import nearest

# What each setting is, in a file; numbers may be whole, sizes a list or a text.
KINDS: dict[str, tuple[type, ...]] = {
    "file": (str,), "data": (str,), "target": (str,), "task": (str,), "hidden": (str, list), "activation": (str,),
    "dropout": (float, int), "epochs": (int,), "batch_size": (int,), "lr": (float, int), "optimizer": (str,),
    "seed": (int,), "validation": (float, int), "test": (float, int), "patience": (int,), "exclude": (list,),
    "categorical": (list,), "missing": (list,), "delimiter": (str,), "decimal": (str,), "encoding": (str,),
    "most_categories": (int,), "unknown": (str,), "out": (str,), "report": (str,), "history": (str,),
    "tensorboard": (str,), "compile": (bool,), "quiet": (bool,),
}  # fmt: skip
WORDS = {str: "a text", int: "a whole number", float: "a number", list: "a list", bool: "true or false"}
ONLY_TABLES = {
    "file", "target", "task", "activation", "validation", "test", "exclude", "categorical", "missing", "delimiter",
    "decimal", "encoding", "most_categories", "unknown", "report", "history",
    "tensorboard",
}  # fmt: skip


def read_settings(path: Path) -> dict[str, Any]:
    """The settings in a TOML file, by name; raises naming the one that is unknown or of a wrong kind."""
    try:
        found = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except UnicodeError:
        raise FileFormatError(f"{path}: is not written in UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise FileFormatError(
            f"{path}: is no TOML: {error}", hint='texts are in quotation marks: target = "x"'
        ) from None
    settings: dict[str, Any] = {}
    for key, value in found.items():
        name = key.replace("-", "_")
        if name not in KINDS:
            raise ArgumentError(f"{path}: {key!r} is no setting", hint=nearest(name, KINDS) or f"there are {_names()}")
        if name in settings:
            raise ArgumentError(f"{path}: {name!r} is set twice")
        settings[name] = _checked(path, key, name, value)
    return settings


def _names() -> str:
    return ", ".join(KINDS)


def _checked(path: Path, key: str, name: str, value: Any) -> Any:
    kinds = KINDS[name]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise ArgumentError(f"{path}: {key} is {_shown(value)}; needs {' or '.join(WORDS[kind] for kind in kinds)}")
    inner = int if name == "hidden" else str
    if isinstance(value, list) and not all(type(item) is inner for item in value):
        raise ArgumentError(f"{path}: {key} is {_shown(value)}; needs a list of {'sizes' if inner is int else 'texts'}")
    return float(value) if kinds == (float, int) else value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "…"


def merged(given: Mapping[str, Any], file: Path | None) -> dict[str, Any]:
    """The settings of the file, those of the command line over them; what is not given (None, no items) is not in."""
    settings = read_settings(file) if file is not None else {}
    settings |= {name: value for name, value in given.items() if value is not None and value != []}
    if "hidden" in settings:
        settings["hidden"] = sizes(settings["hidden"])
    return settings


def sizes(value: str | list[int]) -> tuple[int, ...]:
    """``64,32`` as numbers; nothing for no hidden layer."""
    try:
        found = tuple(int(part) for part in value.split(",") if part.strip()) if isinstance(value, str) else (*value,)
    except ValueError:
        found = (0,)
    if any(size < 1 for size in found):
        raise ArgumentError(f"--hidden: got {value!r}; needs sizes such as 64,32")
    return found
