"""Comparisons with PyTorch and HIPS autograd: skipped where these are not installed, unless they are required.

A file here begins with ``torch = pytest.importorskip("torch", reason="PyTorch is not installed: ...")``.
With ``WENGERT_REQUIRE_PEERS=1`` every skip in this folder is a failure.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

REQUIRED = os.environ.get("WENGERT_REQUIRE_PEERS", "") not in ("", "0")


def refuse_skip(report: Any) -> None:
    """Turn a skip into a failure that repeats the reason; an expected failure is no skip."""
    if REQUIRED and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"WENGERT_REQUIRE_PEERS is set, but this comparison did not run: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: Any) -> Generator[None, Any, Any]:
    report = yield
    refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Any) -> Generator[None, Any, Any]:
    report = yield
    refuse_skip(report)
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.peers)
