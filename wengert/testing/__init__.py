"""Floor T: the proof kit, public: the battery of primitives, random programs."""

from wengert.testing.battery import check_primitive
from wengert.testing.programs import Program, random_program

__all__ = ["Program", "check_primitive", "random_program"]
