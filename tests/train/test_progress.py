"""What a training says: nothing without a terminal, a table on demand, a bar with rate and remaining time in one."""

from __future__ import annotations

import io
import sys

import numpy as np

import wengert as wg
from wengert import nn, optim
from wengert.train import BarReporter, Reporter, TableReporter, fit, progress

X = np.linspace(-1, 1, 24, dtype=np.float32).reshape(12, 2)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def train(report=None) -> None:
    wg.manual_seed(0)
    model = nn.Linear(2, 1)
    fit(model, (X, X[:, :1]), nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1), 3, validation=(X, X[:, :1]),
        batch_size=4, report=report)  # fmt: skip


def test_quiet_without_a_terminal(capsys) -> None:
    assert type(progress.default_reporter()) is Reporter
    train()
    assert capsys.readouterr() == ("", "")


def test_the_table_has_a_line_an_epoch_and_marks_the_best(capsys) -> None:
    train(TableReporter())
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split()[:3] == ["epoch", "train", "loss"] and "valid loss" in heading
    assert [line.split()[0] for line in lines] == ["1", "2", "3"]
    assert all(line.endswith(" *") for line in lines)


def test_a_bar_in_a_terminal(monkeypatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    report = progress.default_reporter()
    assert type(report) is BarReporter
    seen = []

    class Watched(BarReporter):
        def batch(self, epoch: int, done: int) -> None:
            super().batch(epoch, done)
            task = self._bar.tasks[0]
            seen.append((task.completed, task.total, task.fields["epoch"], task.fields["rate"]))

    train(Watched())
    assert [(done, total, epoch) for done, total, epoch, _ in seen] == [(k, 9, (k + 2) // 3) for k in range(1, 10)]
    assert seen[-1][3].endswith(" batches/s")
    shown = screen.getvalue()
    assert "epoch 1" in shown and "━" in shown and "valid loss" in shown
    assert report.__class__.__mro__[1] is TableReporter  # the table stays, the bar goes
