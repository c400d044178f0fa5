"""The cache of machine code: found again, never trusted, never in the way."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import wengert as wg
from wengert.compiler.native import cache, engine

PROGRAM = """
import numpy as np, wengert as wg
from wengert.compiler.native import engine
made, before = [], engine._translated
engine._translated = lambda text: made.append(text) or before(text)
f = wg.compile(lambda x: wg.tanh(x) * 2 + x.sum())
x = np.linspace(-1, 1, 7)
np.testing.assert_allclose(f(x), np.tanh(x) * 2 + x.sum(), rtol=1e-14, atol=1e-15)
print(len(made))
"""


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A folder that is not there yet, as the cache of this process and of those it starts."""
    monkeypatch.setenv("WENGERT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("WENGERT_CACHE", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def translated(monkeypatch) -> list[str]:
    """The texts that were translated, as they were not found."""
    made: list[str] = []
    before = engine._translated

    def translate(text: str) -> bytes:
        made.append(text)
        return before(text)

    monkeypatch.setattr(engine, "_translated", translate)
    return made


def check() -> None:
    """Compile a function and compare it with NumPy."""
    x = np.linspace(-1.0, 1.0, 7)
    y = wg.compile(lambda x: wg.tanh(x) * 2 + x.sum())(x)
    np.testing.assert_allclose(y, np.tanh(x) * 2 + x.sum(), rtol=1e-14, atol=1e-15)


def started(**environment: str) -> int:
    """How many modules a new process had to translate."""
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def files(place: Path) -> list[Path]:
    return [entry.path for entry in cache.entries(place) if entry.path.suffix == cache.CODE]


def test_a_second_time_nothing_is_translated(place, translated) -> None:
    check()
    assert len(translated) == len(files(place)) == 1
    check()
    assert len(translated) == 1


def test_another_process_finds_it_whatever_its_hashes(place) -> None:
    assert started(PYTHONHASHSEED="1") == 1
    assert started(PYTHONHASHSEED="2") == 0


@pytest.mark.parametrize("harm", ["empty", "truncated", "one byte", "head", "text"])
def test_what_is_harmed_is_made_anew(place, translated, harm) -> None:
    check()
    (file,) = files(place)
    whole = file.read_bytes()
    bad = bytearray(whole)
    bad[len(bad) // 2] ^= 1
    content = {
        "empty": b"",
        "truncated": whole[: len(whole) // 2],
        "one byte": bytes(bad),
        "head": whole[:20],
        "text": b"no code",
    }
    file.write_bytes(content[harm])
    check()
    assert len(translated) == 2
    assert file.read_bytes() == whole


def test_another_processor_has_files_of_its_own(place) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("the names are those of x86-64")
    for kind in ("", "haswell", "baseline"):
        assert started(WENGERT_CPU=kind) == 1
    assert len(files(place)) == 3
    assert started(WENGERT_CPU="haswell") == 0


def test_versions_are_part_of_the_name(place, translated, monkeypatch) -> None:
    check()
    before = engine.setting()
    monkeypatch.setattr(engine, "setting", lambda: (*before, "another version"))
    check()
    assert len(translated) == len(files(place)) == 2


def test_off_leaves_no_trace(place, translated, monkeypatch) -> None:
    monkeypatch.setenv("WENGERT_CACHE", "off")
    check()
    check()
    assert len(translated) == 2
    assert not place.exists()


def test_where_it_is(monkeypatch, tmp_path) -> None:
    for name in ("WENGERT_CACHE_DIR", "XDG_CACHE_HOME", "WENGERT_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert cache.folder() == tmp_path / ".cache" / "wengert"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache.folder() == tmp_path / "Library" / "Caches" / "wengert"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert cache.folder() == tmp_path / "x" / "wengert"
    monkeypatch.setenv("WENGERT_CACHE_DIR", str(tmp_path / "y"))
    assert cache.folder() == tmp_path / "y"


def test_no_home(monkeypatch, translated) -> None:
    for name in ("WENGERT_CACHE_DIR", "XDG_CACHE_HOME", "WENGERT_CACHE"):
        monkeypatch.delenv(name, raising=False)

    def missing() -> Path:
        raise RuntimeError("could not determine home directory")

    monkeypatch.setattr(Path, "home", missing)
    assert cache.folder() is None
    check()
    assert len(translated) == 1


@pytest.mark.parametrize("why", ["a file is in the way", "the disk is full", "nothing may be written"])
def test_a_folder_that_takes_nothing_is_said_once(tmp_path, monkeypatch, why) -> None:
    monkeypatch.setattr(cache._State, "warned", False)
    if why == "a file is in the way":
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("WENGERT_CACHE_DIR", str(tmp_path / "file" / "cache"))
    else:
        monkeypatch.setenv("WENGERT_CACHE_DIR", str(tmp_path / "cache"))
        number = 28 if why == "the disk is full" else 30

        def refuse(*_args: object, **_named: object) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(cache, "write_atomically", refuse)
    with pytest.warns(RuntimeWarning, match="cannot be kept in .*WENGERT_CACHE=off"):
        check()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write(place, monkeypatch) -> None:
    monkeypatch.setattr(cache._State, "warned", False)
    place.mkdir(mode=stat.S_IRUSR | stat.S_IXUSR)
    with pytest.warns(RuntimeWarning, match="cannot be kept"):
        check()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owners")
def test_what_another_user_wrote_is_not_run(place, translated, monkeypatch) -> None:
    check()
    (file,) = files(place)
    owner = file.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    if owner:  # what root wrote may be run
        check()
        assert len(translated) == 2
    else:
        assert cache.load(file.stem) is not None


def test_what_was_used_longest_ago_goes(place) -> None:
    for number in range(10):
        cache.store(f"{number}", bytes(1000))
        os.utime(place / f"{number}.code", (1000 + number, 1000 + number))
    assert cache.load("0") == bytes(1000)  # which uses it
    cache.shrink(place, 5000)
    assert sorted(file.stem for file in files(place)) == ["0", "8", "9"]
    cache.shrink(place, 5000)
    assert len(files(place)) == 3


def test_the_size_is_looked_at_while_writing(place, monkeypatch) -> None:
    monkeypatch.setattr(cache, "LIMIT", 10_000)
    for number in range(3 * cache._EVERY):
        cache.store(f"{number}", bytes(1000))
    assert sum(entry.size for entry in cache.entries(place)) < 10_000 + 1100 * cache._EVERY


def test_killed_while_writing(place) -> None:
    """Whatever moment a process is killed at, the next one computes the right thing, and what was begun goes."""
    script = f"""
import os, sys
sys.path.insert(0, {str(Path(wg.__file__).parents[1])!r})
from wengert.compiler.native import cache
print("ready", flush=True)
while True:
    cache.store("a" * 64, os.urandom(3_000_000))
"""
    for wait in (0.0, 0.01, 0.03):
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        found = cache.load("a" * 64)
        assert found is None or len(found) == 3_000_000
    (place / f".{'b' * 64}.code.half").write_bytes(b"half")
    for file in place.iterdir():
        os.utime(file, (1000, 1000))
    cache.shrink(place)
    assert all(not file.name.startswith(".") for file in place.iterdir())


def test_eight_threads_compile_the_same(place) -> None:
    f = wg.compile(lambda x: (wg.exp(-x) @ x).sum())
    x = np.random.default_rng(0).standard_normal((30, 30))
    found: list[float] = []
    together = threading.Barrier(8)

    def run() -> None:
        together.wait()
        found.append(float(f(x)))

    members = [threading.Thread(target=run) for _ in range(8)]
    for member in members:
        member.start()
    for member in members:
        member.join()
    np.testing.assert_allclose(found, [(np.exp(-x) @ x).sum()] * 8, rtol=1e-12)
    assert len(f.retraces) == 1


def test_two_processes_at_once(place) -> None:
    command = [sys.executable, "-c", PROGRAM]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    assert len(files(place)) == 1
    assert started() == 0


def test_after_a_fork(place, translated) -> None:
    check()
    if not hasattr(os, "fork"):
        pytest.skip("the system has no fork")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            check()
            os._exit(0 if len(translated) == 1 else 2)
        except BaseException:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_code_holds_no_addresses(place, monkeypatch) -> None:
    """Two programs in one process, whose arrays lie elsewhere, are the same text."""
    monkeypatch.setenv("WENGERT_CACHE", "off")
    texts: list[str] = []
    before = engine.object_code
    monkeypatch.setattr(engine, "object_code", lambda text, *more: texts.append(text) or before(text, *more))
    kept = []
    for _ in range(2):
        model = wg.nn.Linear(5, 3)
        kept.append(model)
        step = wg.compile(lambda x, model=model: model(x).sum())
        with wg.no_grad():
            step(np.ones((4, 5), np.float32))
    assert texts[0] == texts[1]
    assert "inttoptr" not in texts[0]


def run_command(*arguments: str) -> str:
    command = [sys.executable, "-m", "wengert.cli.main", "cache", *arguments]
    done = subprocess.run(command, env=os.environ | {"COLUMNS": "200"}, capture_output=True, text=True, check=True)
    return done.stdout


def test_the_command(place, monkeypatch) -> None:
    check()
    (place / "notes.txt").write_text("not ours")
    shown = run_command()
    assert str(place) in shown
    assert "modules" in shown
    assert "268.4 MB" in shown
    assert f"Removed: {len(cache.entries(place))} files" in run_command("--clear")
    assert [file.name for file in place.iterdir()] == ["notes.txt"]
    monkeypatch.setenv("WENGERT_CACHE", "off")
    assert "Nothing is kept" in run_command()
