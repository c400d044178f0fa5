"""The processor as a target: machine code for lists, generated through llvmlite."""

from wengert.compiler.native.bound import Closed
from wengert.compiler.native.engine import available
from wengert.compiler.native.step import Step

__all__ = ["Closed", "Step", "available"]
