"""From a table and the name of a column to a trained and tested `TableModel`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert import nn, optim
from wengert.base.errors import ArgumentError
from wengert.data.batches import batches
from wengert.data.encoder import UNKNOWN, ColumnEncoder
from wengert.data.split import stratified_split
from wengert.data.table import Column, Table, describe, natural, nearest
from wengert.ops.generator import manual_seed
from wengert.train.history import History, Row
from wengert.train.loop import fit
from wengert.train.metrics import accuracy, r2
from wengert.train.progress import Reporter
from wengert.train.table_model import ACTIVATIONS, TASKS, Architecture, Evaluation, TableModel, Target

OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
    "adamw": optim.AdamW, "adam": optim.Adam, "sgd": optim.SGD, "adagrad": optim.Adagrad, "rmsprop": optim.RMSprop,
    "momentum": lambda params, lr: optim.SGD(params, lr, momentum=0.9, nesterov=True),
}  # fmt: skip
FEWEST_ROWS = 10
FEWEST_OF_A_CLASS = 3
# Whole numbers are classes where there are at most so many of them, each in so many rows on average.
MOST_NUMBERED_CLASSES, ROWS_OF_A_NUMBERED_CLASS = 20, 5
MOST_WEIGHTS = 2**28
Watching = tuple[Reporter, Sequence[Callable[[Row], Any]]]


class TableSettings(NamedTuple):
    """What a training on a table depends on; the same settings and rows give the same weights."""

    target: str
    task: str = "auto"
    hidden: tuple[int, ...] = (64, 32)
    activation: str = "relu"
    dropout: float = 0.0
    epochs: int = 200
    batch_size: int = 32
    lr: float = 0.002
    optimizer: str = "adamw"
    seed: int = 0
    validation: float = 0.15
    test: float = 0.2
    patience: int = 20
    exclude: tuple[str, ...] = ()
    most_categories: int = 50
    unknown: str = "zeros"
    compile: bool = True

    def check(self) -> None:
        """Raise `ArgumentError` naming the first setting that is out of its range."""
        tables = {"task": ("auto", *TASKS), "activation": tuple(ACTIVATIONS), "optimizer": tuple(OPTIMIZERS),
                  "unknown": UNKNOWN}  # fmt: skip
        for name, table in tables.items():
            if getattr(self, name) not in table:
                raise ArgumentError(f"{name}: got {getattr(self, name)!r}; needs one of {', '.join(table)}")
        ranges = {
            "hidden": (all(size > 0 for size in self.hidden), "sizes such as 64,32"),
            "dropout": (0 <= self.dropout < 1, "0 to below 1"),
            "epochs": (self.epochs >= 1, "at least 1"),
            "batch_size": (self.batch_size >= 1, "at least 1"),
            "lr": (0 < self.lr < math.inf, "a number above 0"),
            "seed": (self.seed >= 0, "at least 0"),
            "validation": (0 < self.validation < 1, "a fraction between 0 and 1"),
            "test": (0 < self.test < 1 - self.validation, "a fraction above 0; with validation below 1"),
            "patience": (self.patience >= 0, "at least 0 (0: never stop early)"),
            "most_categories": (self.most_categories >= 2, "at least 2"),
        }
        for name, (good, needed) in ranges.items():
            if not good:
                raise ArgumentError(f"{name}: got {getattr(self, name)!r}; needs {needed}")


class ColumnRow(NamedTuple):
    """What became of one column, for a summary."""

    name: str
    kind: str
    content: str
    role: str


class TableTraining(NamedTuple):
    """What `train_table` returns: the model, how the training went, and how good it is on the test part."""

    model: TableModel
    history: History
    test: Evaluation
    settings: TableSettings
    rows: tuple[int, int, int]
    columns: list[ColumnRow]
    notes: list[str]
    seconds: float


def train_table(
    table: Table, target: str, report: Reporter | None = None, say: Callable[[str], Any] | None = None,
    callbacks: Sequence[Callable[[Row], Any]] = (), **settings: Any,
) -> TableTraining:  # fmt: skip
    """Train a network that predicts the column `target` of a table from its other columns, and test it.

    The rows are cut into training, validation and test parts (classes in proportion). Columns are encoded by the
    training part only (`wg.data.ColumnEncoder`), rows without a target are left out, and the weights of the epoch with
    the least validation loss are kept. The task is classification for texts, booleans and few whole numbers, else
    regression; ``task=`` decides otherwise. Settings are those of `TableSettings`: hidden, epochs, lr, … `say` gets
    each remark on the data as it is made; they are in ``notes`` too. Each of `callbacks` gets the row of an epoch.

    >>> import wengert as wg
    >>> flowers = wg.data.iris()
    >>> columns = dict(zip(flowers.columns, flowers.features.T))
    >>> columns["species"] = [flowers.names[label] for label in flowers.labels]
    >>> made = wg.train.train_table(wg.data.table(columns), "species", epochs=60, hidden=(16,), lr=0.01)
    >>> made.test.metrics["accuracy"] > 0.9
    True
    >>> made.model.predict(wg.data.table({k: v[:2] for k, v in columns.items() if k != "species"})).values
    ['setosa', 'setosa']
    """
    unknown = next((name for name in settings if name not in TableSettings._fields), None)
    if unknown is not None:
        raise ArgumentError(f"train_table: {unknown!r} is no setting", hint=nearest(unknown, TableSettings._fields))
    chosen = TableSettings(target, **settings)
    chosen.check()
    notes: list[str] = []

    def remark(text: str) -> None:
        notes.append(text)
        if say is not None:
            say(text)

    for note in table.notes:
        remark(note)
    rows = _usable(table, chosen, remark)
    goal, why = _target(rows[target], chosen)
    remark(f"task: {goal.task}, {why}")
    return _train(table, rows, goal, chosen, remark, (report or Reporter(), callbacks), notes)


# ----- the target
def _usable(table: Table, settings: TableSettings, remark: Callable[[str], Any]) -> Table:
    """The rows that have a target."""
    for name in (settings.target, *settings.exclude):
        table[name]  # raises where there is none
    column = table[settings.target]
    missing = int(column.missing.sum())
    if missing:
        remark(f"{settings.target!r}: {missing} missing, these rows are left out")
    rows = table.take(np.flatnonzero(~column.missing))
    if len(rows) < FEWEST_ROWS:
        raise ArgumentError(f"{table.source}: has {len(rows)} rows with a target; needs at least {FEWEST_ROWS}")
    return rows


def _target(column: Column, settings: TableSettings) -> tuple[Target, str]:
    """The task, and how it was found; figures of the training part come later."""
    whole = column.kind == "number" and bool((column.values == np.round(column.values)).all())
    count = len(np.unique(column.values))
    few = whole and count <= MOST_NUMBERED_CLASSES and count * ROWS_OF_A_NUMBERED_CLASS <= len(column)
    found = "classification" if few or column.kind != "number" else "regression"
    reason = {"number": f"{count} different {'whole ' * whole}numbers", "boolean": "true and false",
              "category": f"{count} different texts"}[column.kind]  # fmt: skip
    if settings.task not in ("auto", found):
        found, reason = settings.task, "as asked for"
    if found == "regression":
        if column.kind == "category":
            raise ArgumentError(
                f"target {column.name!r} holds texts such as {column.texts[0][:40]!r}; regression needs numbers"
            )
        return Target(column.name, found, column.kind), f"because {column.name!r} holds {reason}"
    return _classes(column, found), f"because {column.name!r} holds {reason}"


def _classes(column: Column, task: str) -> Target:
    found, counts = np.unique(np.array(column.texts), return_counts=True)
    names = found.tolist()
    if len(names) < 2:
        raise ArgumentError(f"target {column.name!r} is {names[0]!r} in every row; nothing can be learned from it")
    rare = [name for name, count in zip(names, counts, strict=True) if count < FEWEST_OF_A_CLASS]
    if rare:
        raise ArgumentError(
            f"target {column.name!r}: class {rare[0][:40]!r} has fewer than {FEWEST_OF_A_CLASS} rows "
            f"({len(rare)} of {len(names)} classes do); training, validation and test need one each",
            hint="leave such rows out, or take task=regression where the target is a number",
        )
    return Target(column.name, task, column.kind, tuple(sorted(names, key=natural)))


def _measured(target: Target, column: Column) -> Target:
    """The target with the figures of the training part."""
    if target.task == "classification":
        return target._replace(usual=float(np.bincount(target.encode(column)).argmax()))
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = float(column.values.mean()), float(column.values.std())
    if not (math.isfinite(deviation) and deviation > 0):
        raise ArgumentError(f"target {column.name!r} ({describe(column)}) does not vary in the training part, or is "
                            "too large")  # fmt: skip
    return target._replace(mean=mean, deviation=deviation, usual=mean)


# ----- training
def _train(
    table: Table, rows: Table, target: Target, settings: TableSettings, remark: Callable[[str], Any],
    watching: Watching, notes: list[str],
) -> TableTraining:  # fmt: skip
    manual_seed(settings.seed)
    train, valid, test = (rows.take(part) for part in _parts(rows[target.name], target, settings))
    target = _measured(target, train[target.name])
    features = [name for name in table.names if name != target.name and name not in settings.exclude]
    encoder = ColumnEncoder(settings.most_categories, settings.unknown).fit(train, features)
    for name, reason in encoder.left_out.items():
        remark(f"{name!r} {reason}: left out")
    for text in encoder.remarks(rows):
        remark(text)
    architecture = Architecture(
        (len(encoder.inputs), *settings.hidden, target.outputs), settings.activation, settings.dropout
    )
    weights = sum(math.prod(shape) for shape in architecture.shapes().values())
    if weights > MOST_WEIGHTS:
        raise ArgumentError(f"hidden: layers of {', '.join(map(str, architecture.sizes))} units have {weights:,} "
                            f"weights; at most {MOST_WEIGHTS:,}")  # fmt: skip
    remark(f"network: {' - '.join(map(str, architecture.sizes))} units, {weights:,} weights")
    network = architecture.build()
    begin = time.perf_counter()
    with np.errstate(all="ignore"):  # what overflows becomes NaN, and that is refused by name
        history = _fit(network, encoder, target, (train, valid), settings, *watching)
    seconds = time.perf_counter() - begin
    model = TableModel(network, architecture, encoder, target)
    result = model.evaluate(test)
    counts = (len(train), len(valid), len(test))
    finite = {name: value for name, value in result.metrics.items() if math.isfinite(value)}
    model.about = {
        "rows": list(counts), "settings": settings._asdict(), "test": finite, "reading": table.reading,
    }  # fmt: skip
    columns = [_row(column, encoder, target, settings) for column in rows]
    return TableTraining(model, history, result, settings, counts, columns, notes, seconds)


def _parts(column: Column, target: Target, settings: TableSettings) -> tuple[Any, ...]:
    """Rows of the training, validation and test parts."""
    fractions = (1 - settings.validation - settings.test, settings.validation, settings.test)
    labels = target.encode(column) if target.task == "classification" else np.zeros(len(column), np.int64)
    return stratified_split(labels, fractions, settings.seed)


def _fit(
    network: nn.Module, encoder: ColumnEncoder, target: Target, parts: tuple[Table, Table], settings: TableSettings,
    report: Reporter, callbacks: Sequence[Callable[[Row], Any]],
) -> History:  # fmt: skip
    (x, y), validation = ((encoder(part), target.encode(part[target.name], part.source)) for part in parts)
    classes = target.task == "classification"
    return fit(
        network, batches(x, y, batch_size=settings.batch_size, seed=settings.seed),
        nn.CrossEntropyLoss() if classes else nn.MSELoss(),
        OPTIMIZERS[settings.optimizer](network.parameters(), lr=settings.lr), settings.epochs, validation=validation,
        patience=settings.patience or None, monitor="validation_loss",
        metrics={"accuracy": accuracy} if classes else {"r2": r2}, report=report, callbacks=callbacks,
        compile=settings.compile,
    )  # fmt: skip


def _row(column: Column, encoder: ColumnEncoder, target: Target, settings: TableSettings) -> ColumnRow:
    if column.name == target.name:
        role = "target"
    elif column.name in settings.exclude:
        role = "left out, as asked for"
    elif column.name in encoder.left_out:
        role = f"left out: {encoder.left_out[column.name]}"
    else:
        plan = next(plan for plan in encoder.plans if plan.name == column.name)
        role = {"number": "standardised", "boolean": "0 and 1"}.get(plan.kind, f"{len(plan.inputs)} inputs")
    return ColumnRow(column.name, column.kind, describe(column), role)


__all__ = ["TableSettings", "TableTraining", "train_table"]
