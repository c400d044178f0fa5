"""A trained model for tables, in one file: weights, architecture, encoding of the columns, classes. Data only, no code.

The file is safetensors; its metadata are texts: ``format``, ``version``, and in JSON ``architecture``, ``input``,
``target`` and ``about``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wengert import nn
from wengert.base.errors import ArgumentError, FileFormatError
from wengert.core.record import as_array, concrete, paused
from wengert.data.csv_files import read_csv
from wengert.data.encoder import ColumnEncoder
from wengert.data.table import KINDS, Column, Table
from wengert.ops.softmax import log_softmax, softmax
from wengert.train.metrics import (
    accuracy,
    auc,
    calibration_error,
    confusion,
    mean_absolute_error,
    precision_recall_f1,
    r2,
)
from wengert.train.weights import Source, read_weights, save_weights

FORMAT, VERSION = "wengert table model", 1
TASKS = ("classification", "regression")
ROWS_AT_ONCE = 4096
MOST_LAYERS = 1000
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU, "silu": nn.SiLU, "elu": nn.ELU, "leaky_relu": nn.LeakyReLU,
    "sigmoid": nn.Sigmoid,
}  # fmt: skip


# ----- the network
class Architecture(NamedTuple):
    """Linear layers of these sizes, an activation between them, dropout before each; the last gives the outputs."""

    sizes: tuple[int, ...]
    activation: str = "relu"
    dropout: float = 0.0

    def build(self) -> nn.Sequential:
        """The network, with fresh weights."""
        layers: list[nn.Module] = []
        for number, (n_in, n_out) in enumerate(zip(self.sizes[:-1], self.sizes[1:], strict=True)):
            layers += [ACTIVATIONS[self.activation]()] if number else []
            layers += [nn.Dropout(self.dropout)] if self.dropout else []
            layers.append(nn.Linear(n_in, n_out))
        return nn.Sequential(*layers)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """What the weights of `build` are called and how large they are, without making any."""
        step, first = (3, 1) if self.dropout else (2, 0)
        found: dict[str, tuple[int, ...]] = {}
        for number, (n_in, n_out) in enumerate(zip(self.sizes[:-1], self.sizes[1:], strict=True)):
            found |= {f"{first + step * number}.weight": (n_out, n_in), f"{first + step * number}.bias": (n_out,)}
        return found

    @classmethod
    def checked(cls, state: Mapping[str, Any]) -> Architecture:
        """From a file; raises `ValueError` where it describes no network."""
        sizes, activation, dropout = tuple(state["sizes"]), state["activation"], float(state["dropout"])
        if not 2 <= len(sizes) <= MOST_LAYERS or not all(type(n) is int and 0 < n < 2**31 for n in sizes):
            raise ValueError(f"layers of sizes {str(list(sizes))[:60]}")
        if activation not in ACTIVATIONS or not 0 <= dropout < 1:
            raise ValueError(f"activation {str(activation)[:40]!r} and dropout {dropout}")
        return cls(sizes, activation, dropout)


# ----- what is predicted
class Target(NamedTuple):
    """The column that is predicted: its classes, or the mean and deviation of its numbers in the training part.

    ``usual``: what one predicts without looking, the most frequent class or the mean.
    """

    name: str
    task: str
    kind: str
    classes: tuple[str, ...] = ()
    mean: float = 0.0
    deviation: float = 1.0
    usual: float = 0.0

    @property
    def outputs(self) -> int:
        """How many outputs a network for it has."""
        return len(self.classes) if self.task == "classification" else 1

    def encode(self, column: Column, source: str = "the table") -> Any:
        """Class numbers (N,) int64, or standardised numbers (N, 1) float32, of rows that have a value."""
        if self.task == "regression":
            with np.errstate(over="ignore"):
                made = ((column.values - self.mean) / self.deviation).astype(np.float32)
            if not np.isfinite(made).all():
                place = column.place(int(np.flatnonzero(~np.isfinite(made))[0]))
                raise ArgumentError(f"{source}: {place}, column {self.name!r} is too far from the mean, {self.mean:g}")
            return made[:, None]
        places = {name: place for place, name in enumerate(self.classes)}
        texts = column.texts
        unknown = next((row for row, text in enumerate(texts) if text not in places), None)
        if unknown is not None:
            raise ArgumentError(
                f"{source}: {column.place(unknown)}, column {self.name!r} holds {texts[unknown][:40]!r}; "
                f"the classes are {', '.join(map(repr, self.classes[:12]))}{' …' * (len(self.classes) > 12)}"
            )
        return np.array([places[text] for text in texts], np.int64)

    @classmethod
    def checked(cls, state: Mapping[str, Any]) -> Target:
        """From a file; raises `ValueError` where it makes no sense."""
        found = cls(**{**state, "classes": tuple(state["classes"])})
        numbers = (float(found.mean), float(found.deviation), float(found.usual))
        texts = [found.name, *found.classes]
        if found.task not in TASKS or found.kind not in KINDS or not all(isinstance(t, str) for t in texts):
            raise ValueError(f"the target {str(found.name)[:40]!r} is described wrongly")
        if not all(map(math.isfinite, numbers)) or numbers[1] <= 0 or len(set(found.classes)) != len(found.classes):
            raise ValueError(f"the target {found.name[:40]!r} has impossible figures")
        if found.task == "classification" and int(found.usual) not in range(len(found.classes)):
            raise ValueError(f"its usual class is number {found.usual:g}")
        if (found.task == "classification") != (len(found.classes) > 1):
            raise ValueError(f"{len(found.classes)} classes for {found.task}")
        return found._replace(mean=numbers[0], deviation=numbers[1], usual=numbers[2])


class Prediction(NamedTuple):
    """What a model says about each row: class names (N,) or numbers (N,), and the probabilities (N, C) of classes."""

    values: list[Any]
    probabilities: Any = None


class Evaluation(NamedTuple):
    """How good predictions are: `metrics` beside those of the `baseline`, which always predicts the `usual`."""

    metrics: dict[str, float]
    baseline: dict[str, float]
    rows: int
    truth: Any
    found: Any
    usual: str
    confusion: Any = None
    by_class: Any = None


# ----- the model
class TableModel:
    """A network with all that is needed to apply it to a table: how columns become inputs, and outputs answers.

    `wg.train.train_table` makes it, ``save`` writes it to one file, ``load`` reads it back.
    """

    def __init__(
        self, network: nn.Module, architecture: Architecture, encoder: ColumnEncoder, target: Target,
        about: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.network, self.architecture, self.encoder, self.target = network, architecture, encoder, target
        self.about = dict(about or {})

    def kinds(self, target: bool = False) -> dict[str, str]:
        """The columns a table needs, with their kinds, as `wg.data.read_csv` takes them."""
        return self.encoder.kinds | ({self.target.name: self.target.kind} if target else {})

    def read_csv(self, path: Any, target: bool = False, keep: Sequence[str] = (), **options: Any) -> Table:
        """A table with the columns the model needs, of the kinds it needs, read as the training data were.

        ``target`` wants the target too, ``keep`` further columns as they stand; `options` are those of `read_csv`.
        """
        kinds = dict.fromkeys(keep, "text") | self.kinds(target)
        reading = {k: v for k, v in self.about.get("reading", {}).items() if k not in options}
        return read_csv(path, columns=kinds, kinds=kinds, **reading, **options)

    def outputs(self, table: Table) -> Any:
        """Logits (N, C), or standardised numbers (N, 1)."""
        inputs = self.encoder(table)
        self.network.eval()
        with paused():
            parts = [as_array(concrete(self.network(inputs[k : k + ROWS_AT_ONCE])))
                     for k in range(0, len(inputs), ROWS_AT_ONCE)]  # fmt: skip
        found = np.concatenate(parts).astype(np.float64)
        if not np.isfinite(found).all():
            row = int(np.flatnonzero(~np.isfinite(found).all(axis=1))[0])
            raise ArgumentError(f"{table.source}: {next(iter(table)).place(row)} gives no finite prediction; "
                                "its numbers are too far from those of the training part")  # fmt: skip
        return found

    def predict(self, table: Table) -> Prediction:
        """Classes with their probabilities, or numbers, for every row."""
        outputs = self.outputs(table)
        if self.target.task == "regression":
            return Prediction((outputs[:, 0] * self.target.deviation + self.target.mean).tolist())
        found = [self.target.classes[place] for place in outputs.argmax(axis=1)]
        return Prediction(found, np.asarray(softmax(outputs, 1)))

    def evaluate(self, table: Table) -> Evaluation:
        """Compare with the target column of a table; rows where it is missing do not count."""
        column = table[self.target.name]
        present = np.flatnonzero(~column.missing)
        if not present.size:
            raise ArgumentError(f"{table.source}: column {self.target.name!r} has no values to compare with")
        table = table.take(present)
        column = table[self.target.name]
        outputs = self.outputs(table)
        if self.target.task == "classification":
            return _classified(outputs, self.target.encode(column, table.source), self.target)
        return _fitted(outputs[:, 0] * self.target.deviation + self.target.mean, column.values, self.target)

    # ----- in files
    def save(self, path: Source) -> Path:
        """Write one safetensors file, atomically."""
        target = self.target._asdict() | {"classes": list(self.target.classes)}
        texts = {
            "format": FORMAT, "version": str(VERSION),
            "architecture": json.dumps(self.architecture._asdict()), "input": json.dumps(self.encoder.state_dict()),
            "target": json.dumps(target), "about": json.dumps(self.about),
        }  # fmt: skip
        return save_weights(self.network, path, texts)

    @classmethod
    def load(cls, path: Source) -> TableModel:
        """Read what `save` wrote; raises `FileFormatError` for anything that is damaged, hostile, newer, or else."""
        arrays, texts = read_weights(path)
        name = str(path)
        if texts.get("format") != FORMAT:
            raise FileFormatError(
                f"{name}: is no model for tables", hint="wengert train data.csv --target … writes one"
            )
        if texts.get("version") != str(VERSION):
            raise FileFormatError(
                f"{name}: is in version {str(texts.get('version'))[:20]!r} of the format; this program reads {VERSION}",
                hint="a newer wengert may read it",
            )
        try:
            states = {part: _parsed(texts[part]) for part in ("architecture", "input", "target", "about")}
            architecture, target = Architecture.checked(states["architecture"]), Target.checked(states["target"])
            encoder = ColumnEncoder()
            encoder.load_state_dict(states["input"])
            ends = architecture.sizes[0], architecture.sizes[-1]
            if ends != (len(encoder.inputs), target.outputs):
                raise ValueError(
                    f"{ends[0]} inputs and {ends[1]} outputs for {len(encoder.inputs)} and {target.outputs}"
                )
            _check_reading(states["about"].get("reading", {}))
            _check_arrays(arrays, architecture.shapes())
        except FileFormatError as error:
            raise FileFormatError(f"{name}: {error.message}") from None
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
            words = f"has no {error}" if isinstance(error, KeyError) else str(error)
            raise FileFormatError(f"{name}: its description does not fit: {words}") from None
        # Only now, where the file is known to hold so much: a few bytes cannot ask for gigabytes.
        network = architecture.build()
        network.load_state_dict(arrays)
        return cls(network.eval(), architecture, encoder, target, states["about"])


def _parsed(text: str) -> dict[str, Any]:
    def refuse(word: str) -> Any:
        raise ValueError(f"it holds {word}")

    found = json.loads(text, parse_constant=refuse)
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    return found


def _check_reading(reading: Mapping[str, Any]) -> None:
    missing, decimal = reading.get("missing", []), reading.get("decimal", ".")
    good = isinstance(missing, list) and all(isinstance(text, str) for text in missing) and decimal in (".", ",")
    if not good or set(reading) - {"missing", "decimal"}:
        raise ValueError("how its table was written is described wrongly")


def _check_arrays(arrays: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> None:
    odd = sorted(set(arrays) ^ set(shapes))
    if odd:
        raise ValueError(f"weights {odd[0][:40]!r} are {'too much' if odd[0] in arrays else 'missing'}")
    for name, shape in shapes.items():
        array = arrays[name]
        if array.shape != shape or array.dtype != np.float32:
            raise ValueError(f"weights {name!r} are {array.dtype}{list(array.shape)}, needs float32{list(shape)}")
        if not np.isfinite(array).all():
            raise ValueError(f"weights {name!r} hold NaN or infinity")


# ----- measuring
def _classified(outputs: Any, labels: Any, target: Target) -> Evaluation:
    count = len(target.classes)
    scores = precision_recall_f1(outputs, labels, "macro", count)
    metrics = {
        "accuracy": accuracy(outputs, labels), "precision": scores.precision, "recall": scores.recall, "f1": scores.f1,
        "cross-entropy": _cross_entropy(outputs, labels), "calibration error": calibration_error(outputs, labels),
    }  # fmt: skip
    if count == 2 and 0 < labels.sum() < len(labels):
        metrics["auc"] = auc(outputs, labels)
    usual = np.full(len(labels), int(target.usual))
    blind = precision_recall_f1(usual, labels, "macro", count)
    baseline = {"accuracy": accuracy(usual, labels), **blind._asdict()}
    by_class = precision_recall_f1(outputs, labels, None, count)
    found, table = outputs.argmax(axis=1), confusion(outputs, labels, count)
    word = target.classes[int(target.usual)]
    return Evaluation(_plain(metrics), _plain(baseline), len(labels), labels, found, word, table, by_class)


def _fitted(found: Any, wanted: Any, target: Target) -> Evaluation:
    def figures(values: Any) -> dict[str, float]:
        return {
            "mean absolute error": mean_absolute_error(values, wanted),
            "root mean squared error": float(np.sqrt(np.mean((values - wanted) ** 2))),
            "r2": r2(values, wanted),
        }

    word = f"the mean, {target.usual:.6g}"
    with np.errstate(over="ignore", invalid="ignore"):  # where numbers are enormous, infinity is the honest answer
        return Evaluation(figures(found), figures(np.full(len(wanted), target.usual)), len(wanted), wanted, found, word)


def _cross_entropy(outputs: Any, labels: Any) -> float:
    return -float(np.take_along_axis(np.asarray(log_softmax(outputs, 1)), labels[:, None], 1).mean())


def _plain(figures: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in figures.items()}


__all__ = ["Evaluation", "Prediction", "TableModel"]
