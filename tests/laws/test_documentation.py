"""Every public name is documented, and every example runs as it stands.

pytest collects the examples it finds in modules; it cannot find those of functions that are made by a line (the
elementwise ones), and it runs the others with the names of their module at hand. Here each runs as a user would.
"""

from __future__ import annotations

import doctest
import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import wengert as wg
from wengert.ops import FUNCTIONS

NAMESPACES = (
    wg, wg.autograd, wg.linalg, wg.fft, wg.random, wg.errors, wg.nn, wg.nn.functional, wg.nn.init, wg.optim, wg.data,
    wg.train, wg.testing, wg.viz, wg.plot, wg.numpy,
)  # fmt: skip
# Where every function shows an example; the others are shown at work by the README and by their tests.
WITH_EXAMPLES = (wg, wg.linalg, wg.fft, wg.random)
# What cannot be shown in a line or two.
NO_EXAMPLE = {"fit"}
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def public(namespace: ModuleType) -> Iterator[tuple[str, Any]]:
    """The functions and classes of this package that a namespace offers, by name."""
    # Not by `wg.__all__`, which leaves out the names of builtins.
    for name in dir(wg) if namespace is wg else getattr(namespace, "__all__", dir(namespace)):
        offered = getattr(namespace, name)
        if name.startswith("_") or isinstance(offered, ModuleType) or not callable(offered):
            continue
        if getattr(offered, "__module__", "").startswith("wengert"):
            yield name, offered


def faults(name: str, offered: Any, wants_example: bool) -> Iterator[str]:
    """What a docstring lacks."""
    text = inspect.cleandoc(offered.__doc__ or "")
    first = text.split("\n\n")[0]
    if not first:
        yield f"{name} has no docstring"
    elif not re.search(r"\.(``)?$", first):
        yield f"{name}: the first paragraph is no sentence that ends in a period"
    if wants_example and ">>>" not in text and name not in NO_EXAMPLE and not isinstance(offered, type):
        yield f"{name} shows no example"


@pytest.mark.parametrize("namespace", NAMESPACES, ids=lambda n: n.__name__)
def test_every_public_name_is_documented(namespace: ModuleType) -> None:
    wants_example = namespace in WITH_EXAMPLES
    found = [fault for name, offered in public(namespace) for fault in faults(name, offered, wants_example)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("namespace", NAMESPACES, ids=lambda n: n.__name__)
def test_every_example_runs_alone(namespace: ModuleType) -> None:
    finder, said = doctest.DocTestFinder(recurse=False), []
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    for name, offered in public(namespace):
        for example in finder.find(offered, name, globs={}):
            runner.run(example, out=said.append)
    assert not runner.failures, "".join(said)


def test_the_package_offers_every_operation() -> None:
    """A chapter that is new in `wengert.ops` is re-exported by `wengert` as well."""
    missing = [n for n, f in FUNCTIONS.items() if "." not in n and getattr(wg, n, None) is not f]
    assert not missing, f"wengert/__init__.py does not offer {', '.join(missing)}"


def test_a_star_import_takes_nothing_away() -> None:
    taken = {"sum", "abs", "float", "numpy", "np"} & set(wg.__all__)
    assert not taken
    assert {"grad", "vmap", "Tensor", "exp", "linalg"} <= set(wg.__all__)


def test_a_planted_fault_is_found() -> None:
    def undocumented() -> None: ...

    def no_sentence() -> None:
        """adds things"""

    def wrong() -> None:
        """An example that does not run.

        >>> 1 + 1
        3
        """

    planted = ModuleType("planted")
    for f in (undocumented, no_sentence, wrong):
        f.__module__ = "wengert.planted"
        setattr(planted, f.__name__, f)
    with pytest.raises(AssertionError, match=r"no_sentence: .*\n +undocumented has no docstring"):
        test_every_public_name_is_documented(planted)
    with pytest.raises(AssertionError, match=r"Expected:\s+3\s+Got:\s+2"):
        test_every_example_runs_alone(planted)
