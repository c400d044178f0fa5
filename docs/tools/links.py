"""Check a finished site: every link leads to a file and a place in it, and nothing is loaded from elsewhere.

    python docs/tools/links.py build/site

Links to other hosts are counted, not followed.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADS = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src", "video": "src"}


class Page(HTMLParser):
    """What a page links to, what it loads, and the places in it that can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[n] for n in ("id", "name") if n in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag in LOADS and LOADS[tag] in given and given.get("rel") not in ("canonical", "prev", "next"):
            self.loads.append(given[LOADS[tag]])


def faults(folder: Path) -> tuple[list[str], int]:
    """What is wrong with a site, and how many links were looked at."""
    pages = {p.resolve(): Page(p.read_text(encoding="utf-8")) for p in sorted(folder.rglob("*.html"))}
    found, count = [], 0
    for path, page in pages.items():
        name = path.relative_to(folder.resolve())
        found += [f"{name} loads {x} from elsewhere" for x in page.loads if urlsplit(x).scheme in ("http", "https")]
        if name.name == "404.html":  # it does not know where it will stand
            continue
        for link in page.links:
            count += 1
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target = target / "index.html"
            if not target.exists():
                found.append(f"{name} links to {link}, which is not there")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].places:
                found.append(f"{name} links to {link}, a place that is not there")
    return found, count


if __name__ == "__main__":
    wrong, looked_at = faults(Path(sys.argv[1]))
    sys.stdout.write("\n".join([*wrong, f"{looked_at:,} links, {len(wrong)} faults"]) + "\n")
    sys.exit(bool(wrong))
