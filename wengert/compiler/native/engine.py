"""From LLVM's assembly to machine code in memory, by llvmlite."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, ClassVar

import numpy as np

from wengert.base.errors import MissingDependencyError
from wengert.base.optional import optional
from wengert.compiler.native import cache as disk

LOCK = threading.RLock()


@cache
def binding() -> Any:
    """llvmlite's binding with the processor's target ready."""
    llvm = optional("llvmlite.binding", "native code", "llvmlite")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


def available() -> bool:
    """Whether native code can be made here; ``WENGERT_BACKEND=numpy`` asks for none."""
    return os.environ.get("WENGERT_BACKEND", "") != "numpy" and _installed()


@cache
def _installed() -> bool:
    """Whether llvmlite is there; where it is not, that is said once."""
    try:
        found = optional("llvmlite.binding", "native code", "llvmlite") is not None
    except (MissingDependencyError, OSError):  # it is not there, or not whole
        found = False
    if not found:
        warnings.warn(
            "llvmlite is not installed: compiled functions run on NumPy (pip install llvmlite; WENGERT_BACKEND=numpy "
            "asks for NumPy)",
            RuntimeWarning,
            stacklevel=2,
        )
    return found


@cache
def processor() -> tuple[str, str]:
    """The processor's name and features for code generation.

    ``WENGERT_CPU`` gives others: ``baseline``, or a name such as ``haswell`` (AVX2 without AVX-512).
    """
    llvm = binding()
    wanted = os.environ.get("WENGERT_CPU", "")
    if wanted == "baseline":
        return "", ""
    if wanted:
        return wanted, ""
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def _machine() -> Any:
    cpu, features = processor()
    target = binding().Target.from_default_triple()
    return target.create_target_machine(cpu=cpu, features=features, opt=2, reloc="pic", codemodel="small", jit=True)


@cache
def setting() -> tuple[str, ...]:
    """What code depends on besides its text: the target, and the versions of all that has to do with it."""
    llvm = binding()
    llvmlite = optional("llvmlite", "native code", "llvmlite").__version__
    versions = f"llvmlite {llvmlite}, LLVM {llvm.llvm_version_info}, Python {sys.version_info[:2]}"
    return (llvm.get_default_triple(), *processor(), versions)


def name(text: str) -> str:
    """The name of a module's machine code on disk."""
    return disk.key(text, *setting())


def object_code(text: str, pieces: Callable[[], Sequence[str]] | None = None) -> bytes:
    """Machine code for a module's assembly: from the disk where it was made before, else translated.

    `pieces` gives the same module as several, which are translated at the same time.
    """
    known = name(text)
    code = disk.load(known)
    if code is None:
        code = _packed(_translated([text] if pieces is None else pieces()))
        disk.store(known, code)
    return code


def _translated(texts: Sequence[str]) -> list[bytes]:
    """Raises llvmlite's error where a text is faulty, always a mistake of this package."""
    binding()
    found: list[bytes] = [b""] * len(texts)
    errors: list[BaseException] = []

    def translate(number: int) -> None:
        try:
            found[number] = _object(texts[number])
        except BaseException as error:  # raised below, by the thread that waits for the others
            errors.append(error)

    with LOCK:
        others = []
        for number in range(1, len(texts)):
            thread = threading.Thread(target=translate, args=(number,))
            try:
                thread.start()
            except RuntimeError:  # there are no more threads
                translate(number)
            else:
                others.append(thread)
        translate(0)
        for thread in others:
            thread.join()
    try:
        if errors:
            raise errors[0]
    finally:
        errors.clear()  # they refer to this frame
    return found


def _object(text: str) -> bytes:
    """One module's machine code. It has a context and a machine of its own, so LLVM shares nothing with others."""
    llvm = binding()
    # The module goes before the context it is in: Python's search for circles would take them in any order.
    with contextlib.closing(llvm.create_context()) as context, \
            contextlib.closing(llvm.parse_assembly(text, context)) as module:  # fmt: skip
        module.verify()
        return _emitted(module, _machine())


def _emitted(module: Any, machine: Any) -> bytes:
    llvm = binding()
    emit = llvm.ffi.lib.LLVMPY_TargetMachineEmitToMemory
    unlocked = getattr(emit, "_cfn", None)  # llvmlite lets one thread at a time into LLVM, whatever it works on
    if unlocked is None:
        return bytes(machine.emit_object(module))
    with llvm.ffi.OutputString() as message:
        buffer = unlocked(machine, module, 1, message)
        if not buffer:
            raise RuntimeError(str(message))
    try:
        start, size = llvm.ffi.lib.LLVMPY_GetBufferStart(buffer), llvm.ffi.lib.LLVMPY_GetBufferSize(buffer)
        return ctypes.string_at(start, size)
    finally:
        llvm.ffi.lib.LLVMPY_DisposeMemoryBuffer(buffer)


def _packed(objects: Sequence[bytes]) -> bytes:
    """Several object files as one: how many, how long each is, and themselves."""
    numbers = np.array([len(objects), *map(len, objects)], "<i8")
    return b"".join([numbers.tobytes(), *objects])


def _unpacked(code: bytes) -> list[bytes]:
    (count,) = np.frombuffer(code, "<i8", 1)
    ends = np.cumsum(np.frombuffer(code, "<i8", 1 + int(count))) - count + 8 * (1 + int(count))
    return [code[start:end] for start, end in itertools.pairwise(ends.tolist())]


class Code:
    """Machine code in memory, for as long as this lives."""

    retire: ClassVar[Callable[[Any], None] | None] = None  # takes what is to be unloaded, as soon as nobody is in it

    def __init__(self, code: bytes) -> None:
        llvm = binding()
        with LOCK:
            self.loaded = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
            for content in _unpacked(code):
                self.loaded.add_object_file(llvm.ObjectFileRef.from_data(content))
            self.loaded.finalize_object()

    def __del__(self) -> None:
        loaded = self.__dict__.pop("loaded", None)
        if loaded is not None and Code is not None and Code.retire is not None:
            Code.retire(loaded)


class Library:
    """Loaded machine code: its functions' addresses.

    ``handle`` keeps the code; whoever calls it holds that. It is an array, as Python does not look into arrays for
    circles of references: in such a circle it would run the code's finalizer while others can still call the code.
    """

    def __init__(self, code: bytes) -> None:
        self.handle = np.empty(1, object)
        self.handle[0] = Code(code)

    def address(self, name: str) -> int:
        """The address of an external function."""
        with LOCK:
            return int(self.handle[0].loaded.get_function_address(name))


__all__ = ["Code", "Library", "available", "binding", "name", "object_code", "processor", "setting"]
