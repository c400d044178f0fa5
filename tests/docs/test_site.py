"""The site: every page is in its menu, every link leads somewhere, every public name is in the reference."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

import wengert as wg
from docs.tools import links, reference
from docs.tools.blocks import FENCE

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
MENU = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
SOURCES = {p.relative_to(DOCS).as_posix(): p.read_text() for p in sorted(DOCS.rglob("*.md")) if p.name != "README.md"}
REFERENCE = {f"reference/{name}": text for name, text in reference.pages().items()}
PAGES = SOURCES | REFERENCE


NO_LINKS = re.compile(r"\$[^$]+\$|^```.*?^```|(?<!\[)`[^`\n]+`(?!\])", re.MULTILINE | re.DOTALL)  # formulas and code


def slug(heading: str) -> str:
    """The place a heading makes, as the site names it."""
    explicit = re.search(r"\{ #(\S+) \}$", heading)
    words = re.sub(r"[^\w\s-]", "", heading.replace("`", "").lower()).strip()
    return explicit[1] if explicit else re.sub(r"[-\s]+", "-", words)


def places(text: str) -> set[str]:
    found = {slug(h) for h in re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)}
    return found | set(re.findall(r'<span id="([^"]+)"', text))


def wrong_links(pages: dict[str, str]) -> list[str]:
    """Links of Markdown pages to a page, file or place that is not there."""
    found = []
    for name, text in pages.items():
        for link in re.findall(r"(?<!\!)\]\(([^)\s]+)\)", NO_LINKS.sub("", FENCE.sub("", text))):
            if "://" in link:
                continue
            path, _, place = link.partition("#")
            target = (Path("/") / Path(name).parent / path).resolve().relative_to("/").as_posix() if path else name
            if target not in pages and not (DOCS / target).is_file():
                found.append(f"{name}: {link}")
            elif place and place not in places(pages[target]):
                found.append(f"{name}: {link}, no such place")
    return found


def test_every_page_is_in_the_menu_once() -> None:
    listed = re.findall(r"[\w/-]+\.md", MENU)
    assert sorted(listed) == sorted(PAGES), set(listed) ^ set(PAGES)
    assert [p for p in listed if p.startswith("course/")][1:] == [
        f"course/{name}" for name in re.findall(r"\]\((\w+\.md)\)", SOURCES["course/index.md"])
    ]


def test_every_link_leads_somewhere() -> None:
    assert len(re.findall(r"\]\(", "".join(SOURCES.values()))) > 60
    assert wrong_links(PAGES) == []


def test_links_of_the_index_for_readers_of_the_folder() -> None:
    for file in (DOCS / "README.md", ROOT / "README.md"):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", FENCE.sub("", file.read_text())):
            assert "://" in target or (file.parent / target).exists(), f"{file.name}: {target}"


def test_a_wrong_link_is_noticed() -> None:
    pages = {"a.md": "# One\n[x](b.md#two-words) [y](b.md#three) [z](c.md)", "b.md": "## Two words\n"}
    assert wrong_links(pages) == ["a.md: b.md#three, no such place", "a.md: c.md"]


def test_the_house_is_drawn_with_all_its_floors() -> None:
    laws = (ROOT / "tests" / "laws" / "test_floors.py").read_text()
    floors = dict(re.findall(r'^    "(\w+)": (\d)[\d.]*,', laws, re.MULTILINE))
    drawn = re.findall(r">(\d)  ([\w· ]+)</text>", (DOCS / "assets" / "house.svg").read_text())
    found = {name: number for number, names in drawn for name in names.split(" · ")}
    folders = {p.name for p in (ROOT / "wengert").iterdir() if (p / "__init__.py").exists()}
    assert found == {name: floors[name] for name in folders}, "draw the new folder in docs/assets/house.svg"


# ----- the reference ---------------------------------------------------------------------------------
@pytest.mark.parametrize(("page", "namespace"), [n[:2] for n in reference.NAMESPACES], ids=lambda n: str(n)[:20])
def test_every_public_name_is_in_the_reference(page: str, namespace: ModuleType) -> None:
    text = REFERENCE[f"reference/{page}.md"]
    there = places(text) | set(re.findall(r"^\| \[?`(\w+)`", text, re.MULTILINE))
    missing = [name for name in reference.public(namespace) if name not in there]
    assert not missing, missing
    assert len(list(reference.public(namespace))) == len(set(reference.public(namespace)))


def test_the_reference_is_whole() -> None:
    count = sum(len(reference.entries(namespace)) for _, namespace, _ in reference.NAMESPACES)
    assert count > 1000
    assert f"{count:,} names" in REFERENCE["reference/index.md"]
    modules = {n for n in dir(wg) if isinstance(getattr(wg, n), ModuleType)}
    assert modules <= {page for page, *_ in reference.NAMESPACES}, "a namespace without a page"


def test_an_entry_is_signature_text_and_example() -> None:
    text = REFERENCE["reference/wg.md"]
    entry = text[text.index("### `hvp` { #hvp }") :].partition("\n### ")[0]
    assert "```python\nwg.hvp(f, primals, tangents)\n```" in entry
    assert "```pycon\n>>> " in entry
    assert " ".join(inspect.cleandoc(wg.hvp.__doc__ or "").split("\n")[0].split()[:2]) in entry
    assert "The same as [`arccos`](#arccos)." in text


def test_docstrings_become_markdown() -> None:
    doc = "Sums ``a * b`` of `x` in *one* <go>.\n\n    table\n    of two\n\n>>> 1\n1\n"
    assert reference.markdown(doc).split("\n\n") == [
        r"Sums `a * b` of `x` in \*one\* \<go>.", "```text\n    table\n    of two\n```", "```pycon\n>>> 1\n1\n```",
    ]  # fmt: skip


def test_measured_tables_become_a_part_of_a_page() -> None:
    text = (
        "# Results\n![a](b.png)\n\n[here](../x.md) and [there](https://example.org)\n```python\n# code\n```\n## Two\n"
    )
    assert reference.results(text) == (
        "## Results\nhere and [there](https://example.org)\n```text\n# code\n```\n### Two\n"
    )


# ----- the check of the finished site ------------------------------------------------------------------
def test_the_check_of_a_site_finds_its_faults(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<h1 id="top"></h1><a href="b.html#x">1</a><a href="#top">2</a><a href="c.html">3</a>'
    )
    (tmp_path / "b.html").write_text(
        '<a href="a.html#nowhere">4</a><a href="https://example.org/">5</a><script src="https://example.org/x.js"></script>'
    )
    found, count = links.faults(tmp_path)
    assert count == 5
    assert found == [
        "a.html links to b.html#x, a place that is not there",
        "a.html links to c.html, which is not there",
        "b.html loads https://example.org/x.js from elsewhere",
        "b.html links to a.html#nowhere, a place that is not there",
    ]
