"""What looks at the site in a browser notices what is wrong (the site itself is looked at after `make docs`)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

HEAD = "<!doctype html><link rel='icon' href='data:,'><meta name='viewport' content='width=device-width'>"


def test_faults_are_seen(tmp_path: Path) -> None:
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        assert "WENGERT_REQUIRE_BROWSER" not in os.environ, "a browser is required here"
        pytest.skip("there is no Chromium with its driver")
    pytest.importorskip("selenium")
    from docs.tools import looks

    looks.PATIENCE = 3.0

    pages = {
        "good.html": "<p>words</p><img loading='lazy' src='data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA='>",
        "wide.html": "<div style='width: 700px'>-</div>",
        "lost.html": "<img alt='a picture' src='nowhere.png'>",
        "loud.html": "<script>console.error('ouch')</script>",
    }
    for name, body in pages.items():
        (tmp_path / name).write_text(f"{HEAD}{body}")
    with looks.served(tmp_path) as address, looks.browser() as driver:
        found = looks.look(driver, address, sorted(pages), None)
    assert not [f for f in found if f.startswith("good")]
    assert [f for f in found if f.startswith("wide")] == ["wide.html at a phone: 318 pixels too wide"]
    assert [f.partition(": ")[2] for f in found if f.startswith("lost") and "shown" in f] == [
        "a picture is not shown"
    ] * 2
    assert sum("ouch" in f for f in found) == 2
