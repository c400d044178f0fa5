"""The report of a training on a table: one HTML page that needs nothing from elsewhere and runs nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from wengert.base.files import write_atomically
from wengert.train.drawings import curves, points
from wengert.train.history import History
from wengert.train.table_model import Evaluation, TableModel
from wengert.train.table_training import TableTraining
from wengert.train.weights import Source

MOST_POINTS, MOST_CLASSES, MOST_COLUMNS = 1000, 40, 500
SHARES = {"accuracy", "precision", "recall", "f1"}

STYLE = """
:root { color-scheme: light dark; --ink: #1d2530; --paper: #fff; --soft: #667; --line: #d5dae2; --good: 58 140 90;
  --bad: 200 80 60 }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --paper: #14181f; --soft: #9aa5b4; --line: #333c49 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 980px;
  margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; overflow-wrap: anywhere } h2 { font-size: 1.1rem; margin-top: 2rem }
p.lead { color: var(--soft) } strong { color: var(--ink) }
.wide { overflow-x: auto }
table { border-collapse: collapse; margin-bottom: .8rem; font-variant-numeric: tabular-nums }
caption { text-align: left; color: var(--soft) }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: right; overflow-wrap: break-word }
td { max-width: 30rem }
th:first-child, td.text, th.text { text-align: left }
svg { max-width: 100%; height: auto; margin: .3rem .6rem .3rem 0 }
svg text { font: 12px system-ui, sans-serif; fill: var(--soft) } svg text.title { fill: var(--ink); font-weight: 600 }
svg .grid { stroke: var(--line); stroke-width: .7 } svg .best { stroke: var(--soft); stroke-dasharray: 4 4 }
"""


def report_page(training: TableTraining, title: str) -> str:
    """The page as text: what was learned, how good it is, the curves, the columns, the settings."""
    model, history = training.model, training.history
    parts = [
        f"<h1>{escape(title)}</h1>", f'<p class="lead">{_lead(training)}</p>',
        "<h2>On the held-out test part</h2>", metrics_table(training.test), _details(model, training.test),
        "<h2>The training</h2>", *_curves(history), "<h2>The data</h2>", _notes(training.notes), _columns(training),
        "<h2>The settings</h2>", _table(("setting", "value"), _settings(training), texts=2),
    ]  # fmt: skip
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def write_report(training: TableTraining, path: Source, title: str) -> Path:
    """Write `report_page` to a file, atomically."""
    return write_atomically(path, report_page(training, title).encode())


def figure(name: str, value: float | None) -> str:
    """A metric as text; shares in per cent."""
    if value is None:
        return ""
    return f"{value:.2%}" if name in SHARES else f"{value:.6g}"


def metrics_table(test: Evaluation) -> str:
    """The metrics beside those of the baseline, as HTML."""
    rows = [(name, figure(name, value), figure(name, test.baseline.get(name))) for name, value in test.metrics.items()]
    return _table(("metric", "model", f"always {test.usual}"), rows, texts=1)


def _lead(training: TableTraining) -> str:
    model, test = training.model, training.test
    train, valid, rows = training.rows
    name = escape(model.target.name)
    if model.target.task == "classification":
        right = int(np.trace(test.confusion))
        result = f"<strong>{test.metrics['accuracy']:.2%}</strong> of the test rows are right ({right} of {rows})"
    else:
        result = f"the mean error on the test rows is <strong>{test.metrics['mean absolute error']:.6g}</strong>"
    return (
        f"Predicts <strong>{name}</strong> ({model.target.task}); {result}. {train} rows for training, {valid} for "
        f"validation, {rows} for the test. Training ended {escape(training.history.stopped)} and took "
        f"{training.seconds:.1f} s; the weights are those of epoch {training.history.best_epoch}."
    )


def _details(model: TableModel, test: Evaluation) -> str:
    if model.target.task == "regression":
        step = max(1, -(-len(test.truth) // MOST_POINTS))
        title = f"{model.target.name}: prediction over truth"
        return points(title, test.truth[::step].tolist(), test.found[::step].tolist())
    names = model.target.classes
    rows = [
        (name, int(test.confusion[k].sum()), *(figure("recall", float(part[k])) for part in test.by_class))
        for k, name in enumerate(names)
    ]
    return _table(("class", "rows", "precision", "recall", "F1"), rows, texts=1) + confusion_html(test.confusion, names)


def confusion_html(table: Any, names: Sequence[str]) -> str:
    """Rows are true classes, columns predictions; the deeper the colour, the greater the share of the row."""
    if len(names) > MOST_CLASSES:
        return f"<p>{len(names)} classes are too many for a table of confusions.</p>"
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    rows = []
    for i, name in enumerate(names):
        total = max(int(table[i].sum()), 1)
        cells = "".join(
            f'<td style="background: rgb(var(--{"good" if i == j else "bad"}) / {0.75 * n / total:.2f})">{n or ""}</td>'
            for j, n in enumerate(table[i].tolist())
        )
        rows.append(f'<tr><th class="text">{escape(name)}</th>{cells}</tr>')
    return (
        '<h2>Confusions</h2><div class="wide"><table><caption>rows: truth, columns: prediction</caption>'
        f"<tr><th></th>{head}</tr>{''.join(rows)}</table></div>"
    )


def _curves(history: History) -> list[str]:
    names = [n.removeprefix("train_") for n in history.columns if n.startswith("train_")]
    made = []
    for name in names:
        lines = {part: history[f"{part}_{name}"] for part in ("train", "validation") if
                 f"{part}_{name}" in history.columns}  # fmt: skip
        made.append(curves(name, history["epoch"], lines, history.best_epoch))
    return made


def _columns(training: TableTraining) -> str:
    shown = training.columns[:MOST_COLUMNS]
    rest = len(training.columns) - len(shown)
    table = _table(("column", "kind", "content", "role"), [tuple(row) for row in shown], texts=4)
    return table + (f"<p>and {rest} more columns</p>" if rest else "")


def _settings(training: TableTraining) -> list[tuple[str, str]]:
    return [(name, ", ".join(map(str, v)) if isinstance(v, tuple) else str(v))
            for name, v in training.settings._asdict().items()]  # fmt: skip


def _notes(notes: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(note)}</li>" for note in notes) + "</ul>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]], texts: int) -> str:
    """A table whose first `texts` columns are texts, the others numbers."""

    def cells(row: Sequence[Any], tag: str) -> str:
        kinds = [' class="text"'] * texts + [""] * (len(row) - texts)
        return "".join(f"<{tag}{kind}>{escape(str(cell))}</{tag}>" for kind, cell in zip(kinds, row, strict=True))

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{cells(heads, "th")}</tr>{body}</table></div>'


__all__ = ["report_page", "write_report"]
