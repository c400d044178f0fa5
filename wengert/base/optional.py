"""Libraries that are loaded where they are used: `import wengert` is fast, and works without the extras."""

from __future__ import annotations

import importlib
from types import ModuleType

from wengert.base.errors import MissingDependencyError


def optional(module: str, what: str, requirement: str) -> ModuleType:
    """The library `module` that `what` needs; where it is missing, the error says which `requirement` to install."""
    try:
        return importlib.import_module(module)
    except ImportError:
        library = module.partition(".")[0]
        raise MissingDependencyError(f"{what}: needs {library}", hint=f'pip install "{requirement}"') from None
