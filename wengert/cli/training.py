"""What ``wengert train`` does, without the terminal: settings in, a trained and tested classifier out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from wengert import nn
from wengert.base.errors import ArgumentError
from wengert.core.record import concrete, paused
from wengert.data.batches import batches
from wengert.data.datasets import digits, iris
from wengert.data.normalise import Standardizer
from wengert.data.split import stratified_split
from wengert.ops.generator import manual_seed
from wengert.train.history import History
from wengert.train.loop import fit
from wengert.train.measure import evaluate
from wengert.train.metrics import confusion
from wengert.train.progress import Reporter
from wengert.train.table_model import Architecture
from wengert.train.table_training import OPTIMIZERS


class Rows(NamedTuple):
    """A data set as rows of features, one label each, and the names of the classes.

    ``alike``: the features are on one scale (pixels), so they are normalised together.
    """

    features: Any
    labels: Any
    names: tuple[str, ...]
    alike: bool


def _digits() -> Rows:
    images, labels, names = digits()
    return Rows(images.reshape(len(images), -1), labels, names, alike=True)


def _iris() -> Rows:
    flowers = iris()
    return Rows(flowers.features, flowers.labels, flowers.names, alike=False)


SOURCES: dict[str, Callable[[], Rows]] = {"digits": _digits, "iris": _iris}
PARTS = (0.7, 0.1, 0.2)  # training, validation, test


class Settings(NamedTuple):
    """What a training depends on; the same settings give the same weights."""

    data: str = "digits"
    hidden: tuple[int, ...] = (512,)
    epochs: int = 40
    batch_size: int = 32
    lr: float = 0.002
    optimizer: str = "adamw"
    dropout: float = 0.3
    seed: int = 0
    patience: int | None = 15
    compile: bool = True


class Result(NamedTuple):
    """A trained classifier and what it does on the test part."""

    model: nn.Module
    normalise: Standardizer
    history: History
    test: dict[str, float]
    confusion: Any
    names: list[str]
    seconds: float

    @property
    def rows(self) -> int:
        """How many test rows there are."""
        return int(self.confusion.sum())

    @property
    def right(self) -> int:
        """How many of them are recognised."""
        return int(np.trace(self.confusion))


def _choose(what: str, name: str, table: dict[str, Any]) -> Any:
    if name not in table:
        raise ArgumentError(f"--{what}: got {name!r}; needs one of {', '.join(table)}")
    return table[name]


def train_classifier(settings: Settings, reporter: Reporter | None, say: Callable[[str], Any]) -> Result:
    """Split, normalise by the training part, train with the best epoch kept, and test once."""
    rows = _choose("data", settings.data, SOURCES)()
    make_optimizer = _choose("optimizer", settings.optimizer, OPTIMIZERS)
    manual_seed(settings.seed)
    train, valid, test = stratified_split(rows.labels, PARTS, settings.seed)
    normalise = Standardizer(rows.alike).fit(rows.features[train])
    x, y, names = normalise(rows.features).astype(np.float32), rows.labels.astype(np.int64), list(rows.names)
    model = Architecture((x.shape[1], *settings.hidden, len(names)), dropout=settings.dropout).build()
    size = sum(int(np.prod(p.shape)) for p in model.parameters())
    say(
        f"Data: {settings.data}, {len(x)} rows of {x.shape[1]} features in {len(names)} classes; "
        f"{len(train)} for training, {len(valid)} for validation, {len(test)} for the test."
    )
    say(f"Model: {' - '.join(map(str, [x.shape[1], *settings.hidden, len(names)]))} units, {size:,} parameters.")
    say("Training figures are means over the epoch, while dropout acts; * marks the best epoch so far.")
    loss = nn.CrossEntropyLoss()
    begin = time.perf_counter()
    history = fit(
        model, batches(x[train], y[train], batch_size=settings.batch_size, seed=settings.seed), loss,
        make_optimizer(model.parameters(), lr=settings.lr), settings.epochs, validation=(x[valid], y[valid]),
        patience=settings.patience, monitor="validation_loss", report=reporter or Reporter(),
        compile=settings.compile,
    )  # fmt: skip
    seconds = time.perf_counter() - begin
    with paused():
        table = confusion(concrete(model(x[test])), y[test], len(names))
    return Result(model, normalise, history, evaluate(model, (x[test], y[test]), loss), table, names, seconds)
