"""What MkDocs calls while it makes the site: runs the blocks, shows their figures, adds the reference, sets formulas.

A page's blocks run as they do in the tests; a figure that a block draws stands below it. Formulas become MathML, which
browsers draw by themselves: nothing is loaded from anywhere.
"""

from __future__ import annotations

import base64
import html
import io
import os
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ["MPLBACKEND"] = "agg"

import matplotlib.pyplot as plt  # noqa: E402
from latex2mathml.converter import convert  # noqa: E402
from mkdocs.structure.files import File, Files  # noqa: E402

import wengert as wg  # noqa: E402
from docs.tools import reference  # noqa: E402
from docs.tools.blocks import FENCE, PROMPT, Block, run  # noqa: E402
from wengert.plot.axes import COLOURS, INK  # noqa: E402

RESULTS = ROOT / "benchmarks" / "RESULTS.md"  # written by `make bench`, where it was run
EXPLORERS: dict[str, str] = {}  # the pages of wg.explain that are linked to, by their path in the site
TITLES: dict[str, str] = {}  # of the pages of the course
FIRST: dict[str, str] = {}  # and their first pictures
MOST_SVG = 200_000  # characters; a larger drawing is a picture of points
plt.rcParams.update({
    "svg.hashsalt": "wengert", "figure.dpi": 100, "font.size": 10, "axes.spines.top": False, "axes.spines.right": False,
    "axes.prop_cycle": plt.cycler(color=COLOURS), "axes.titlesize": "medium", "axes.titlecolor": INK,
})  # fmt: skip


def on_files(files: Files, config: Any) -> Files:
    """The generated pages: the reference, and what other files of the project say."""
    for name, text in reference.pages().items():
        files.append(File.generated(config, f"reference/{name}", content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The text with the figures its blocks draw, and sessions marked as such."""
    if "<!-- results -->" in markdown and RESULTS.exists():
        markdown = markdown.replace("<!-- results -->", reference.results(RESULTS.read_text(encoding="utf-8")))
    if not page.file.src_uri.startswith("reference/"):
        markdown = with_figures(markdown, page.file.src_uri)
    return FENCE.sub(lambda m: _session(m[1]) if PROMPT.search(m[1]) else m[0], markdown)


def _session(text: str) -> str:
    """A session as a reader wants it: an empty line is empty."""
    return f"```pycon\n{text.replace('<BLANKLINE>', '')}```"


def on_page_content(content: str, **_: Any) -> str:
    """Formulas as MathML; a pitfall in its own colour; wide tables may be scrolled."""
    content = re.sub(r'<(span|div) class="arithmatex">(.*?)</\1>', _formula, content, flags=re.DOTALL)
    return re.sub(r"<blockquote>\s*<p><strong>Pitfall", '<blockquote class="pitfall"><p><strong>Pitfall', content)


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """The course's front page shows the first picture of each of its pages."""
    cards = "".join(
        f'<a href="{Path(name).name.replace(".md", ".html")}">{FIRST[name]}<span>{html.escape(TITLES[name])}</span></a>'
        for name in sorted(FIRST, key=lambda name: page.file.page.markdown.find(f"({Path(name).name})"))
    )
    return output.replace("<!-- gallery -->", f'<div class="gallery">{cards}</div>')


def on_post_build(config: Any, **_: Any) -> None:
    """The explorers of the lists that pages show."""
    for path, text in EXPLORERS.items():
        target = Path(config.site_dir, path)
        target.parent.mkdir(exist_ok=True)
        target.write_text(text, encoding="utf-8")


def _formula(found: re.Match[str]) -> str:
    display = "block" if found[1] == "div" else "inline"
    text = html.unescape(found[2]).strip()
    return str(convert(re.sub(r"^\\[(\[]|\\[)\]]$", "", text), display=display))


def with_figures(text: str, name: str) -> str:
    """Run the blocks of a page; below each stands what it drew."""
    wg.manual_seed(0)
    shown: list[tuple[int, str]] = []
    if name.startswith("course/"):
        TITLES[name] = text.partition("\n")[0].lstrip("# ")

    def collect(block: Block, names: dict[str, Any]) -> None:
        numbers = plt.get_fignums()
        shown.extend((block.end, _figure(plt.figure(number))) for number in numbers)
        if numbers and name in TITLES and name not in FIRST:
            FIRST[name] = _thumbnail(plt.figure(numbers[0]))
        plt.close("all")
        if isinstance(names.get("drawing"), wg.viz.Explanation):
            if name in TITLES and name not in FIRST:
                FIRST[name] = _image("svg+xml", names["drawing"].to_svg().encode(), "")
            shown.append((block.end, _drawing(names.pop("drawing"), name)))

    run(text, name, collect)
    for end, figure in reversed(shown):
        text = f"{text[:end]}\n\n{figure}\n{text[end:]}"
    return text


def _drawing(e: Any, name: str) -> str:
    """The drawing of a list, and a link to its explorer."""
    path = f"explorer/{Path(name).stem}-{len(EXPLORERS) + 1}.html"
    EXPLORERS[path] = e.to_html()
    up = "../" * name.count("/")
    words = f"The list of {html.escape(e.title)} with values, local derivatives and adjoints"
    return (
        f'<figure class="plot">{_image("svg+xml", e.to_svg().encode(), words)}'
        f'<figcaption><a href="{up}{path}">Play it forward and backward</a></figcaption></figure>'
    )


def _figure(figure: Any) -> str:
    words = "; ".join(filter(None, (ax.get_title() for ax in figure.axes))) or "figure"
    content = io.BytesIO()
    figure.savefig(content, format="svg", metadata={"Date": None})
    kind = "svg+xml"
    if len(content.getvalue()) > MOST_SVG:
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=170)
        kind = "png"
    width = f'width="{round(figure.get_figwidth() * 100)}"'
    return f'<figure class="plot">{_image(kind, content.getvalue(), words, width)}</figure>'


def _thumbnail(figure: Any) -> str:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=64)
    return _image("png", content.getvalue(), "")


def _image(kind: str, content: bytes, words: str, options: str = "") -> str:
    """A picture inside the page."""
    data = base64.b64encode(content).decode()
    alt = html.escape(words, quote=True)
    return f'<img alt="{alt}" {options} loading="lazy" src="data:image/{kind};base64,{data}">'
