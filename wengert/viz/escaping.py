"""The one place where text becomes part of a page: whatever a name or a value holds, it stays text."""

from __future__ import annotations

import html
import json
from typing import Any


def clean(text: str) -> str:
    """Without control characters and the like, which no document shows."""
    return "".join(c if c.isprintable() else "?" for c in text)


def escaped(text: Any) -> str:
    """Text for HTML and SVG, between tags and inside of quoted attributes."""
    return html.escape(clean(str(text)), quote=True)


def attribute(document: str) -> str:
    """A whole document as the value of an attribute, every character of it kept: hashes in it must stay true."""
    return html.escape(document, quote=True)


def embedded(data: Any) -> str:
    """Data as JSON inside a ``<script type="application/json">``: no character ends the element or the line."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


__all__ = ["attribute", "clean", "embedded", "escaped"]
