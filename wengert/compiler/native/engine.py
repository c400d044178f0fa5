"""From LLVM's assembly to machine code in memory, by llvmlite."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Callable
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
def _setting() -> tuple[str, ...]:
    """What code depends on besides its text: the target, and the versions of all that has to do with it."""
    llvm = binding()
    llvmlite = optional("llvmlite", "native code", "llvmlite").__version__
    versions = f"llvmlite {llvmlite}, LLVM {llvm.llvm_version_info}, Python {sys.version_info[:2]}"
    return (llvm.get_default_triple(), *processor(), versions)


def object_code(text: str) -> bytes:
    """Machine code for a module's assembly: from the disk where it was made before, else translated."""
    name = disk.key(text, *_setting())
    code = disk.load(name)
    if code is None:
        code = _translated(text)
        disk.store(name, code)
    return code


def _translated(text: str) -> bytes:
    """Raises llvmlite's error where the text is faulty, always a mistake of this package."""
    llvm = binding()
    with LOCK:
        module = llvm.parse_assembly(text)
        module.verify()
        return bytes(_machine().emit_object(module))


class Code:
    """Machine code in memory, for as long as this lives."""

    retire: ClassVar[Callable[[Any], None] | None] = None  # takes what is to be unloaded, as soon as nobody is in it

    def __init__(self, code: bytes) -> None:
        llvm = binding()
        with LOCK:
            self.loaded = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
            self.loaded.add_object_file(llvm.ObjectFileRef.from_data(code))
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


__all__ = ["Code", "Library", "available", "binding", "object_code", "processor"]
