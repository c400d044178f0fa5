from __future__ import annotations

import math

import pytest

from wengert.base.errors import MissingDependencyError
from wengert.base.optional import optional


def test_a_library_that_is_there() -> None:
    assert optional("math", "test", "nothing") is math


def test_a_missing_library_is_named_with_what_to_install() -> None:
    with pytest.raises(MissingDependencyError) as caught:
        optional("no_such_library.part", "plot", "wengert[plot]")
    text = str(caught.value)
    assert text.startswith('plot: needs no_such_library\n  hint: pip install "wengert[plot]"')
