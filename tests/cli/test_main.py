"""The command line, run as a user runs it."""

from __future__ import annotations

import csv
import re
import subprocess
import sys

import numpy as np
import pytest

import wengert as wg
from wengert.cli.training import Settings, train_classifier
from wengert.train import read_weights


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wengert.cli.main", *arguments], capture_output=True, text=True, check=False, timeout=300
    )


def test_train_writes_what_it_says(tmp_path) -> None:
    done = run("train", "--data", "iris", "--epochs", "12", "--hidden", "16,8", "--out", str(tmp_path / "iris"))
    assert done.returncode == 0, done.stderr
    for words in ("150 rows of 4 features in 3 classes", "4 - 16 - 8 - 3 units", "train loss", "valid accuracy",
                  "Confusion on the test part", "virginica", "Test accuracy: ", "Written: "):  # fmt: skip
        assert words in done.stdout
    weights, metadata = read_weights(tmp_path / "iris" / "weights.safetensors")
    assert {"input.mean", "input.deviation"} < set(weights)
    assert '"virginica"' in metadata["classes"]
    with open(tmp_path / "iris" / "history.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == [str(i) for i in range(1, len(rows) + 1)]
    assert float(rows[-1]["validation_loss"]) < float(rows[0]["validation_loss"])


@pytest.mark.parametrize("seed", [0, 1])
def test_digits_are_learned(seed) -> None:
    result = train_classifier(Settings(seed=seed), None, lambda _text: None)
    assert result.test["accuracy"] >= 0.97
    assert result.rows == 359
    assert result.right / result.rows == pytest.approx(result.test["accuracy"])
    assert result.confusion.sum(axis=1).min() >= 34  # stratified


def test_the_steps_a_second_are_told(tmp_path) -> None:
    done = run("train", "--data", "digits", "--epochs", "5", "--hidden", "16", "--quiet")
    wanted = (
        r"^Steps a second: [\d,]+ as Python runs them \(\d+ steps\), [\d,]+ compiled \(\d+ steps\); "
        r"compiling took [\d.]+ s\.$"
    )
    assert re.search(wanted, done.stdout, re.MULTILINE), done.stdout + done.stderr
    (tmp_path / "plan.toml").write_text("compile = false\nquiet = true\n")
    for options in (("--no-compile", "-q"), ("--settings", str(tmp_path / "plan.toml"))):
        told = run("train", "--data", "iris", "--epochs", "2", *options).stdout
        assert re.search(r"^Steps a second: [\d,]+, nothing was compiled: compile=False\.$", told, re.MULTILINE)


def test_the_seed_repeats_a_training() -> None:
    settings = Settings(data="iris", hidden=(8,), epochs=3)
    first, second = (train_classifier(settings, None, lambda _text: None).model.state_dict() for _ in range(2))
    for name, value in first.items():
        np.testing.assert_array_equal(second[name], value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--data", "mnist"], "wengert: --data: got 'mnist'; needs one of digits, iris"),
        (["train", "--optimizer", "lion"], "wengert: --optimizer: got 'lion'; needs one of"),
        (["train", "--hidden", "64,x"], "wengert: --hidden: got '64,x'; needs sizes such as 64,32"),
        (["train", "--data", "iris", "--lr", "-1"], "got lr=-1.0"),
        (["train", "--epochs", "0"], "Invalid value for '--epochs'"),
        (["fly"], "No such command 'fly'"),
    ],
)
def test_errors_have_no_traceback(arguments, words) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_info_version_help() -> None:
    info = run("info").stdout
    for words in ("NumPy", np.__version__, "BLAS", "threads", "compiled natively"):
        assert words in info
    assert run("--version").stdout == f"wengert {wg.__version__}\n"
    assert "--hidden" in run("train", "--help").stdout
