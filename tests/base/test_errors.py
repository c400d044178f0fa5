"""Errors: each is also the builtin one, carries its parts, and says where the user's line is."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from wengert.base import errors
from wengert.base.errors import ShapeError, WengertError, show

ALL = [
    c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, WengertError) and c is not WengertError
]


@pytest.mark.parametrize("cls", ALL, ids=lambda c: c.__name__)
def test_every_error_is_also_a_builtin_one(cls: type[WengertError]) -> None:
    builtin = [b for b in cls.__mro__ if b.__module__ in ("builtins", "numpy.linalg") and b not in (Exception, object)]
    assert builtin
    assert cls.__doc__
    raised = cls("operation: got this; needs that", hint="do it so")
    assert str(raised).startswith("operation: got this; needs that\n  hint: do it so\n  at test_errors.py:")
    assert (raised.message, raised.hint) == ("operation: got this; needs that", "do it so")


def test_parts() -> None:
    bare = ShapeError("just this")
    assert str(bare).splitlines() == ["just this", f"  at {bare.where}"]
    assert bare.where.endswith(" in test_parts")
    assert bare.hint is None


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (np.zeros((2, 3)), "float64[2, 3]"),
        (np.float32(1), "float32[]"),
        (np.zeros(0, np.int8), "int8[0]"),
        (1, "1"),
        (True, "True"),
        (2.5, "2.5"),
        (1j, "1j"),
        ("text", "str"),
        (None, "NoneType"),
        ([1], "list"),
    ],
)
def test_show(x: object, text: str) -> None:
    assert show(x) == text
