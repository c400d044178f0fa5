"""What an activation is like, and which output and loss belong to a task."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from wengert.base.errors import ArgumentError

INFINITE = math.inf


class Row(NamedTuple):
    """One activation: its formula and derivative (with its value at corners), its range, and when to use it."""

    name: str
    formula: str
    derivative: str
    low: float  # no value is below …
    high: float  # … or above
    use: str

    @property
    def squashing(self) -> bool:
        """Whether the range is bounded on both sides."""
        return math.isfinite(self.low) and math.isfinite(self.high)


class Table:
    """Rows of `Row`, printed as text; a row is found by its name: ``table()["ReLU"]``."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = tuple(rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: str | int) -> Row:
        if not isinstance(key, str):
            return self.rows[key]
        for row in self:
            if row.name == key:
                return row
        names = ", ".join(row.name for row in self)
        raise ArgumentError(f"activations.table: no activation is called {key!r}; they are {names}")

    def __repr__(self) -> str:
        lines = [("name", "f(x)", "f'(x)", "range", "squashing", "use")]
        lines += [
            (r.name, r.formula, r.derivative, f"[{r.low:.4g}, {r.high:.4g}]", "yes" if r.squashing else "no", r.use)
            for r in self
        ]
        widths = [max(len(line[i]) for line in lines) for i in range(6)]
        return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


ROWS = Table((
    Row("Sigmoid", "1 / (1 + exp(-x))", "s (1 - s)", 0, 1, "output of probabilities; gates of recurrent nets"),
    Row("Tanh", "tanh x", "1 - tanh² x", -1, 1, "hidden layers of recurrent nets; zero-centred"),
    Row("Step", "1 if x > 0 else 0", "0", 0, 1, "the perceptron; no gradient trains it"),
    Row("Softplus", "log(1 + exp(x))", "sigmoid(x)", 0, INFINITE, "outputs that must be positive"),
    Row("ReLU", "max(x, 0)", "1 if x > 0 else 0", 0, INFINITE, "hidden layers, the first choice"),
    Row("Softsign", "x / (1 + |x|)", "1 / (1 + |x|)²", -1, 1, "as tanh, with slower saturation"),
    Row("ELU", "x if x > 0 else exp(x) - 1", "1 if x > 0 else exp(x)", -1, INFINITE, "hidden layers, no dead units"),
    Row("LogSigmoid", "-log(1 + exp(-x))", "sigmoid(-x)", -INFINITE, 0, "logarithms of probabilities in losses"),
    Row("SiLU", "x s(x)", "s + x s (1 - s)", -0.27846454276107374, INFINITE, "hidden layers of deep nets (swish)"),
    Row("Sinc", "sin(x) / x, 1 at 0", "(x cos x - sin x) / x², 0 at 0", -0.21723362821122166, 1, "periodic signals"),
    Row("LeakyReLU", "x if x > 0 else 0.01 x", "1 if x > 0 else 0.01", -INFINITE, INFINITE,
        "hidden layers without dead units"),
    Row("Mish", "x tanh(softplus x)", "t + x (1 - t²) s, t = tanh(softplus x)", -0.30884341551845175, INFINITE,
        "hidden layers of deep nets"),
    Row("PReLU", "x if x > 0 else a x", "1 if x > 0 else a; by a: 0 or x", -INFINITE, INFINITE,
        "hidden layers whose slope is learned"),
    Row("RReLU", "x if x > 0 else u x, u random", "1 if x > 0 else u", -INFINITE, INFINITE,
        "hidden layers against overfitting"),
    Row("GELU", "x Phi(x)", "Phi + x phi", -0.16997120747990369, INFINITE, "hidden layers, the choice of transformers"),
    Row("Identity", "x", "1", -INFINITE, INFINITE, "output of regression"),
    Row("Square", "x²", "2 x", 0, INFINITE, "toy networks"),
    Row("Softmax", "exp(x_i) / sum_j exp(x_j)", "diag(s) - s sᵀ", 0, 1, "output of one class of many"),
    Row("LogSoftmax", "x_i - logsumexp(x)", "I - 1 sᵀ", -INFINITE, 0, "before NLLLoss"),
    Row("Softmin", "exp(-x_i) / sum_j exp(-x_j)", "s sᵀ - diag(s)", 0, 1, "shares of the smallest"),
    Row("Hardtanh", "min(max(x, -1), 1)", "1 if -1 < x < 1 else 0", -1, 1, "tanh made of lines"),
    Row("ReLU6", "min(max(x, 0), 6)", "1 if 0 < x < 6 else 0", 0, 6, "nets with few bits"),
    Row("SELU", "1.0507 (x if x > 0 else 1.6733 (exp(x) - 1))", "1.0507 if x > 0 else 1.7581 exp(x)",
        -1.7580993408473766, INFINITE, "deep plain nets with lecun_normal_ weights"),
    Row("CELU", "x if x > 0 else a (exp(x/a) - 1)", "1 if x > 0 else exp(x/a)", -1, INFINITE,
        "as ELU, smooth for every a"),
    Row("Hardswish", "x relu6(x + 3) / 6", "0 up to -3, x/3 + 1/2 to 3, then 1", -0.375, INFINITE, "swish made cheap"),
    Row("Hardsigmoid", "relu6(x + 3) / 6", "1/6 if -3 < x < 3 else 0", 0, 1, "sigmoid made of lines"),
    Row("Softshrink", "x - sign(x) min(|x|, 1/2)", "1 if |x| > 1/2 else 0", -INFINITE, INFINITE, "sparse codes"),
    Row("Hardshrink", "x if |x| > 1/2 else 0", "1 if |x| > 1/2 else 0", -INFINITE, INFINITE, "sparse codes"),
    Row("Tanhshrink", "x - tanh x", "tanh² x", -INFINITE, INFINITE, "sparse codes"),
    Row("Threshold", "x if x > threshold else value", "1 if x > threshold else 0", -INFINITE, INFINITE,
        "cutting what is small"),
    Row("GLU", "a sigmoid(b) of the halves", "s; a s (1 - s)", -INFINITE, INFINITE, "gated layers"),
))  # fmt: skip


def table() -> Table:
    """All activations with formula, derivative, range, whether they squash, and recommended use.

    >>> import wengert as wg
    >>> row = wg.nn.activations.table()["Sigmoid"]
    >>> row.derivative, row.squashing
    ('s (1 - s)', True)
    """
    return ROWS


class Output(NamedTuple):
    """How a network for a task ends: the activation of its output, the loss of its logits, how many units."""

    activation: str
    loss: str
    units: str


TASKS = {
    "regression": Output("Identity", "MSELoss", "one a number"),
    "binary": Output("Sigmoid", "BCEWithLogitsLoss", "one"),
    "multiclass": Output("Softmax", "CrossEntropyLoss", "one a class"),
    "multilabel": Output("Sigmoid", "BCEWithLogitsLoss", "one a class"),
    "ordinal": Output("Identity", "OrdinalLoss", "one score"),
    "counts": Output("Identity", "PoissonNLLLoss", "one a number"),
}


def output_for(task: str) -> Output:
    """The output activation, the loss and the number of units for a task.

    The losses take what comes before the activation (logits), so train without the activation and use it to read the
    predictions. Tasks: "regression", "binary", "multiclass", "multilabel", "ordinal", "counts".

    >>> import wengert as wg
    >>> wg.nn.output_for("multiclass")
    Output(activation='Softmax', loss='CrossEntropyLoss', units='one a class')
    """
    if task not in TASKS:
        raise ArgumentError(f"output_for: got {task!r}; tasks are {', '.join(TASKS)}")
    return TASKS[task]
