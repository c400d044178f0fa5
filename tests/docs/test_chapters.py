"""Every Python block of the chapters and of the README runs, and shows what the text says it shows.

The blocks of a file run in order, in one namespace. A block with ``>>>`` is a session whose output is compared;
any other block is a program whose assertions must hold. Lines count as in the file, in tracebacks too.
The chapter from nothing must stay shorter than 300 lines; therefore its blocks are set tight and not formatted.
"""

from __future__ import annotations

import doctest
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import wengert as wg

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted((ROOT / "docs").glob("*.md"))
FROM_NOTHING = ROOT / "docs" / "wengert_list_from_nothing.md"
README = ROOT / "README.md"
BELOW_THIS_MANY_LINES = 300
OPTIONS = doctest.ELLIPSIS
FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")


class Block(NamedTuple):
    """One block: the number of the line its fence stands on, and its text."""

    line: int
    text: str


def blocks(text: str) -> Iterator[Block]:
    for found in FENCE.finditer(text):
        yield Block(text.count("\n", 0, found.start()) + 1, found[1])


def run(text: str, name: str) -> dict[str, Any]:
    """Run the blocks of a file; returns their namespace."""
    names: dict[str, Any] = {"__name__": name}
    for block in blocks(text):
        if re.search(r"^>>>", block.text, re.MULTILINE):
            converse(block, name, names)
        else:
            exec(compile("\n" * block.line + block.text, name, "exec", dont_inherit=True), names)
    return names


def converse(block: Block, name: str, names: dict[str, Any]) -> None:
    """Run a session and compare what it shows."""
    session = doctest.DocTestParser().get_doctest(block.text, names, name, name, block.line)
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    runner.run(session, out=said.append, clear_globs=False)
    assert not runner.failures, "".join(said)
    names.update(session.globs)  # doctest works on a copy


@pytest.mark.parametrize("file", [README, *CHAPTERS], ids=lambda file: file.name)
def test_every_block_runs(file: Path) -> None:
    wg.manual_seed(0)
    run(file.read_text(), file.name)


def test_the_chapter_from_nothing_is_there_and_short() -> None:
    text = FROM_NOTHING.read_text()
    assert len(text.splitlines()) < BELOW_THIS_MANY_LINES
    assert len(list(blocks(text))) > 10
    own, _, last_section = text.partition("## 7.")
    assert "import wengert" not in own
    assert "import wengert" in last_section


def test_every_fence_is_closed_and_known() -> None:
    for file in [README, *CHAPTERS]:
        text = file.read_text()
        assert text.count("```python\n") == len(list(blocks(text))), file.name
        assert len(re.findall("^```", text, re.MULTILINE)) % 2 == 0, file.name


def test_what_the_chapters_point_to_exists() -> None:
    package_files = re.compile(r"`((?:base|core|ops|transforms|compiler|viz)/\w+\.py)`")
    for file in CHAPTERS:
        text = file.read_text()
        for target in LINK.findall(FENCE.sub("", text)):
            assert "://" in target or (file.parent / target).exists(), f"{file.name}: {target}"
        for path in package_files.findall(text):
            assert (ROOT / "wengert" / path).exists(), f"{file.name}: {path}"
    for path, name in re.findall(r"`((?:core|transforms)/\w+\.py)`: ([^|]+) \|", FROM_NOTHING.read_text()):
        source = (ROOT / "wengert" / path).read_text()
        for word in re.findall(r"`(\w+)", name):
            assert re.search(rf"^(class|def) {word}\b", source, re.MULTILINE), f"{path} has no {word}"


def test_a_wrong_chapter_is_noticed() -> None:
    with pytest.raises(AssertionError, match=r"Expected:\s+5\s+Got:\s+4"):
        run("```python\n>>> 2 + 2\n5\n```\n", "planted.md")
    with pytest.raises(AssertionError):
        run("```python\na = 1\n```\n\n```python\nassert a == 2\n```\n", "planted.md")
    with pytest.raises(NameError):
        run("```python\nnever_defined\n```\n", "planted.md")


def test_blocks_share_their_names_and_know_their_lines() -> None:
    text = "A title\n\n```python\na = 1\n```\n\n```python\n>>> b = a + 1\n```\n\n```python\nc = a + b\nboom()\n```\n"
    with pytest.raises(NameError) as caught:
        run(text, "planted.md")
    assert caught.traceback[-1].lineno + 1 == text.splitlines().index("boom()") + 1
    assert run(text.replace("boom()", ""), "planted.md")["c"] == 3
