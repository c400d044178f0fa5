"""Every Python block of the documentation and of the README runs, and shows what the text says it shows.

The blocks of a file run in order, in one namespace, as the site runs them (`docs/tools/blocks.py`). The chapter from
nothing must stay shorter than 300 lines; therefore its blocks are set tight and not formatted.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import wengert as wg
from docs.tools.blocks import FENCE, Block, blocks, run

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
CHAPTERS = sorted(DOCS.rglob("*.md"))
COURSE = sorted(p for p in (DOCS / "course").glob("*.md") if p.name != "index.md")
FROM_NOTHING = DOCS / "wengert_list_from_nothing.md"
README = ROOT / "README.md"
BELOW_THIS_MANY_LINES = 300
GOLDENS = {g["id"]: g for g in json.loads((ROOT / "tests" / "lectures" / "goldens.json").read_text())}
# Settings that come without a worked example: the lectures only name them.
NO_GOLDEN = {"autoencoders", "recurrent"}


def figures(names: dict[str, Any]) -> int:
    """How many pictures a block has made; they are closed."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    count = len(pyplot.get_fignums()) if pyplot else 0
    if pyplot:
        pyplot.close("all")
    return count + isinstance(names.pop("drawing", None), wg.viz.Explanation)


@pytest.mark.parametrize("file", [README, *CHAPTERS], ids=lambda file: file.stem)
def test_every_block_runs(file: Path) -> None:
    wg.manual_seed(0)
    seen: list[int] = []

    def look(block: Block, names: dict[str, Any]) -> None:
        kept = names.get("drawing")
        seen.append(figures(names))
        if kept is not None:
            names["drawing_before"] = kept

    run(file.read_text(), file.name, look)
    if file in COURSE:
        assert sum(seen), f"{file.name} shows no picture"


def test_the_readme_is_one_screen_with_all_its_parts() -> None:
    text = README.read_text()
    assert len(text.splitlines()) <= 90
    assert text.count("```python\n") == 3  # a program for each of the three users
    for part in ("make demo", "make test", "docs/assets/explorer.png", "| Wengert |", "### Limits", "To cite"):
        assert part in text, part


# ----- the chapter that rebuilds the core ---------------------------------------------------------
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
        for path in package_files.findall(file.read_text()):
            assert (ROOT / "wengert" / path).exists(), f"{file.name}: {path}"
    for path, name in re.findall(r"`((?:core|transforms)/\w+\.py)`: ([^|]+) \|", FROM_NOTHING.read_text()):
        source = (ROOT / "wengert" / path).read_text()
        for word in re.findall(r"`(\w+)", name):
            assert re.search(rf"^(class|def) {word}\b", source, re.MULTILINE), f"{path} has no {word}"


# ----- the course -----------------------------------------------------------------------------------
def numbers(value: Any) -> list[float]:
    """All numbers in a worked example (some are only about truth values, or about names)."""
    if isinstance(value, dict):
        return [n for v in value.values() for n in numbers(v)]
    if isinstance(value, list):
        return [n for v in value for n in numbers(v)]
    return [float(value)] if isinstance(value, int | float) and not isinstance(value, bool) else []


def shown(text: str) -> list[str]:
    """The numbers in the answers of a page's sessions."""
    answers = [line for b in blocks(text) for line in b.text.splitlines() if not line.startswith((">>>", "..."))]
    return re.findall(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?", "\n".join(answers))


def agrees(word: str, number: float) -> bool:
    """Whether a printed number is this one, to the digits that are printed."""
    if "e" in word:
        return float(word) == number or f"{number:.0e}" == word
    digits = len(word.partition(".")[2])
    return abs(float(word) - number) <= 0.51 * 10.0**-digits


@pytest.mark.parametrize("file", COURSE, ids=lambda file: file.stem)
def test_a_page_of_the_course_has_its_parts(file: Path) -> None:
    text = file.read_text()
    assert text.count("\n> **Pitfall.**") == 1
    assert text.count("\n## Exercise\n") == 1
    answer = text.partition("<summary>Answer</summary>")[2].partition("</details>")[0]
    assert any(block.session for block in blocks(answer)), "the answer is not checked"
    named = re.findall(r"\bG\d\d\b", text.partition("Worked examples behind this page:")[2])
    assert bool(named) != (file.stem in NO_GOLDEN)
    words = shown(text)
    for name in named:
        wanted = numbers(GOLDENS[name]["expected"]) if name in GOLDENS else []
        found = [n for n in wanted if any(agrees(word, n) for word in words)]
        assert found or not wanted, f"no number of {name} is shown"


def test_a_number_agrees_to_its_digits() -> None:
    assert agrees("7.39", 7.38905609893065)
    assert agrees("-0.4162", -0.41615) and agrees("-0.4161", -0.41615)
    assert agrees("21891", 21891.0)
    assert not agrees("7.40", 7.38905609893065)
    assert agrees("1e-08", 1e-8)
    assert not agrees("1e-05", 1e-8)


# ----- the runner notices --------------------------------------------------------------------------
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
    ends: list[str] = []
    run(text.replace("boom()", ""), "planted.md", lambda block, names: ends.append(text[: block.end][-3:]))
    assert ends[:2] == ["```", "```"]


def test_sessions_are_told_from_programs() -> None:
    found = list(blocks("```python\n>>> 1\n1\n```\ntext\n```python\nx = 1\n```\n"))
    assert [b.session for b in found] == [True, False]
    assert FENCE.findall("```\nno python\n```\n") == []
