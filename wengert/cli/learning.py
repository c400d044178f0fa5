"""``wengert train``: on a CSV file, or on one of the embedded data sets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from wengert.base.errors import ArgumentError, MissingDependencyError
from wengert.cli.printing import confusion_table, console, reporter, say
from wengert.cli.settings import ONLY_TABLES, merged
from wengert.cli.tables import Encoding, train_on_file
from wengert.cli.training import SOURCES, Settings, train_classifier
from wengert.train.history import History as Past
from wengert.train.plots import plot_history
from wengert.train.table_model import ACTIVATIONS, TASKS
from wengert.train.table_training import OPTIMIZERS, TableSettings
from wengert.train.weights import save_weights

FILE, SET = TableSettings(""), Settings()  # what is usual


def _usual(name: str) -> str:
    """The defaults of a setting: on a file, and on an embedded data set where it differs."""
    both = [
        ",".join(map(str, v)) if isinstance(v, tuple) else str(v) for v in (getattr(FILE, name), getattr(SET, name))
    ]
    return both[0] if both[0] == both[1] else f"{both[0]}; with --data {both[1]}"


def _option(kind: Any, text: str, usual: str | bool = False, **more: Any) -> Any:
    """An option that is None where it is not given; `usual` is what the help says of its default."""
    return Annotated[kind | None, typer.Option(help=text, show_default=usual, **more)]


Texts = list[str]
Data = _option(str, f"Instead of a file, an embedded data set: {' or '.join(SOURCES)}.", "digits")
SettingsFile = _option(Path, "A TOML file with any of these settings; the command line comes first.", metavar="TOML")
Target = _option(str, "The column to predict.")
Task = _option(str, f"{' or '.join(TASKS)}.", "found from the target")
Hidden = _option(str, 'Sizes of the hidden layers; "" for none.', _usual("hidden"))
Activation = _option(str, f"One of {', '.join(ACTIVATIONS)}.", FILE.activation)
Dropout = _option(float, "Share of units dropped while training.", _usual("dropout"))
Epochs = _option(int, "Most passes over the training part.", _usual("epochs"), min=1)
BatchSize = _option(int, "Rows in a minibatch.", _usual("batch_size"), min=1)
Rate = _option(float, "Learning rate.", _usual("lr"))
Optimizer = _option(str, f"One of {', '.join(OPTIMIZERS)}.", _usual("optimizer"))
Seed = _option(int, "Of the split, the initial weights and the order of the rows.", _usual("seed"))
Validation = _option(float, "Fraction of the rows that decides when to stop.", str(FILE.validation))
Test = _option(float, "Fraction held out, looked at once, at the end.", str(FILE.test))
Patience = _option(int, "Stop after so many epochs without a new best; 0: never.", _usual("patience"), min=0)
Exclude = _option(Texts, "A column to leave out; may be repeated.")
Categorical = _option(Texts, "A column of numbers that stand for categories; may be repeated.")
Missing = _option(Texts, "A further text that means missing, such as -999; may be repeated.")
Delimiter = _option(str, "Between cells.", "found in the first row")
Decimal = _option(str, 'Decimal mark, "." or ",".', ".")
MostCategories = _option(int, "Texts with more different values are left out.", str(FILE.most_categories))
Unknown = _option(str, "What a category means later that is new: zeros, or error.", FILE.unknown)
Out = _option(Path, "The model file; with --data a folder.", "name of the data.safetensors; with --data none")
Report = _option(Path, "The report page.", "beside the model, .html")
History = _option(Path, "A file for the figures of all epochs: .csv or .jsonl.")
Compile = Annotated[
    bool | None,
    typer.Option("--compile/--no-compile", help="Compile the step where that pays.", show_default="compile"),
]
TensorBoard = _option(Path, "A folder for an event file that TensorBoard shows.")


def train(
    file: Annotated[str | None, typer.Argument(metavar="[CSV]", help="The rows to learn; - reads a pipe.")] = None,
    target: Target = None, settings: SettingsFile = None, task: Task = None, hidden: Hidden = None,
    activation: Activation = None, dropout: Dropout = None, epochs: Epochs = None, batch_size: BatchSize = None,
    lr: Rate = None, optimizer: Optimizer = None, seed: Seed = None, validation: Validation = None, test: Test = None,
    patience: Patience = None, exclude: Exclude = None, categorical: Categorical = None, missing: Missing = None,
    delimiter: Delimiter = None, decimal: Decimal = None, encoding: Encoding = None,
    most_categories: MostCategories = None, unknown: Unknown = None, data: Data = None, out: Out = None,
    report: Report = None, history: History = None, tensorboard: TensorBoard = None,
    compile: Compile = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No table of epochs.")] = False,
) -> None:  # fmt: skip
    """Train a network on a CSV file, test it, and write it with a report; or train on an embedded data set.

    wengert train data.csv --target label: the task is found from the target, categories are encoded, numbers
    standardised, missing values filled, each with a word. Training ends early where the validation loss no longer
    falls. One file holds the model and all that is needed to apply it (wengert predict, evaluate).
    """
    given = {name: value for name, value in locals().items() if name not in ("settings", "quiet")}
    chosen = merged({**given, "quiet": quiet or None}, settings)
    if "file" in chosen and "data" in chosen:
        raise ArgumentError("train: got a file and --data; needs one of them")
    if "file" in chosen:
        train_on_file(chosen)
    else:
        _train_on_set(chosen)


def _train_on_set(chosen: Mapping[str, Any]) -> None:
    """A classifier for digits or iris."""
    stray = sorted(ONLY_TABLES & set(chosen))
    if stray:
        raise ArgumentError(f"train: --{stray[0].replace('_', '-')} needs a CSV file", hint="wengert train data.csv …")
    wanted = {name: chosen[name] for name in Settings._fields if name in chosen}
    if "patience" in wanted:
        wanted["patience"] = wanted["patience"] or None
    settings = Settings(**wanted)
    result = train_classifier(settings, reporter(chosen.get("quiet", False)), say)
    say("Confusion on the test part (rows: truth, columns: prediction)")
    console.print(confusion_table(result.confusion, result.names))
    console.print(
        f"Test accuracy: [bold]{result.test['accuracy']:.2%}[/bold] ({result.right} of {result.rows} held-out rows), "
        f"loss {result.test['loss']:.4f}. Training ended {result.history.stopped} and took {result.seconds:.1f} s.",
        soft_wrap=True, markup=True,
    )  # fmt: skip
    say(_pace(result.history))
    if "out" in chosen:
        _write(Path(chosen["out"]), result, settings)


def _pace(history: Past) -> str:
    """How many steps a second there were, with and without the compiler."""
    pace = history.pace
    if not pace["compiled_steps"]:
        return f"Steps a second: {pace['eager']:,.0f}, {history.compiled}."
    return (
        f"Steps a second: {pace['eager']:,.0f} as Python runs them ({pace['eager_steps']:,} steps), "
        f"{pace['compiled']:,.0f} compiled ({pace['compiled_steps']:,} steps); compiling took "
        f"{pace['compiling']:.1f} s."
    )


def _write(out: Path, result: Any, settings: Settings) -> None:
    state = {**result.model.state_dict(), **{f"input.{k}": v for k, v in result.normalise.state_dict().items()}}
    metadata = {"settings": json.dumps(settings._asdict()), "classes": json.dumps(result.names)}
    written = [
        save_weights(state, out / "weights.safetensors", metadata),
        result.history.write_csv(out / "history.csv"),
    ]
    try:
        written.append(plot_history(result.history, out / "curves.png"))
    except MissingDependencyError as error:
        say(f"No picture of the curves: {error.message} ({error.hint})")
    say(f"Written: {', '.join(map(str, written))}")


__all__ = ["train"]
