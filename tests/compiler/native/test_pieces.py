"""Modules that are translated in pieces, by several threads."""

from __future__ import annotations

import ctypes
import gc
from typing import Any

import pytest

from wengert.compiler.native import engine, pieces
from wengert.compiler.native.ir import F64, I64, Module, Value


def chain(length: int) -> Module:
    """Functions f0, f1, … of which each calls the one before, and ``start``, which runs the last one on a number."""
    module = Module()
    for number in range(length):
        f = module.function(f"f{number}", ["x"])
        f.store(f.intrinsic("sqrt", f.load(f["x"], F64) + float(number)) if number % 2 else f.load(f["x"], F64) + 1.0,
                f["x"])  # fmt: skip
        if number:
            f.call(f"f{number - 1}", f["x"])
        f.finish()
    f = module.function("start", ["x"], external=True)
    f.declare("fixed", "@fixed = internal constant [2 x i64] [i64 3, i64 4]")
    f.store(f.load(Value(f, "@fixed", f["x"].type), I64, 1), f["x"], 1)
    f.call(f"f{length - 1}", f["x"])
    f.finish()
    return module


def run(code: bytes) -> list[float]:
    library = engine.Library(code)
    numbers = (ctypes.c_double * 2)(2.0)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(library.address("start"))(ctypes.addressof(numbers))
    return [numbers[0], ctypes.c_int64.from_buffer(numbers, 8).value]


def expected(length: int) -> list[float]:
    x = 2.0
    for number in reversed(range(length)):
        x = (x + number) ** 0.5 if number % 2 else x + 1.0
    return [x, 4]


@pytest.mark.parametrize("most", [1, 2, 3, 30])
@pytest.mark.parametrize("length", [1, 2, 7, 40])
def test_pieces_call_each_other(monkeypatch, most, length) -> None:
    monkeypatch.setattr(pieces, "_LEAST", 100)
    monkeypatch.setenv("WENGERT_CACHE", "off")
    module = chain(length)
    texts = pieces.cut(module, most)
    assert len(texts) == min(most, length + 1, sum(map(len, module.functions)) // 100)
    found = run(engine.object_code(module.text(), lambda: texts))
    assert found == pytest.approx(expected(length), rel=1e-15)
    assert found == run(engine.object_code(module.text()))


def test_pieces_are_of_about_the_same_length_and_declare_what_they_need(monkeypatch) -> None:
    monkeypatch.setattr(pieces, "_LEAST", 100)
    texts = pieces.cut(chain(40), 3)
    assert max(map(len, texts)) < 1.3 * min(map(len, texts))
    assert sum("@fixed = " in text for text in texts) == 1
    assert all(text.count("declare void @f") < 41 for text in texts)


def test_short_modules_stay_whole() -> None:
    assert pieces.cut(chain(40), 8) == [chain(40).text()]


def test_a_fault_in_any_piece_is_raised(monkeypatch) -> None:
    monkeypatch.setenv("WENGERT_CACHE", "off")
    good = chain(2).text()
    for texts in ([good, "define nonsense"], ["define nonsense", good]):
        with pytest.raises(RuntimeError, match="expected"):
            engine.object_code("never found", lambda texts=texts: texts)


@pytest.mark.parametrize("count", [1, 3])
def test_whoever_is_interrupted_may_go_on(monkeypatch, count) -> None:
    """Modules and their contexts are closed in order, not by Python's search for circles."""
    monkeypatch.setattr(pieces, "_LEAST", 100)
    monkeypatch.setenv("WENGERT_CACHE", "off")
    module = chain(40)
    for where in ("_machine", "_emitted"):
        with monkeypatch.context() as patch:
            patch.setattr(engine, where, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                engine.object_code("never found", lambda: pieces.cut(module, count))
        gc.collect()
    assert run(engine.object_code("", lambda: pieces.cut(module, count))) == pytest.approx(expected(40), rel=1e-15)


def test_without_more_threads(monkeypatch) -> None:
    monkeypatch.setattr(pieces, "_LEAST", 100)
    monkeypatch.setenv("WENGERT_CACHE", "off")

    def refuse(_thread: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(engine.threading.Thread, "start", refuse)
    assert run(engine.object_code("", lambda: pieces.cut(chain(7), 3))) == pytest.approx(expected(7), rel=1e-15)


def test_without_llvmlites_inner_name(monkeypatch) -> None:
    """Where llvmlite hides the function behind its lock, pieces are translated one after the other."""
    monkeypatch.setattr(pieces, "_LEAST", 100)
    monkeypatch.setenv("WENGERT_CACHE", "off")

    class Locked:
        def __call__(self, *arguments):
            return wrapped(*arguments)

    lib = engine.binding().ffi.lib
    wrapped = lib.LLVMPY_TargetMachineEmitToMemory
    monkeypatch.setitem(lib._fntab, "LLVMPY_TargetMachineEmitToMemory", Locked())
    assert run(engine.object_code("", lambda: pieces.cut(chain(7), 2))) == pytest.approx(expected(7), rel=1e-15)
