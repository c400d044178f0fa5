"""A drawing as SVG, written here: no Graphviz, no script, light and dark by the reader's setting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wengert.viz.escaping import escaped
from wengert.viz.lines import Account
from wengert.viz.sketch import LINE_HEIGHT, Arrow, Box, Frame, Sketch, sketch

MARGIN, TITLE = 24.0, 40.0
_TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" '
    'markerUnits="userSpaceOnUse" orient="auto"><path class="tip" d="M0 0.5 8 4 0 7.5z"/></marker></defs>'
)
STYLE = """
.paper{fill:#fff}text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#1c2030}
.head{font:600 15px system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
.title{font-weight:600}.value{fill:#1d5fd1}.adjoint{fill:#b3470b}
.box{fill:#fff;stroke:#b9c0cf;stroke-width:1.2}.input .box{fill:#e8f0fe;stroke:#7ea6ea}
.parameter .box{fill:#e6f5ec;stroke:#6bb58a}.constant .box{fill:#f6f3ea;stroke:#c9bd97;stroke-dasharray:4 3}
.result .box{stroke:#1c2030;stroke-width:2}.group .box{fill:#f1eefb;stroke:#a596d8}
.bad .box{fill:#fdeaea;stroke:#d02c2c;stroke-width:2}
.frame{fill:#7f8aa3;fill-opacity:.06;stroke:#b9c0cf;stroke-dasharray:2 3}.frame-title{fill:#5b6478}
.arrow{fill:none;stroke:#8d96a8;stroke-width:1.4}.tip{fill:#8d96a8}.local{fill:#5b6478;font-size:11px}
.halo{stroke:#fff;stroke-width:4;paint-order:stroke;stroke-linejoin:round}
@media (prefers-color-scheme:dark){
.paper{fill:#12151d}text{fill:#e7eaf2}.value{fill:#8db6ff}.adjoint{fill:#ffa66b}
.box{fill:#1b2030;stroke:#47506a}.input .box{fill:#172743;stroke:#3f6db8}.parameter .box{fill:#15301f;stroke:#3c8a5c}
.constant .box{fill:#2a261a;stroke:#7d7250}.result .box{stroke:#e7eaf2}.group .box{fill:#251f3b;stroke:#7867b8}
.bad .box{fill:#3d1719;stroke:#ff6b6b}.frame-title,.local{fill:#98a2b8}.arrow{stroke:#6b7590}.tip{fill:#6b7590}
.halo{stroke:#12151d}}
""".replace("\n", "")


def svg(e: Account, digits: int = 7) -> str:
    """The whole drawing."""
    drawn = sketch(e, digits)
    width = max(drawn.width, len(e.title) * 9.0) + 2 * MARGIN
    height = drawn.height + 2 * MARGIN + TITLE
    left = (width - drawn.width) / 2
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(width)} {_n(height)}" width="{_n(width)}" '
        f'height="{_n(height)}" role="img" aria-label="{escaped(e.title)}: {len(e.lines)} lines">'
    )
    body = [
        f"<title>{escaped(e.title)}</title><style>{STYLE}</style>",
        _TIP,
        f'<rect class="paper" width="{_n(width)}" height="{_n(height)}"/>',
        f'<text class="head" x="{_n(width / 2)}" y="{_n(MARGIN + 8)}" text-anchor="middle">{escaped(e.title)}</text>',
        f'<g transform="translate({_n(left)} {_n(MARGIN + TITLE)})">',
        *_body(drawn),
        "</g></svg>",
    ]
    return "\n".join([head, *body]) + "\n"


def _body(drawn: Sketch) -> Iterator[str]:
    yield from map(_frame, drawn.frames)
    yield from map(_arrow, drawn.arrows)
    yield from map(_box, drawn.boxes)
    yield from (_derivative(arrow) for arrow in drawn.arrows if arrow.words)


def _n(x: float) -> str:
    return f"{x:.1f}".rstrip("0").rstrip(".")


def _frame(frame: Frame) -> str:
    return (
        f'<rect class="frame" x="{_n(frame.left)}" y="{_n(frame.top)}" width="{_n(frame.width)}" '
        f'height="{_n(frame.height)}" rx="12"/>'
        f'<text class="frame-title" x="{_n(frame.left + 14)}" y="{_n(frame.top + 22)}">{escaped(frame.title)}</text>'
    )


def path(points: Sequence[tuple[float, float]]) -> str:
    """A curve through points that leaves and arrives straight up and down."""
    words = [f"M{_n(points[0][0])} {_n(points[0][1])}"]
    for (x, y), (u, v) in zip(points, points[1:], strict=False):
        bend = (v - y) / 2
        words.append(f"C{_n(x)} {_n(y + bend)} {_n(u)} {_n(v - bend)} {_n(u)} {_n(v)}")
    return "".join(words)


def _arrow(arrow: Arrow) -> str:
    return f'<path class="arrow" marker-end="url(#tip)" d="{path(arrow.points)}"/>'


def _derivative(arrow: Arrow) -> str:
    (x, y), (u, v) = arrow.points[-2:]
    return (
        f'<text class="local halo" x="{_n((x + u) / 2)}" y="{_n((y + v) / 2 + 4)}" text-anchor="middle">'
        f"{escaped(arrow.words)}</text>"
    )


def _box(box: Box) -> str:
    rows = []
    for number, text in enumerate(box.rows):
        kind = ("title", "value", "adjoint")[min(number, 2)]
        x, y = box.left + 13, box.top + 21 + number * LINE_HEIGHT
        rows.append(f'<text class="{kind}" x="{_n(x)}" y="{_n(y)}">{escaped(text)}</text>')
    classes = f"{box.look} bad" if box.bad else box.look
    return (
        f'<g class="{classes}"><rect class="box" x="{_n(box.left)}" y="{_n(box.top)}" width="{_n(box.width)}" '
        f'height="{_n(box.height)}" rx="8"/>{"".join(rows)}</g>'
    )


__all__ = ["svg"]
