"""Tables to inputs of a model: fitted on the training part only, and stored beside the weights as plain values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from wengert.base.errors import ArgumentError, FileFormatError
from wengert.data.table import KINDS, Column, Table, describe

UNKNOWN = ("zeros", "error")
GREATEST = float(np.finfo(np.float32).max)


class Plan(NamedTuple):
    """How one column is encoded: ``(x - shift) / scale`` with `fill` where missing, or one input for each category.

    ``missing``: whether the training part had missing categories; they are a category of their own then.
    """

    name: str
    kind: str
    fill: float = 0.0
    shift: float = 0.0
    scale: float = 1.0
    categories: tuple[str, ...] = ()
    missing: bool = False

    @property
    def inputs(self) -> list[str]:
        """The names of the inputs it gives."""
        if self.kind != "category":
            return [self.name]
        return [f"{self.name}={value}" for value in self.categories] + [f"{self.name} missing"] * self.missing


class ColumnEncoder:
    """Columns of a table as rows of numbers, (N, D) float32, by what the training part was like.

    Numbers are standardised, booleans become 0 and 1, categories one input each (1 for the row's own, else 0). A
    missing number becomes the mean, a missing category a category of its own if the training part had some. A category
    that the training part had not gets zeros only, or with ``unknown="error"`` raises.

    Columns that say nothing are left out, and `left_out` tells why: empty or constant ones, and texts of which there
    are more than `most_categories`, or that differ in most rows. `remarks` words what encoding a table had to do.

    >>> import wengert as wg
    >>> table = wg.data.table({"size": [1.0, 3.0, float("nan")], "colour": ["red", "blue", "red"]})
    >>> encoder = wg.data.ColumnEncoder().fit(table)
    >>> encoder.inputs
    ['size', 'colour=blue', 'colour=red']
    >>> encoder(table).tolist()
    [[-1.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """

    def __init__(self, most_categories: int = 50, unknown: str = "zeros") -> None:
        if most_categories < 2 or unknown not in UNKNOWN:
            raise ArgumentError(f"ColumnEncoder: got most_categories={most_categories}, unknown={unknown!r}; needs at "
                                f"least 2, and one of {', '.join(UNKNOWN)}")  # fmt: skip
        self.most_categories, self.unknown = most_categories, unknown
        self.plans: list[Plan] = []
        self.left_out: dict[str, str] = {}

    # ----- fitting
    def fit(self, table: Table, columns: Iterable[str] | None = None) -> ColumnEncoder:
        """Look at the training part: all its columns, or those named; raises where none is of use."""
        if not len(table):
            raise ArgumentError("ColumnEncoder.fit: got no rows")
        self.plans, self.left_out = [], {}
        for name in table.names if columns is None else columns:
            column = table[name]
            reason = self._useless(column)
            if reason:
                self.left_out[name] = reason
            else:
                self.plans.append(_plan(column))
        if not self.plans:
            reasons = "; ".join(f"{name!r} {reason}" for name, reason in self.left_out.items())
            raise ArgumentError(f"ColumnEncoder.fit: no column is of use: {reasons or 'there is none'}")
        return self

    def _useless(self, column: Column) -> str | None:
        present = column.values[~column.missing]
        count = len(np.unique(present))
        if not count:
            return "is empty"
        if count == 1 and (column.kind != "category" or len(present) == len(column)):
            return "is the same in every row"
        if column.kind != "category":
            return None
        if count > self.most_categories:
            return f"holds {count} different texts, more than {self.most_categories} categories"
        if count > 10 and 2 * count > len(present):
            return f"holds {count} different texts in {len(present)} rows"
        return None

    # ----- encoding
    @property
    def columns(self) -> list[str]:
        """The names of the columns that are used."""
        return [plan.name for plan in self.plans]

    @property
    def kinds(self) -> dict[str, str]:
        """The kind of each of them, as `read_csv` takes them."""
        return {plan.name: plan.kind for plan in self.plans}

    @property
    def inputs(self) -> list[str]:
        """The names of the inputs, in order."""
        return [name for plan in self.plans for name in plan.inputs]

    def __call__(self, table: Table) -> Any:
        """The rows of a table as inputs; raises naming the column that does not fit."""
        if not self.plans:
            raise ArgumentError("ColumnEncoder: call fit(training part) first")
        parts = []
        for plan in self.plans:
            column = table[plan.name]
            if column.kind != plan.kind and not (plan.kind == "boolean" and _is_bits(column)):
                raise ArgumentError(f"{table.source}: column {plan.name!r} holds values of kind {column.kind}; "
                                    f"needs {plan.kind}")  # fmt: skip
            parts.append(
                self._one_hot(plan, column, table) if plan.kind == "category" else _scaled(plan, column, table)
            )
        return np.concatenate(parts, axis=1)

    def _one_hot(self, plan: Plan, column: Column, table: Table) -> Any:
        places = _places(plan, column)
        unknown = np.flatnonzero((places < 0) & ~column.missing)
        if unknown.size and self.unknown == "error":
            text = column.texts[unknown[0]]
            raise ArgumentError(
                f"{table.source}: {column.place(unknown[0])}, column {plan.name!r} holds {text[:40]!r}; "
                "the training part had no such category"
            )
        return (places[:, None] == np.arange(len(plan.inputs))).astype(np.float32)

    def remarks(self, table: Table) -> list[str]:
        """What encoding this table has to do with missing values and unknown categories, in words."""
        said = []
        for plan in self.plans:
            column = table[plan.name]
            missing = int(column.missing.sum())
            if missing:
                into = f"the mean, {plan.fill:.6g}" if plan.kind != "category" else (
                    "a category of their own" if plan.missing else "none of the known categories")  # fmt: skip
                said.append(f"{plan.name!r}: {missing} missing, taken for {into}")
            if plan.kind == "category":
                unknown = (_places(plan, column) < 0) & ~column.missing
                if unknown.any():
                    texts = dict.fromkeys(np.array(column.categories)[column.values[unknown]].tolist())
                    shown = ", ".join(repr(t[:30]) for t in list(texts)[:3]) + (" …" if len(texts) > 3 else "")
                    said.append(f"{plan.name!r}: {int(unknown.sum())} rows of categories that the training part had "
                                f"not ({shown}), taken for none of the known")  # fmt: skip
        return said

    # ----- in files
    def state_dict(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        return {
            "plans": [plan._asdict() | {"categories": list(plan.categories)} for plan in self.plans],
            "left_out": dict(self.left_out), "most_categories": self.most_categories, "unknown": self.unknown,
        }  # fmt: skip

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave; raises `FileFormatError` for anything else, and changes nothing then."""
        try:
            plans = [_checked_plan(entry) for entry in state["plans"]]
            left_out = {str(name): str(reason) for name, reason in state["left_out"].items()}
            made = ColumnEncoder(int(state["most_categories"]), str(state["unknown"]))
            if not plans or len({plan.name for plan in plans}) != len(plans):
                raise ValueError("its columns are none, or not distinct")
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise FileFormatError(f"ColumnEncoder: the state does not fit: {error}") from None
        self.most_categories, self.unknown, self.plans, self.left_out = (
            made.most_categories, made.unknown, plans, left_out,
        )  # fmt: skip


# ----- one column
def _plan(column: Column) -> Plan:
    present = column.values[~column.missing]
    if column.kind == "category":
        used = sorted(set(present.tolist()))
        categories = tuple(column.categories[code] for code in used)
        return Plan(column.name, "category", categories=categories, missing=bool(column.missing.any()))
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = float(present.mean()), float(present.std())
    if not (math.isfinite(mean) and math.isfinite(deviation) and deviation > 0):
        raise ArgumentError(
            f"ColumnEncoder.fit: column {column.name!r} ({describe(column)}) cannot be standardised",
            hint="leave it out (--exclude), or write its logarithm instead",
        )
    if column.kind == "boolean":
        return Plan(column.name, "boolean", fill=mean)
    return Plan(column.name, "number", mean, mean, deviation)


def _is_bits(column: Column) -> bool:
    return column.kind == "number" and bool(np.isin(column.values[~column.missing], (0, 1)).all())


def _places(plan: Plan, column: Column) -> Any:
    """The place of each row's category among the plan's; -1 where it has none."""
    known = {text: place for place, text in enumerate(plan.categories)}
    table = [known.get(text, -1) for text in column.categories] + [len(known) if plan.missing else -1]
    return np.array(table, np.int64)[column.values]  # a missing one is -1: the last


def _scaled(plan: Plan, column: Column, table: Table) -> Any:
    with np.errstate(over="ignore"):
        made = (np.where(column.missing, plan.fill, column.values) - plan.shift) / plan.scale
    far = np.flatnonzero(~(np.abs(made) < GREATEST))
    if far.size:
        value = column.values[far[0]]
        raise ArgumentError(
            f"{table.source}: {column.place(far[0])}, column {plan.name!r} holds {value:g}, too far from the mean of "
            f"the training part, {plan.shift:g}"
        )
    return made.astype(np.float32)[:, None]


def _checked_plan(entry: Mapping[str, Any]) -> Plan:
    plan = Plan(**{**entry, "categories": tuple(entry["categories"])})
    numbers = [float(x) for x in (plan.fill, plan.shift, plan.scale)]
    texts = [plan.name, *plan.categories]
    if plan.kind not in KINDS or not isinstance(plan.missing, bool) or not all(isinstance(t, str) for t in texts):
        raise ValueError(f"column {str(plan.name)[:40]!r} is described wrongly")
    if not all(map(math.isfinite, numbers)) or plan.scale <= 0 or len(set(plan.categories)) != len(plan.categories):
        raise ValueError(f"column {plan.name[:40]!r} has impossible figures")
    if (plan.kind == "category") != bool(plan.categories):
        raise ValueError(f"column {plan.name[:40]!r} has categories where none belong, or none")
    return plan._replace(fill=numbers[0], shift=numbers[1], scale=numbers[2])


__all__ = ["ColumnEncoder"]
