"""`fit` with compiled steps: what it gives without, whatever happens on the way."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim
from wengert.train import Reporter, Trainer, fit, load_checkpoint, steps

RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 6))
Y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)
TRAIN, VALID = (X[:46], Y[:46]), (X[46:], Y[46:])  # five batches of 8 and one of 6, three of 8


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything in float64, compiled after two calls."""
    monkeypatch.setattr(steps, "AFTER", 2)
    wg.set_default_dtype(np.float64)
    yield
    wg.set_default_dtype(np.float32)


def mlp() -> Any:
    return nn.Sequential(nn.Linear(6, 7), nn.Tanh(), nn.Linear(7, 2))


def noisy() -> Any:
    # A bias below a normalisation has a gradient of nothing but rounding, which Adam would make steps of.
    return nn.Sequential(nn.Linear(6, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2))


class Places(nn.Module):
    """The six features as a picture, or as a sequence."""

    def __init__(self, part: Any, shape: tuple[int, ...], size: int) -> None:
        super().__init__()
        self.part, self.shape, self.last = part, shape, nn.Linear(size, 2)

    def forward(self, x: Any) -> Any:
        y = self.part(x.reshape(-1, *self.shape))
        y = y[0][:, -1] if isinstance(y, tuple) else y
        return self.last(y.reshape(len(x), -1))


MODELS: dict[str, Any] = {
    "mlp": mlp,
    "batch norm and dropout": noisy,
    "convolution": lambda: Places(
        nn.Sequential(nn.Conv2d(1, 3, 2), nn.BatchNorm2d(3), nn.MaxPool2d((1, 2))), (1, 2, 3), 3
    ),
    "lstm": lambda: Places(nn.LSTM(2, 4, batch_first=True), (3, 2), 4),
    "attention": lambda: Places(nn.TransformerEncoderLayer(2, 1, 4, dropout=0.1, batch_first=True), (3, 2), 6),
}
OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda ps: optim.SGD(ps, lr=0.1),
    "nesterov": lambda ps: optim.SGD(ps, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": lambda ps: optim.Adam(ps, lr=0.01, amsgrad=True),
    "adamw": lambda ps: optim.AdamW(ps, lr=0.01),
    "rmsprop": lambda ps: optim.RMSprop(ps, lr=0.005, centered=True, momentum=0.5),
    "radam": lambda ps: optim.RAdam(ps, lr=0.01),
    "lectures' momentum": lambda ps: optim.SGD(ps, lr=0.05, momentum=0.9, rate_inside=True),
    "adagrad": lambda ps: optim.Adagrad(ps, lr=0.05, lr_decay=0.01),
    "adadelta": lambda ps: optim.Adadelta(ps, lr=0.5, eps=1e-4),
    "adamax": lambda ps: optim.Adamax(ps, lr=0.01),
    "nadam": lambda ps: optim.NAdam(ps, lr=0.01, decoupled_weight_decay=True, weight_decay=0.01),
    "lion": lambda ps: optim.Lion(ps, lr=0.003),
    "muon": lambda ps: optim.Muon([p for p in ps if p.ndim == 2], lr=0.01),
}
SCHEDULES: dict[str, Any] = {
    "none": lambda o: {},
    "cosine": lambda o: {"schedule": optim.CosineAnnealingLR(o, 5)},
    "plateau": lambda o: {"schedule": optim.ReduceLROnPlateau(o, "max", patience=0)},
    "one cycle": lambda o: {"schedule": optim.OneCycleLR(o, 0.05, 40), "schedule_every": "batch"},
}


def train(
    make: Any, compile: bool, optimizer: str = "adam", schedule: str = "none", loss: Any = None, epochs: int = 6,
    **options: Any,
) -> dict[str, Any]:  # fmt: skip
    """One training from the same start, and everything it leaves."""
    wg.manual_seed(3)
    np.random.seed(3)
    random.seed(3)
    model = make()
    o = OPTIMIZERS[optimizer](model.parameters())
    options = {"validation": VALID, "batch_size": 8, "report": Reporter(), **SCHEDULES[schedule](o), **options}
    validation = wg.data.batches(*options.pop("validation"), batch_size=8, shuffle=False)
    history = fit(model, TRAIN, loss or nn.CrossEntropyLoss(), o, epochs, validation=validation, compile=compile,
                  **options)  # fmt: skip
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in history]
    return {"rows": rows, "model": model.state_dict(), "optimizer": o.state_dict(), "history": history,
            "net": model, "random": wg.random.get_rng_state(), "numpy": np.random.rand()}  # fmt: skip


def same(a: Any, b: Any, exact: bool = False) -> None:
    """Equal leaf by leaf, up to rounding that grew over the steps."""
    for part in ("rows", "model", "optimizer"):
        if part != "rows":
            assert list(map(str, a[part])) == list(map(str, b[part]))
        for x, y in zip(wg.tree_leaves(a[part]), wg.tree_leaves(b[part]), strict=True):
            if exact or isinstance(x, str):
                assert np.array_equal(x, y)
            else:
                np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-11)
    np.testing.assert_array_equal(a["random"], b["random"])
    assert a["numpy"] == b["numpy"]
    assert a["history"].stopped == b["history"].stopped
    assert a["history"].best_epoch == b["history"].best_epoch


def twins(make: Any, *args: Any, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    ours, theirs = train(make, True, *args, **options), train(make, False, *args, **options)
    same(ours, theirs)
    assert theirs["history"].pace["compiled_steps"] == 0
    return ours, theirs


# ----- the same training ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", MODELS)
def test_models(name: str) -> None:
    ours, _ = twins(MODELS[name], "nesterov")
    assert ours["history"].compiled == "compiled: the training step and the evaluation"
    assert ours["history"].pace["compiled_steps"] == 36 - 2 - 2 - 2  # two shapes: left as they are, and recorded


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name: str) -> None:
    ours, _ = twins(noisy, name)
    assert ours["history"].pace["compiled_steps"] >= 28


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_clipping_and_gathering(name: str) -> None:
    ours, _ = twins(noisy, "sgd", name, clip_norm=0.3)
    assert ours["history"].pace["compiled_steps"] == 30
    for loss in (nn.CrossEntropyLoss(), nn.CrossEntropyLoss(reduction="sum")):
        ours, _ = twins(noisy, "adam", name, loss=loss, accumulate=4, epochs=12)  # groups of 32 and of 14 rows
        assert ours["history"].pace["compiled_steps"] > 40
        assert ours["history"].compiled.startswith("compiled: the training step")


def test_early_stopping_the_best_epoch_and_metrics() -> None:
    metrics = {"auc": wg.train.auc, "accuracy": wg.train.accuracy, "rows": lambda y, t: float(len(np.asarray(y)))}
    ours, _ = twins(noisy, "adam", metrics=metrics, patience=2, monitor="validation_auc", epochs=40)
    assert ours["history"].stopped == "after 2 epochs without improvement"
    assert ours["rows"][0]["train_rows"] > 7
    twins(mlp, "adam", stop=wg.train.RelativeDrop(2, 0.01), restore_best=False, epochs=30)


def test_each_step_agrees_to_rounding() -> None:
    runs = []
    for wanted in (True, False):
        wg.manual_seed(0)
        model = noisy()
        o = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        step = steps.Steps(model, nn.CrossEntropyLoss(), o, 0.5, wanted)
        runs.append([float(step.train(X[:8] + k, Y[:8], 1.0, True, True)[0]) for k in range(12)])
    np.testing.assert_allclose(*runs, rtol=1e-12)


def test_small_trainings_are_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "AFTER", 128)
    ours = train(mlp, True)
    same(ours, train(mlp, False), exact=True)
    assert ours["history"].compiled == "too few batches to pay for compiling"


# ----- what cannot be compiled ------------------------------------------------------------------------------------
class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 2)

    def forward(self, x: Any) -> Any:
        y = self.layer(x)
        return y * 2 if float(y.sum()) > 0 else y


class Listing(Branching):
    """Collects in Python what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []
        self.count = np.zeros(1)

    def forward(self, x: Any) -> Any:
        self.count[0] += 1
        self.sizes.append(len(x))
        return self.layer(x) * len(self.sizes)


class Drawing(Branching):
    """Draws from generators that the compiler does not know."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = np.random.default_rng(5)

    def forward(self, x: Any) -> Any:
        return self.layer(x) + self.generator.normal() * 0.1


class Global(Branching):
    def forward(self, x: Any) -> Any:
        return self.layer(x) + np.random.normal() + random.random()


class Keeping(Branching):
    def forward(self, x: Any) -> Any:
        KEPT[:] = [self.layer(x)]
        return KEPT[0] * 1


KEPT: list[Any] = []


class Lines(Reporter):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Branching, "is not known while"),
        (Drawing, "Drawing.generator changes while it runs; compiled, it would change only once"),
        (lambda: nn.Sequential(Drawing()), "Drawing.generator changes"),
        (Global, "global"),
        (Keeping, "KEPT"),
    ],
)
def test_what_cannot_be_compiled_runs_as_it_stands(make: Any, words: str) -> None:
    report = Lines()
    ours = train(make, True, report=report)
    same(ours, train(make, False), exact=True)
    assert words in ours["history"].compiled
    assert ours["history"].pace["compiled_steps"] == 0
    assert report.lines[0].startswith("the training step cannot be compiled: ")
    assert report.lines[0].endswith("; it runs as it stands")
    assert len(report.lines) == len(set(report.lines)) == 2  # and the evaluation
    assert all("\n" not in line for line in report.lines)


def test_what_python_collects_is_seen() -> None:
    ours = train(Listing, True)
    same(ours, train(Listing, False), exact=True)
    assert ours["net"].sizes == [8, 8, 8, 8, 8, 6, 8, 8, 8] * 6
    assert ours["net"].count[0] == 54
    assert "Listing.sizes changes while it runs" in ours["history"].compiled
    assert ours["history"].pace["compiled_steps"] == 0


def test_hooks_run_at_each_call() -> None:
    seen: list[int] = []

    def hooked() -> Any:
        model = mlp()
        model[0].register_forward_hook(lambda _m, _a, y: seen.append(len(y)))
        return model

    ours, _ = twins(hooked)
    assert "Linear has a forward hook" in ours["history"].compiled
    assert len(seen) == 2 * 6 * 9

    def on_gradients() -> Any:
        model = mlp()
        model[0].weight.register_hook(lambda g: seen.append(1) or g * 0.5)
        return model

    ours, _ = twins(on_gradients)
    assert "the parameter '0.weight' has a hook" in ours["history"].compiled


def test_a_hook_that_comes_later() -> None:
    def run(compile: bool) -> tuple[Any, list[int]]:
        seen: list[int] = []
        models: list[Any] = []

        def make() -> Any:
            models.append(mlp())
            return models[0]

        def callback(row: Any) -> None:
            if row["epoch"] == 4:
                models[0][0].register_forward_hook(lambda _m, _a, y: seen.append(len(y)))

        return train(make, compile, callbacks=[callback]), seen

    (ours, one), (theirs, other) = run(True), run(False)
    same(ours, theirs)
    assert one == other
    assert len(one) == 2 * 9


def test_a_loss_of_ones_own() -> None:
    calls = []

    def loss(y: Any, t: Any) -> Any:
        calls.append(1)
        return nn.functional.cross_entropy(y, t)

    ours, _ = twins(mlp, loss=loss)
    assert "`calls`" in ours["history"].compiled
    weight = [1.0]

    def weighted(y: Any, t: Any) -> Any:
        return nn.functional.cross_entropy(y, t) * weight[0]

    def lower(row: Any) -> None:
        weight[0] = [1.0, 0.5][row["epoch"] in (2, 3)]  # 1 again at the end

    ours, _ = twins(mlp, loss=weighted, callbacks=[lower])
    assert ours["history"].compiled.startswith("compiled: ")


def test_what_is_recorded_again_and_again_is_given_up() -> None:
    def run(compile: bool) -> Any:
        model = Branching()
        model.forward = lambda x: model.layer(x) * model.rate  # type: ignore[method-assign]
        model.rate = 1.0

        class Change(Reporter):
            def batch(self, epoch: int, done: int) -> None:
                model.rate *= 0.99

        return train(lambda: model, compile, report=Change())

    wg.manual_seed(0)
    ours = run(True)
    wg.manual_seed(0)
    same(ours, run(False))
    assert "was recorded anew 9 times" in ours["history"].compiled
    assert ours["history"].pace["compiled_steps"] < 15


# ----- faults ------------------------------------------------------------------------------------------------------
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda m, x: x.__setitem__((5, 1), np.nan), "first bad is array 0 of the data, in row"),
        (lambda m, x: nn.init.constant_(m[4].bias, np.nan), "first bad is the parameter '4.bias'"),
        (lambda m, x: nn.init.constant_(m[4].weight, 1.7e308), "first bad is the line"),
    ],
)
def test_nan_is_named_and_leaves_the_same(spoil: Any, words: str) -> None:
    left = []
    for compile in (True, False):
        wg.manual_seed(0)
        model, x = noisy(), TRAIN[0].copy()
        o = optim.Adam(model.parameters())

        def later(row: Any, model: Any = model, x: Any = x) -> None:
            if row["epoch"] == 4:
                spoil(model, x)

        data = wg.data.batches(x, TRAIN[1], batch_size=8)
        data.arrays = (x, data.arrays[1])
        with pytest.raises(wg.errors.NonFiniteError, match="epoch 5, batch") as caught:
            fit(model, data, nn.CrossEntropyLoss(), o, 9, callbacks=[later], compile=compile, report=Reporter())
        assert words in caught.value.message
        left.append((caught.value.message.split(" in ")[0], model.state_dict(), o.state_dict()["steps"]))
    assert left[0][0] == left[1][0]
    assert left[0][2] == left[1][2] >= 24
    for name, value in left[1][1].items():
        np.testing.assert_allclose(left[0][1][name], value, rtol=1e-9, atol=1e-11)


def test_faults_of_the_model_are_its_own() -> None:
    class Faulty(Branching):
        def forward(self, x: Any) -> Any:
            if self.layer.weight.shape[0] == 2 and len(x) == 6:
                raise KeyError("on purpose")
            return self.layer(x)

    with pytest.raises(KeyError, match="on purpose") as caught:
        train(Faulty, True)
    assert caught.value.__context__ is None  # nothing of the compiler is in the way


def test_ctrl_c_and_going_on(tmp_path: Any) -> None:
    class Press(Reporter):
        def batch(self, epoch: int, done: int) -> None:
            if (epoch, done) == (4, 3):
                os.kill(os.getpid(), signal.SIGINT)

    whole = train(noisy, True)
    path = tmp_path / "run"
    stopped = train(noisy, True, checkpoint=path, report=Press())
    assert stopped["history"].stopped == "by an interruption"
    same(train(noisy, True, checkpoint=path, resume=True), whole, exact=True)


@pytest.mark.parametrize("after", [1, 5, 9, 13, 14, 20, 31])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_resumed_training_changes_over_at_the_same_batch(tmp_path: Any, after: int, accumulate: int) -> None:
    class Crash(Reporter):
        left = after

        def batch(self, epoch: int, done: int) -> None:
            self.left -= 1
            if not self.left:
                raise RuntimeError

    options = {"accumulate": accumulate, "optimizer": "adamw", "schedule": "plateau"}
    whole = train(noisy, True, **options)
    path = tmp_path / "run"
    try:
        train(noisy, True, checkpoint=path, checkpoint_every=2, report=Crash(), **options)
    except RuntimeError:
        pass
    same(train(noisy, True, checkpoint=path, resume=True, **options), whole, exact=True)


def test_checkpoints_without_counts_are_read(tmp_path: Any) -> None:
    path = tmp_path / "run"
    train(mlp, True, epochs=2, checkpoint=path)
    found = load_checkpoint(path)
    del found["training"]["steps"]
    wg.train.save_checkpoint(path, **{k: v for k, v in found.items() if k not in ("generators", "random")})
    assert len(train(mlp, True, epochs=4, checkpoint=path, resume=True)["rows"]) == 4


# ----- Trainer, evaluate ---------------------------------------------------------------------------------------------
def test_a_trainer_keeps_what_was_compiled(tmp_path: Any) -> None:
    def make() -> Trainer:
        wg.manual_seed(1)
        model = noisy()
        return Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()), batch_size=8, report=Reporter())

    trainer, other, eager = make(), make(), make()
    for _ in range(4):
        history = trainer.fit(TRAIN, 1)
    assert history.compiled == "compiled: the training step"
    assert history.pace["compiled_steps"] == 24 - 6
    path = trainer.save(tmp_path / "trainer")
    trainer.fit(TRAIN, 3)
    other.load(path)
    other.fit(TRAIN, 3)
    assert other.history["train_loss"] == trainer.history["train_loss"]
    wg.manual_seed(1)
    eager = make()
    for epochs in (1, 1, 1, 1, 3):
        eager.fit(TRAIN, epochs, compile=False)
    np.testing.assert_allclose(eager.history["train_loss"], trainer.history["train_loss"], rtol=1e-9)


def test_evaluate() -> None:
    model = noisy()
    parts = wg.data.batches(X, Y, batch_size=5, shuffle=False)
    ours, theirs = (wg.train.evaluate(model, parts, nn.CrossEntropyLoss(), compile=c) for c in (True, False))
    assert ours == pytest.approx(theirs, rel=1e-12)
    assert model.training


def test_on_numpy_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WENGERT_BACKEND", "numpy")
    ours, _ = twins(noisy, "adamw", accumulate=2, clip_norm=0.5)
    assert ours["history"].compiled == "compiled: the training step and the evaluation"
