"""The reference: a page for each namespace, made of the docstrings of every public name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

import wengert as wg

# The pages: file name, namespace, how its names begin.
NAMESPACES: tuple[tuple[str, ModuleType, str], ...] = (
    ("wg", wg, "wg"), ("linalg", wg.linalg, "wg.linalg"), ("fft", wg.fft, "wg.fft"), ("random", wg.random, "wg.random"),
    ("nn", wg.nn, "wg.nn"), ("functional", wg.nn.functional, "wg.nn.functional"), ("init", wg.nn.init, "wg.nn.init"),
    ("optim", wg.optim, "wg.optim"), ("data", wg.data, "wg.data"), ("train", wg.train, "wg.train"),
    ("viz", wg.viz, "wg.viz"), ("plot", wg.plot, "wg.plot"), ("testing", wg.testing, "wg.testing"),
    ("autograd", wg.autograd, "wg.autograd"), ("errors", wg.errors, "wg.errors"), ("numpy", wg.numpy, "wg.numpy"),
)  # fmt: skip
SUBMODULES = {id(namespace): page for page, namespace, _ in NAMESPACES}


class Entry(NamedTuple):
    """A public name: where it stands, and the text below its heading."""

    name: str
    value: Any
    chapter: str


def public(namespace: ModuleType) -> Iterator[str]:
    """The public names of a namespace; those of the top are more than its ``__all__``, which spares the builtins."""
    names = dir(wg) if namespace is wg else getattr(namespace, "__all__", dir(namespace))
    return (n for n in sorted(names, key=str.lower) if not n.startswith("_") and n != "annotations")


def entries(namespace: ModuleType) -> list[Entry]:
    """Every public name, with the chapter (the module) that defines it."""
    found = []
    for name in public(namespace):
        value = getattr(namespace, name)
        where = getattr(value, "__module__", None) or ""
        chapter = where.rpartition(".")[2].replace("_", " ") if callable(value) and where.startswith("wengert") else ""
        if isinstance(value, ModuleType):
            chapter = "namespaces"
        found.append(Entry(name, value, chapter or "constants and types"))
    return found


def pages() -> dict[str, str]:
    """The Markdown of every page of the reference, by its file name."""
    made = {f"{page}.md": _page(page, namespace, prefix) for page, namespace, prefix in NAMESPACES}
    return {"index.md": _index(), **made}


def _index() -> str:
    count = sum(len(entries(namespace)) for _, namespace, _ in NAMESPACES)
    rows = [
        f"| [`{prefix}`]({page}.md) | {_first(namespace)} | {len(entries(namespace))} |"
        for page, namespace, prefix in NAMESPACES
    ]
    head = "# Reference\n\nEvery public name: formula, shapes, errors, conventions; the examples run as tests."
    table = "| namespace | what it holds | names |\n|---|---|---:|\n" + "\n".join(rows)
    return f"{head} {count:,} names.\n\n{table}\n\nIn Python the same text is `help(wg.grad)`.\n"


def _first(value: Any) -> str:
    """The first sentence of a docstring, on one line, that may stand in a table."""
    text = prose(" ".join(inspect.cleandoc(value.__doc__ or "").split("\n\n")[0].split()))
    return text.replace("|", "&#124;")


def _page(page: str, namespace: ModuleType, prefix: str) -> str:
    parts = [f"# `{prefix}`", prose(inspect.cleandoc(namespace.__doc__ or "").split("\n\n")[0])]
    found = entries(namespace)
    if page == "numpy":
        return "\n\n".join([*parts, _compact(found)]) + "\n"
    for chapter in sorted({e.chapter for e in found}, key=lambda c: (c in ("namespaces", "constants and types"), c)):
        inside = [e for e in found if e.chapter == chapter]
        parts.append(f"## {chapter}")
        if chapter in ("namespaces", "constants and types"):
            parts.append(_compact(inside))
        else:
            parts.extend(_described(e, prefix, namespace) for e in inside)
    return "\n\n".join(parts) + "\n"


def _compact(inside: list[Entry]) -> str:
    """A table with one row a name."""
    rows = []
    for e in inside:
        page = SUBMODULES.get(id(e.value))
        own = getattr(wg, e.name, None) is e.value and callable(e.value)
        target = f"{page}.md" if page else f"wg.md#{e.name}" if own and e.chapter != "constants and types" else ""
        name = f"[`{e.name}`]({target})" if target else f'<span id="{e.name}"></span>`{e.name}`'
        is_value = not callable(e.value) and not isinstance(e.value, ModuleType)
        rows.append(f"| {name} | {f'`{_short(e.value)}`' if is_value else _first(e.value)} |")
    return "| name | what it is |\n|---|---|\n" + "\n".join(rows)


def _short(value: Any) -> str:
    text = f"{type(value).__name__} of {len(value)}" if isinstance(value, dict) else repr(value)
    return text.replace("|", "¦")[:60]


def _described(e: Entry, prefix: str, namespace: ModuleType) -> str:
    """Heading, signature and docstring of a function or class."""
    own = getattr(e.value, "__name__", e.name)
    lines = [f"### `{e.name}` {{ #{e.name} }}", f"```python\n{prefix}.{e.name}{signature(e.value)}\n```"]
    if own != e.name and getattr(namespace, own, None) is e.value and not isinstance(e.value, type):
        return "\n\n".join([*lines, f"The same as [`{own}`](#{own})."])
    lines.append(markdown(e.value.__doc__ or ""))
    if isinstance(e.value, type):
        rows = [f"| `{n}` | {_first(m)} |" for n, m in methods(e.value)]
        if rows:
            lines.append("| method | what it does |\n|---|---|\n" + "\n".join(rows))
    return "\n\n".join(lines)


def methods(kind: type) -> Iterator[tuple[str, Any]]:
    """The documented public methods and properties a class of ours defines itself."""
    for name, member in sorted(vars(kind).items()):
        function = getattr(member, "__func__", member)
        if not name.startswith("_") and (callable(function) or isinstance(member, property)) and function.__doc__:
            yield name, function


def signature(value: Any) -> str:
    """``(x, axis=None)``: without annotations, so that it is read at a glance."""
    try:
        found = inspect.signature(value)
    except (ValueError, TypeError):
        return "(…)"
    plain = [p.replace(annotation=p.empty) for p in found.parameters.values()]
    text = str(found.replace(parameters=plain, return_annotation=found.empty))
    return re.sub(r"<(?:function|class|object)[^>]*?([\w.]+)[^>]*>", r"\1", text)


def results(text: str) -> str:
    """Measured tables as a part of a page: headings one lower, no pictures, no links that lead out of the site."""
    parts = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
    for i in range(0, len(parts), 2):
        words = re.sub(r"!\[[^\]]*\]\([^)]+\)\n*", "", re.sub(r"^#", "##", parts[i], flags=re.MULTILINE))
        parts[i] = re.sub(r"\[([^\]]+)\]\((?!https?:)[^)]+\)", r"\1", words)
    return "".join(p.replace("```python", "```text") for p in parts)


# ----- docstrings as Markdown -------------------------------------------------------------------------
def markdown(doc: str) -> str:
    """Paragraphs, and the example as a session."""
    parts = []
    for paragraph in inspect.cleandoc(doc).split("\n\n"):
        if paragraph.lstrip().startswith(">>>"):
            parts.append(f"```pycon\n{inspect.cleandoc(paragraph)}\n```")
        elif paragraph.startswith("    "):
            parts.append(f"```text\n{paragraph}\n```")
        else:
            parts.append(prose(paragraph))
    return "\n\n".join(parts)


def prose(text: str) -> str:
    """Two backquotes and one are both code; whatever else Markdown would take for markup is escaped."""
    text = re.sub(r":\w+:`", "`", text)  # NumPy's own docstrings speak of :class:`float`
    pieces = re.split(r"(``.+?``|`[^`\n]+`)", text, flags=re.DOTALL)
    return "".join(_code(p) if p.startswith("`") else re.sub(r"([*_<\[\]])", r"\\\1", p) for p in pieces)


def _code(piece: str) -> str:
    return "`" + " ".join(piece.strip("`").split()) + "`"
