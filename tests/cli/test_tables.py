"""``wengert train`` on files, ``predict`` and ``evaluate``, as a user types them: figures, files, faults."""

from __future__ import annotations

import csv
import io
import os
import re
import signal
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import wengert as wg
from wengert.cli.main import main

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}


class Done(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """The command line in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: object, piped: bytes | None = None) -> Done:
        monkeypatch.setattr(sys, "argv", ["wengert", *map(str, arguments)])
        if piped is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(piped)))
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code or 0
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Done(code, out, err)

    return command


def write(path, heads, rows) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([heads, *rows])


@pytest.fixture
def iris(tmp_path):
    flowers = wg.data.iris()
    rows = [[*x.tolist(), flowers.names[y]] for x, y in zip(flowers.features, flowers.labels, strict=True)]
    write(tmp_path / "iris.csv", [*flowers.columns, "species"], rows)
    return tmp_path / "iris.csv"


FAULTS = ["Ärger <b>&", "", "NA", "ja"]


@pytest.fixture
def homes(tmp_path):
    """Numbers with gaps, categories with odd names, booleans, a number of each row, a constant, an empty column."""
    rng = np.random.default_rng(5)
    rows = []
    for k in range(300):
        area, kind, garden = rng.uniform(30, 200), FAULTS[rng.integers(4)], rng.random() < 0.4
        price = 1000 * area + {"ja": 90_000}.get(kind, 0) + 30_000 * garden + rng.normal(0, 2000)
        gap = rng.random() < 0.1
        rows.append([k, "?" if gap else f"{area:.2f}", kind, "yes" if garden else "no", 1, "", f"{price:.2f}"])
    write(tmp_path / "homes.csv", ["", "area", "kind, odd", "garden", "one", "void", "price"], rows)
    return tmp_path / "homes.csv"


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def metric(out: str, name: str) -> float:
    found = re.search(rf"{name} +(-?[\d.e+]+)", out)
    assert found, out
    return float(found[1])


class Page(HTMLParser):
    """Tags and texts of a page; complains where tags do not close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append(tag)
        assert not {"src", "href", "onload", "onclick"} & {name for name, _ in attrs}
        if tag not in ("meta", "line", "circle", "polyline"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.texts.append(data)


def page(path) -> Page:
    found = Page()
    found.feed(path.read_text(encoding="utf-8"))
    assert not found.open
    return found


# ----- good files
def test_iris_from_a_file_to_predictions(run, iris, tmp_path) -> None:
    done = run("train", iris, "--target", "species", "--lr", "0.01", "--epochs", "60")
    assert done.code == 0, done.err
    for words in ("150 rows of 5 columns", "task: classification, because 'species' holds 3 different texts",
                  "4 - 64 - 32 - 3 units", "train loss", "valid accuracy", "On the 30 held-out test rows", "always",
                  "Confusions", "virginica", "Written: iris.safetensors, iris.html"):  # fmt: skip
        assert words in done.out
    assert metric(done.out, "accuracy") >= 90
    assert sorted(p.name for p in tmp_path.iterdir()) == ["iris.csv", "iris.html", "iris.safetensors"]
    predicted = read(run("predict", "iris.safetensors", iris, "--keep", "species").out)
    right = sum(row["species"] == row["prediction"] for row in predicted)
    assert len(predicted) == 150 and right >= 135
    assert all(1 / 3 < float(row["probability"]) <= 1 for row in predicted)
    evaluated = run("evaluate", "iris.safetensors", iris)
    assert metric(evaluated.out, "accuracy") == pytest.approx(right / 1.5, abs=0.01)
    shares = read(run("predict", "iris.safetensors", iris, "--probabilities").out)
    assert list(shares[0]) == ["prediction", "p(setosa)", "p(versicolor)", "p(virginica)"]
    assert sum(float(v) for k, v in shares[0].items() if k != "prediction") == pytest.approx(1, abs=1e-5)


def test_digits_from_a_file(run, tmp_path) -> None:
    images, labels, _ = wg.data.digits()
    rows = [[*x.ravel().tolist(), y] for x, y in zip(images, labels, strict=True)]
    write(tmp_path / "digits.csv", [*(f"p{k}" for k in range(64)), "digit"], rows)
    done = run("train", "digits.csv", "--target", "digit", "-q", "--epochs", "30", "--hidden", "128")
    assert done.code == 0 and "10 different whole numbers" in done.out and "'p0' is the same in every row" in done.out
    assert metric(done.out, "accuracy") >= 96 and "train loss" not in done.out


def test_a_file_with_gaps_and_odd_names(run, homes, tmp_path) -> None:
    done = run("train", homes, "--target", "price", "-q", "--epochs", "80", "--lr", "0.01", "--patience", "0")
    assert done.code == 0, done.err
    for words in ("first column has no name", "'void' is empty: left out", "'one' is the same in every row: left out",
                  "missing, taken for the mean", "a category of their own", "task: regression"):  # fmt: skip
        assert words in done.out
    assert metric(done.out, "r2") > 0.85
    report = page(tmp_path / "homes.html")
    text = " ".join(report.texts)
    assert report.tags.count("svg") == 3 and "b" not in report.tags and "script" not in report.tags
    for words in (
        "Ärger <b>&",
        "kind, odd",
        "left out: is empty",
        "mean absolute error",
        "price: prediction over truth",
    ):
        assert words in text
    few = b'"kind, odd",garden,area,id,one\nja,no,100,77,2\nneu,yes,,78,3\n'
    said = run("predict", "homes.safetensors", "-", "--keep", "id", piped=few)
    first, second = read(said.out)
    assert (first["id"], second["id"]) == ("77", "78")
    assert 150_000 < float(first["prediction"]) < 230_000
    assert "ignored, as the model does not know them: 'one'" in said.err
    assert "'area': 1 missing, taken for the mean" in said.err and "had not ('neu')" in said.err


def test_embedded_data_as_csv(run, iris, tmp_path) -> None:
    assert run("data", "iris").out == iris.read_text().replace("\r", "")
    assert run("data", "digits", "--out", "digits.csv").code == 0
    rows = read((tmp_path / "digits.csv").read_text())
    assert len(rows) == 1797 and len(rows[0]) == 65 and rows[0]["digit"] == "0" and rows[0]["row 0 column 2"] == "5"
    assert "needs digits or iris" in run("data", "mnist").err


def test_a_column_that_is_left_out_may_hold_anything(run, tmp_path) -> None:
    rows = [[k % 7, "see below" if k == 5 else k, "ab"[k % 7 > 3]] for k in range(60)]
    write(tmp_path / "notes.csv", ["x", "note", "y"], rows)
    assert "line 7, column 'note' holds 'see below'" in run("train", "notes.csv", "--target", "y").err
    done = run("train", "notes.csv", "--target", "y", "--exclude", "note", "-q", "--epochs", "2")
    assert done.code == 0, done.err
    assert run("predict", "notes.safetensors", "notes.csv").code == 0


def test_settings_from_a_file_and_the_command_line_over_them(run, iris, tmp_path) -> None:
    (tmp_path / "plan.toml").write_text(
        'file = "iris.csv"\ntarget = "species"\nhidden = [7]\nepochs = 2\nlr = 1\nbatch-size = 50\nquiet = true\n'
        'exclude = ["petal width"]\nout = "sub/plan.safetensors"\n'
    )
    done = run("train", "--settings", "plan.toml")
    assert done.code == 0, done.err
    assert "3 - 7 - 3 units" in done.out and "train loss" not in done.out
    assert sorted(p.name for p in (tmp_path / "sub").iterdir()) == ["plan.html", "plan.safetensors"]
    about = wg.train.TableModel.load(tmp_path / "sub/plan.safetensors").about
    assert about["settings"]["batch_size"] == 50 and about["settings"]["lr"] == 1
    over = run(
        "train", "--settings", "plan.toml", "--hidden", "", "--exclude", "sepal width", "--out", "two.safetensors"
    )
    assert "4 - 3 units" in over.out.replace("3 - 3", "4 - 3") and (tmp_path / "two.html").exists()
    assert "petal width" in wg.train.TableModel.load(tmp_path / "two.safetensors").encoder.columns


def test_history_and_events_are_written_where_asked_for(run, iris, tmp_path) -> None:
    more = ("--history", "h.csv", "--tensorboard", "logs", "--epochs", "3", "-q")
    done = run("train", iris, "--target", "species", *more)
    assert done.code == 0 and "iris.html, h.csv" in done.out
    assert [row["epoch"] for row in read((tmp_path / "h.csv").read_text())] == ["1", "2", "3"]
    assert b"loss/validation" in next((tmp_path / "logs").iterdir()).read_bytes()


def test_how_a_file_is_written_stays_with_the_model(run, tmp_path) -> None:
    rng = np.random.default_rng(2)
    rows = [[f"{x:.3f}".replace(".", ",") if k % 9 else "-999", int(x > 0)] for k, x in enumerate(rng.normal(size=90))]
    text = "x;y\n" + "".join(f"{x};{y}\n" for x, y in rows)
    (tmp_path / "odd.csv").write_bytes(text.encode())
    assert "9 of its" not in run("train", "odd.csv", "--target", "y", "-q").err  # a comma is no decimal mark by default
    done = run("train", "odd.csv", "--target", "y", "-q", "--decimal", ",", "--missing", "-999", "--epochs", "20")
    assert done.code == 0 and "'x': 10 missing" in done.out
    again = run("evaluate", "odd.safetensors", "odd.csv")
    assert again.code == 0 and "'x': 10 missing" in again.err and metric(again.out, "accuracy") > 85


# ----- faults
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "none.csv", "--target", "x"], "No such file or directory: 'none.csv'"),
        (["train", "iris", "--target", "x"], "there is no file 'iris'\n  hint: the embedded data: --data iris"),
        (["train", "iris.csv"], "a file needs --target"),
        (["train", "iris.csv", "--target", "specis"], "has no column 'specis'; it has"),
        (["train", "iris.csv", "--target", "species", "--data", "iris"], "got a file and --data"),
        (["train", "--data", "iris", "--target", "species"], "--target needs a CSV file"),
        (["train", "iris.csv", "--target", "species", "--task", "regression"], "regression needs numbers"),
        (["train", "iris.csv", "--target", "species", "--hidden", "4,-1"], "--hidden: got '4,-1'"),
        (["train", "iris.csv", "--target", "species", "--lr", "0"], "lr: got 0.0; needs a number above 0"),
        (["train", "iris.csv", "--target", "species", "--optimizer", "adamm"], "optimizer: got 'adamm'; needs one of"),
        (["train", "iris.csv", "--target", "species", "--exclude", "petals"], "has no column 'petals'"),
        (["train", "iris.csv", "--target", "species", "--categorical", "petals"], "has no column 'petals'"),
        (["train", "iris.csv", "--target", "species", "--out", "iris.csv"], "it is not overwritten"),
        (["train", "iris.csv", "--target", "species", "--report", "iris.csv"], "it is not overwritten"),
        (
            ["train", "iris.csv", "--target", "species", "--out", "x.html"],
            "--report: 'x.html' is what --out is already",
        ),
        (["train", "iris.csv", "--target", "species", "--out", "iris.csv/x.st"], "iris.csv"),
        (["train", "iris.csv", "--target", "species", "--history", "iris.csv"], "it is not overwritten"),
        (["train", "iris.csv", "--target", "species", "--history", "h.txt"], "needs a file .csv or .jsonl"),
        (["train", "iris.csv", "--target", "species", "--optimizer", "sgd", "--lr", "1e30"], "the loss is"),
        (["train", "iris.csv", "--target", "species", "--encoding", "utf-16"], "is not written in utf-16"),
        (["train", "--settings", "none.toml"], "No such file"),
        (["predict", "iris.csv", "iris.csv"], "no readable safetensors file"),
        (["predict", "none.safetensors", "iris.csv"], "none.safetensors"),
        (["predict", "iris.csv"], "Missing argument"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_written(run, iris, tmp_path, arguments, words) -> None:
    before = iris.read_bytes()
    done = run(*arguments)
    assert done.code == 2 and words in re.sub(r"\s*│\s*", " ", done.err), done.err
    assert [p.name for p in tmp_path.iterdir()] == ["iris.csv"] and iris.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epoch = 3", "'epoch' is no setting\n  hint: did you mean 'epochs'?"),
        ("zzz = 3", "'zzz' is no setting\n  hint: there are file, data, target"),
        ('epochs = "3"', "epochs is '3'; needs a whole number"),
        ("epochs = true", "epochs is True; needs a whole number"),
        ("hidden = [1.5]", "hidden is [1.5]; needs a list of sizes"),
        ("exclude = 'x'", "exclude is 'x'; needs a list"),
        ("[train]\nepochs = 3", "'train' is no setting"),
        ("batch-size = 3\nbatch_size = 4", "'batch_size' is set twice"),
        ("epochs 3", "is no TOML: "),
        ("target = species", "is no TOML: "),
    ],
)
def test_faults_of_a_settings_file(run, tmp_path, text, words) -> None:
    (tmp_path / "plan.toml").write_text(text)
    done = run("train", "--settings", "plan.toml")
    assert done.code == 2 and words in done.err, done.err


@pytest.fixture
def model(run, iris):
    assert run("train", iris, "--target", "species", "-q", "--epochs", "3").code == 0
    return "iris.safetensors"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"sepal length,sepal width,petal length\n1,2,3\n",
         "has no column 'petal width'; it has 'sepal length', 'sepal width', 'petal length'"),
        (b"sepal length,sepal width,petal length,Petal Width\n1,2,3,4\n", "hint: did you mean 'Petal Width'?"),
        (b"sepal length,sepal width,petal length,petal width\n1,2,3,4\n1,2,wide,4\n",
         "line 3, column 'petal length' holds 'wide'; needs numbers"),
        (b"sepal length,sepal width,petal length,petal width\n1,2,3,1e300\n",
         "column 'petal width' holds 1e+300, too far"),
        (b"sepal length,sepal width,petal length,petal width\n1,2,3\n", "line 2 has 3 cells"),
        (b"", "is empty"),
    ],
)  # fmt: skip
def test_rows_that_do_not_fit_are_refused_by_name(run, model, tmp_path, content, words) -> None:
    (tmp_path / "new.csv").write_bytes(content)
    done = run("predict", model, "new.csv", "--out", "found.csv")
    assert done.code == 2 and words in done.err and not done.out
    assert not (tmp_path / "found.csv").exists()
    assert run("evaluate", model, "new.csv").code == 2


def test_predictions_go_to_a_file(run, model, iris, tmp_path) -> None:
    done = run("predict", model, iris, "--out", "found.csv")
    assert done.code == 0 and not done.out and "Written: found.csv" in done.err
    assert (tmp_path / "found.csv").read_text() == run("predict", model, iris).out
    for target in (model, "iris.csv"):
        before = (tmp_path / target).read_bytes()
        assert run("predict", model, "iris.csv", "--out", target).code == 2
        assert (tmp_path / target).read_bytes() == before


def test_a_class_that_is_new_is_refused(run, model, tmp_path) -> None:
    (tmp_path / "new.csv").write_text("sepal length,sepal width,petal length,petal width,species\n1,2,3,4,rose\n")
    done = run("evaluate", model, "new.csv")
    assert done.code == 2 and "line 2, column 'species' holds 'rose'; the classes are 'setosa'" in done.err
    assert run("predict", model, "new.csv").code == 0  # the target column does not matter


def test_a_terminal_is_not_ordered_about(run, tmp_path) -> None:
    rows = [[k, "\x1b[31mred\x1b[0m" if k % 2 else "[bold]b[/bold]"] for k in range(40)]
    write(tmp_path / "evil.csv", ["x\x1b]0;t\x07", "y"], rows)
    done = run("train", "evil.csv", "--target", "y", "-q", "--epochs", "2")
    assert done.code == 0 and "\x1b" not in done.out + done.err
    assert "\\x1b[31mred" in done.out and "[bold]b[/bold]" in done.out


def test_a_failed_training_leaves_the_old_model(run, model, tmp_path) -> None:
    before = (tmp_path / model).read_bytes()
    assert run("train", "iris.csv", "--target", "species", "-q", "--optimizer", "sgd", "--lr", "1e30").code == 2
    assert (tmp_path / model).read_bytes() == before


def command(folder, *arguments: str, **more) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "wengert.cli.main", *arguments], cwd=folder, capture_output=True, check=False,
        timeout=120, env=ENVIRONMENT, **more,
    )  # fmt: skip


def test_as_a_process_that_reads_pipes(iris, tmp_path) -> None:
    done = command(tmp_path, "train", "iris.csv", "--target", "species", "--epochs", "2", "-q")
    assert done.returncode == 0, done.stderr
    found = command(tmp_path, "predict", "iris.safetensors", "-", input=iris.read_bytes())
    assert found.returncode == 0 and found.stdout.count(b"\n") == 151 and not found.stderr
    bad = command(tmp_path, "predict", "iris.safetensors", "-", input=b"a,b\n1,2\n")
    assert bad.returncode == 2 and b"standard input: has no columns" in bad.stderr and b"Traceback" not in bad.stderr


def test_a_reader_that_goes_away_is_no_fault(model, iris, tmp_path) -> None:
    rows = iris.read_text().splitlines()
    (tmp_path / "long.csv").write_text("\n".join([rows[0], *rows[1:] * 400]))
    process = subprocess.Popen(
        [sys.executable, "-m", "wengert.cli.main", "predict", "iris.safetensors", "long.csv"], cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT,
    )  # fmt: skip
    assert process.stdout.readline() == b"prediction,probability\n"
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait(60)


def test_an_interrupted_training_ends_with_its_best_model(iris, tmp_path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "wengert.cli.main", "train", "iris.csv", "--target", "species", "--patience", "0",
         "--epochs", "10000000"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=ENVIRONMENT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored where tests run in the background
    )  # fmt: skip
    for line in process.stdout:
        if re.match(rb" +20 ", line):
            break
    process.send_signal(signal.SIGINT)
    rest = process.stdout.read().decode()
    process.stdout.close()
    assert process.wait(60) == 0 and "Training ended by an interruption" in rest
    assert wg.train.TableModel.load(tmp_path / "iris.safetensors").target.name == "species"
