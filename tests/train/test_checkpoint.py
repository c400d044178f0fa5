"""Checkpoints: a resumed training is the uninterrupted one bit for bit, and a kill never costs the last file."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim
from wengert.base.errors import ArgumentError, FileFormatError, OperandError
from wengert.train import Reporter, auc, fit, load_checkpoint, read_checkpoint, save_checkpoint, seed_everything
from wengert.train.seeds import OtherGenerators

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 2)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)

KINDS = {
    "SGD": (lambda p: optim.SGD(p, lr=0.1, momentum=0.9), lambda o: optim.CosineAnnealingLR(o, 5)),
    "Adam": (lambda p: optim.Adam(p, lr=0.02, amsgrad=True), lambda o: optim.ReduceLROnPlateau(o, "max", patience=0)),
    "NAdam": (lambda p: optim.NAdam(p, lr=0.02), lambda o: optim.OneCycleLR(o, 0.05, 30)),
    "RMSprop": (lambda p: optim.RMSprop(p, lr=0.01, centered=True, momentum=0.5), lambda o: optim.StepLR(o, 2, 0.5)),
}


class Crash(Reporter):
    """Ends the training after some batches, as Ctrl-C or as an error would."""

    def __init__(self, after: int, error: type[BaseException]) -> None:
        self.left, self.error = after, error

    def batch(self, epoch: int, done: int) -> None:
        self.left -= 1
        if self.left == 0:
            raise self.error


def training(kind, path=None, report=None, seed=1, **options):
    """Five epochs of six batches, with dropout, a schedule and a metric over all rows."""
    wg.manual_seed(seed)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 2))
    optimizer = KINDS[kind][0](model.parameters())
    schedule = KINDS[kind][1](optimizer)
    every = "batch" if isinstance(schedule, optim.OneCycleLR) else "epoch"
    history = fit(
        model, (X[:30], Y[:30]), nn.CrossEntropyLoss(), optimizer, 5, validation=(X[30:], Y[30:]), batch_size=5,
        metrics={"auc": auc, "accuracy": wg.train.accuracy}, schedule=schedule, schedule_every=every,
        checkpoint=path, report=report or Reporter(), clip_norm=1.0, **options,
    )  # fmt: skip
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in history]
    return rows, model.state_dict(), optimizer.state_dict(), schedule.state_dict(), wg.random.get_rng_state()


def same(a, b) -> None:
    """Equal to the last bit, whatever the nesting."""
    if isinstance(a, dict):
        assert list(map(str, a)) == list(map(str, b))
        for x, y in zip(a.values(), b.values(), strict=True):
            same(x, y)
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype and a.tobytes() == b.tobytes()
    else:
        assert a == b


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("after", "error", "every"), [(1, KeyboardInterrupt, None), (14, KeyboardInterrupt, None),
                                                       (12, RuntimeError, 4), (23, RuntimeError, None)])  # fmt: skip
def test_resumed_is_uninterrupted(tmp_path, kind, after, error, every) -> None:
    expected = training(kind)
    path = tmp_path / "run.checkpoint"
    try:
        training(kind, path, Crash(after, error), checkpoint_every=every)
    except RuntimeError:
        pass
    if path.exists():
        position = read_checkpoint(path)["training"]
        done = (position["epoch"] - 1) * 6 + position["batch"]
        assert done == {(1, None): 1, (14, None): 14, (12, 4): 10, (23, None): 18}[after, every]
    # What was seeded otherwise in the new process does not matter: the file says how it goes on.
    same(training(kind, path, seed=99, resume=True), expected)


def test_a_finished_training_resumes_to_the_same_and_goes_further(tmp_path) -> None:
    path = tmp_path / "run.checkpoint"
    first = training("SGD", path)
    same(training("SGD", path, resume=True), first)


SCRIPT = """
import sys, numpy as np, wengert as wg
from wengert.train import save_checkpoint
path, number = sys.argv[1], 0
print("ready", flush=True)
while True:
    save_checkpoint(path, big=np.full(300_000, number), number=number)
    number += 1
"""

TRAINING = """
import sys, numpy as np, wengert as wg
from wengert import nn, optim
path, left = sys.argv[1], int(sys.argv[2])
rng = np.random.default_rng(0)
x = rng.normal(size=(60, 3)); y = (x.sum(axis=1) > 0).astype(np.int64)
wg.manual_seed(4)
model = nn.Sequential(nn.Linear(3, 6), nn.Dropout(0.3), nn.Linear(6, 2))

class Count(wg.train.Reporter):
    def batch(self, epoch, done):
        global left
        left -= 1
        if left == 0:
            print("so far", flush=True)

print("ready", flush=True)
wg.fit(model, (x.astype(np.float32), y), nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01), 60,
       batch_size=4, checkpoint=path, checkpoint_every=1, resume=True, restore_best=False, report=Count())
wg.train.save_weights(model, path + ".weights")
"""


def started(script, path, *arguments):
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(path), *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_kill_while_saving_leaves_a_whole_file(tmp_path) -> None:
    path = tmp_path / "run.checkpoint"
    for delay in (0.003, 0.007, 0.011):
        process = started(SCRIPT, path)
        # Read while it is being written: there is always one whole file.
        while not path.exists() or read_checkpoint(path)["number"] < 1:
            time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        found = read_checkpoint(path)
        assert (found["big"] == found["number"]).all()
        path.unlink()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_killed_twenty_times_is_the_uninterrupted_training(tmp_path) -> None:
    """Killed at random: a few steps after going on, and a few milliseconds later, wherever that is."""
    whole = started(TRAINING, tmp_path / "whole", 0)
    assert whole.wait() == 0
    whole.stdout.close()
    path, draw = tmp_path / "killed", np.random.default_rng(7)
    places = []
    for _ in range(20):
        process = started(TRAINING, path, draw.integers(1, 12))
        assert process.stdout.readline() == "so far\n", "ended before the twentieth kill"
        time.sleep(draw.uniform(0, 0.004))
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        position = read_checkpoint(path)["training"]
        places.append((position["epoch"], position["batch"]))
    assert places == sorted(places) and len({batch for _, batch in places}) > 5
    last = started(TRAINING, path, 0)
    assert last.wait() == 0
    last.stdout.close()
    assert (tmp_path / "killed.weights").read_bytes() == (tmp_path / "whole.weights").read_bytes()


def test_ctrl_c_finishes_the_batch_and_saves(tmp_path) -> None:
    class Press(Reporter):
        def batch(self, epoch, done):
            if (epoch, done) == (2, 3):
                os.kill(os.getpid(), signal.SIGINT)

    path = tmp_path / "run.checkpoint"
    rows, *_ = training("SGD", path, Press())
    position = read_checkpoint(path)["training"]
    assert (len(rows), position["epoch"], position["batch"]) == (1, 2, 3)


def test_everything_plain_goes_round(tmp_path) -> None:
    tree = {"a": [1, 2.5, None, True, "text"], "b": (np.float32(0.1), np.arange(3)), "c": {"d": {}, 3: float("inf")}}
    save_checkpoint(tmp_path / "x", tree=tree, empty=np.zeros((0, 2)))
    found = load_checkpoint(tmp_path / "x")
    same(found, {"tree": tree, "empty": np.zeros((0, 2))})
    assert type(found["tree"]["b"][0]) is np.float32
    with pytest.raises(OperandError, match="'/f' is a function"):
        save_checkpoint(tmp_path / "y", f=lambda: None)
    assert os.listdir(tmp_path) == ["x"]


def test_all_or_nothing(tmp_path) -> None:
    model = nn.Linear(2, 2)
    optimizer = optim.Adam(model.parameters())
    path = save_checkpoint(tmp_path / "x", model=model, optimizer=optimizer)
    other = nn.Linear(2, 2)
    before, state = other.state_dict(), wg.random.get_rng_state()
    wrong = optim.Adam([*other.parameters(), nn.Parameter([1.0])])
    with pytest.raises(ArgumentError, match=r"'optimizer' does not fit, nothing was changed: .*groups of \[2\]"):
        load_checkpoint(path, model=other, optimizer=wrong)
    same(other.state_dict(), before)
    same(wg.random.get_rng_state(), state)
    with pytest.raises(ArgumentError, match="has no part 'schedule'; it has model, optimizer, generators, random"):
        load_checkpoint(path, schedule=optim.StepLR(optimizer, 3))


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"{}" * 40])
def test_damage_is_refused(tmp_path, damage) -> None:
    path = save_checkpoint(tmp_path / "x", a=np.arange(50))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(FileFormatError):
        read_checkpoint(path)
    wg.train.save_weights({"a": np.zeros(2)}, path)
    with pytest.raises(FileFormatError, match="is no checkpoint"):
        read_checkpoint(path)


def test_other_batches_are_refused(tmp_path) -> None:
    path = tmp_path / "run.checkpoint"
    model = nn.Linear(2, 2)
    options = {"checkpoint": path, "report": Reporter(), "resume": True}
    fit(model, (X, Y), nn.CrossEntropyLoss(), optim.SGD(model.parameters()), 1, **options)
    with pytest.raises(ArgumentError, match=r"belongs to other batches: batch_size=32 for 7"):
        fit(model, (X, Y), nn.CrossEntropyLoss(), optim.SGD(model.parameters()), 2, batch_size=7, **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"resume": True}, "resume=True needs checkpoint="),
        ({"checkpoint_every": 2}, "checkpoint_every=2"),
        ({"schedule_every": "batch"}, "'batch' and a schedule"),
    ],
)
def test_words(options, words) -> None:
    model = nn.Linear(2, 2)
    with pytest.raises(ArgumentError, match=words):
        fit(model, (X, Y), nn.CrossEntropyLoss(), optim.SGD(model.parameters()), 1, **options)


def test_the_generators_of_numpy_and_python_go_on_too(tmp_path) -> None:
    def draws():
        return random.random(), np.random.normal(), float(wg.rand(())), random.gauss(0, 1)

    seed_everything(5)
    draws()
    save_checkpoint(tmp_path / "all", step=1)
    wanted = draws()
    draws()
    assert load_checkpoint(tmp_path / "all") == {"step": 1}
    assert draws() == wanted
    seed_everything(5)
    draws()
    assert draws() == wanted
    before = random.getstate()
    with pytest.raises(ArgumentError, match="random generators do not fit"):
        OtherGenerators().load_state_dict(
            {"python": OtherGenerators().state_dict()["python"], "numpy": ("MT19937", [])}
        )
    assert random.getstate() == before
    with pytest.raises(ArgumentError, match="got seed=-1"):
        seed_everything(-1)
