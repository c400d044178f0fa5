"""``wengert train file.csv``, ``predict``, ``evaluate``, ``data``: a model for a table, in one file."""

from __future__ import annotations

import csv
import io
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from wengert.base.errors import ArgumentError
from wengert.base.files import write_atomically
from wengert.cli.printing import print_evaluation, reporter, say, shown
from wengert.data.csv_files import MISSING, read_csv
from wengert.data.datasets import digits, iris
from wengert.data.table import Table
from wengert.train.events import EventWriter
from wengert.train.report import write_report
from wengert.train.table_model import TableModel
from wengert.train.table_training import TableSettings, train_table

READING = ("delimiter", "decimal", "encoding")


# ----- train
def train_on_file(settings: Mapping[str, Any]) -> None:
    """Read, train, test, and write the model and its report."""
    file = str(settings["file"])
    if "target" not in settings:
        raise ArgumentError("train: a file needs --target, the name of the column to predict")
    wanted = {name: settings[name] for name in TableSettings._fields if name in settings}
    wanted["exclude"] = tuple(settings.get("exclude", ()))
    TableSettings(**wanted).check()
    model_file, page, history = _places(file, settings)
    # What is left out may hold anything.
    kinds = dict.fromkeys((*settings.get("categorical", ()), *wanted["exclude"]), "category")
    table = _read(file, kinds=kinds, missing=(*MISSING, *settings.get("missing", ())), **_reading(settings))
    for name in kinds:
        table[name]  # raises where there is none
    say(f"{table.source}: {len(table)} rows of {len(table.names)} columns")
    target, quiet = wanted.pop("target"), settings.get("quiet", False)
    with _events(settings.get("tensorboard")) as callbacks:
        made = train_table(table, target, reporter(quiet), say, callbacks, **wanted)
    parts = ", ".join(f"{n} for {part}" for n, part in zip(made.rows, ("training", "validation", "test"), strict=True))
    say(f"Rows: {parts}. Training ended {made.history.stopped} and took {made.seconds:.1f} s; the weights are those "
        f"of epoch {made.history.best_epoch}.")  # fmt: skip
    print_evaluation(made.test, made.model.target.classes, f"On the {made.test.rows} held-out test rows")
    written = [made.model.save(model_file), write_report(made, page, f"{target} from {Path(file).name}")]
    if history is not None:
        write = made.history.write_csv if history.suffix == ".csv" else made.history.write_jsonl
        written.append(write(history))
    say(f"Written: {', '.join(map(str, written))}")


@contextmanager
def _events(folder: Any) -> Iterator[list[EventWriter]]:
    """The callbacks of the training: a writer for TensorBoard, where it is wanted."""
    if folder is None:
        yield []
        return
    with EventWriter(folder) as writer:
        yield [writer]


def _reading(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: settings[name] for name in READING if settings.get(name) is not None}


def _source(file: str) -> Any:
    """The file, or what is piped in."""
    return sys.stdin.buffer if file == "-" else file


def _read(file: str, **options: Any) -> Table:
    if file in ("digits", "iris") and not Path(file).exists():
        raise ArgumentError(f"train: there is no file {file!r}", hint=f"the embedded data: --data {file}")
    return read_csv(_source(file), **options)


def _places(file: str, settings: Mapping[str, Any]) -> tuple[Path, Path, Path | None]:
    """Where model, report and history go; refused now rather than after the training."""
    stem = "model" if file == "-" else Path(file).name.split(".")[0] or "model"
    model = Path(settings.get("out") or f"{stem}.safetensors")
    if model.is_dir():
        model /= f"{stem}.safetensors"
    places = {"out": model, "report": Path(settings.get("report") or model.with_suffix(".html"))}
    if settings.get("history"):
        places["history"] = Path(settings["history"])
        if places["history"].suffix not in (".csv", ".jsonl"):
            raise ArgumentError(f"--history: got {str(places['history'])!r}; needs a file .csv or .jsonl")
    taken = {Path(file).resolve(): "the file with the data; it is not overwritten"}
    for what, place in places.items():
        if place.resolve() in taken:
            raise ArgumentError(f"--{what}: {str(place)!r} is {taken[place.resolve()]}")
        taken[place.resolve()] = f"what --{what} is already"
        check_writable(place)
    return model, places["report"], places.get("history")


def check_writable(place: Path) -> None:
    """Raise `OSError` where no file can be written."""
    if place.is_dir():
        raise IsADirectoryError(f"{str(place)!r} is a folder; needs the name of a file")
    if place.exists() and not place.is_file():
        return  # a pipe or a device
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=place.parent):
        pass


# ----- predict and evaluate
ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help="What wengert train wrote.")]
DataFile = Annotated[str, typer.Argument(metavar="CSV", help="The rows; - reads what is piped in.")]
Delimiter = Annotated[str | None, typer.Option(help="Between cells.", show_default="found in the first row")]
Decimal = Annotated[str | None, typer.Option(help='Decimal mark, "." or ",".', show_default="as in training")]
Encoding = Annotated[str | None, typer.Option(help="For example latin-1.", show_default="utf-8")]


def predict(
    model: ModelFile,
    file: DataFile,
    out: Annotated[Path | None, typer.Option(help="A CSV file; what is printed otherwise.")] = None,
    probabilities: Annotated[bool, typer.Option("--probabilities", help="One column for each class.")] = False,
    keep: Annotated[list[str] | None, typer.Option(help="A column to copy; may be repeated.")] = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
) -> None:
    """Apply a model to the rows of a CSV file; prints CSV.

    The columns of the training must be there, by name and kind, in any order; others are ignored, with a word.
    """
    loaded = TableModel.load(model)
    reading = _reading({"delimiter": delimiter, "decimal": decimal, "encoding": encoding})
    if out is not None:
        _protect(out, model, file)
    table = loaded.read_csv(_source(file), False, tuple(keep or ()), **reading)
    _say_aside(loaded, table)
    _put_out(_predictions(loaded, table, tuple(keep or ()), probabilities), out)


def _protect(out: Path, model: Path, file: str) -> None:
    if out.resolve() in (model.resolve(), Path(file).resolve()):
        raise ArgumentError(f"--out: {str(out)!r} is what is read; it is not overwritten")
    check_writable(out)


def _aside(text: str) -> None:
    """To the error stream, so that what is printed stays CSV."""
    typer.echo(shown(text), err=True)


def _say_aside(model: TableModel, table: Table) -> None:
    others = [name for name in table.others if name != model.target.name]
    if others:
        names = ", ".join(map(repr, others[:8])) + (f" and {len(others) - 8} more" if len(others) > 8 else "")
        _aside(f"ignored, as the model does not know them: {names}")
    for text in (*table.notes, *model.encoder.remarks(table)):
        _aside(text)


def data(
    name: Annotated[str, typer.Argument(help="digits or iris.")],
    out: Annotated[Path | None, typer.Option(help="A CSV file; what is printed otherwise.")] = None,
) -> None:
    """Write an embedded data set as CSV, to try train, predict and evaluate on."""
    if name == "iris":
        flowers = iris()
        heads, rows, labels = (
            [*flowers.columns, "species"],
            flowers.features,
            [flowers.names[k] for k in flowers.labels],
        )
    elif name == "digits":
        images = digits()
        heads, rows, labels = _PIXELS, images.images.reshape(-1, 64), images.labels.tolist()
    else:
        raise ArgumentError(f"data: got {name!r}; needs digits or iris")
    content = _csv(heads, ([*row, label] for row, label in zip(rows.tolist(), labels, strict=True)))
    _put_out(content, out)


_PIXELS = [*(f"row {row} column {column}" for row in range(8) for column in range(8)), "digit"]


def _csv(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(rows)
    return text.getvalue().encode()


def _put_out(content: bytes, out: Path | None) -> None:
    """To a file, whole or not at all; or to the output, in UTF-8 whatever the terminal's encoding."""
    if out is None:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
    else:
        _aside(f"Written: {write_atomically(out, content)}")


def _predictions(model: TableModel, table: Table, keep: Sequence[str], probabilities: bool) -> bytes:
    """The CSV: kept columns, prediction, probability (of it, or of every class)."""
    found = model.predict(table)
    heads, columns = [*keep, "prediction"], [*(table[name].texts for name in keep)]
    if found.probabilities is None:
        columns.append([f"{value:.9g}" for value in found.values])
    else:
        columns.append(found.values)
        heads += [f"p({name})" for name in model.target.classes] if probabilities else ["probability"]
        shares = found.probabilities.T if probabilities else found.probabilities.max(axis=1)[None]
        columns += [[f"{value:.6f}" for value in column] for column in shares.tolist()]
    return _csv(heads, zip(*columns, strict=True))


def evaluate(
    model: ModelFile,
    file: DataFile,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
) -> None:
    """Compare a model's predictions with the target column of a CSV file."""
    loaded = TableModel.load(model)
    reading = _reading({"delimiter": delimiter, "decimal": decimal, "encoding": encoding})
    table = loaded.read_csv(_source(file), True, **reading)
    _say_aside(loaded, table)
    result = loaded.evaluate(table)
    left = len(table) - result.rows
    if left:
        _aside(f"{loaded.target.name!r}: {left} missing, these rows are left out")
    print_evaluation(result, loaded.target.classes, f"{loaded.target.name!r} on {result.rows} rows of {table.source}")


__all__ = ["data", "evaluate", "predict", "train_on_file"]
