"""Test mode, ``WENGERT_POISON=1``: memory is filled with NaN before each call, and nothing writes where it must not.

Values between inputs and outputs then share no memory, and each has guard bytes behind it; so do scratch memory and
results, and inputs are copied between guard bytes. After each call all of these are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.compiler.native.host import bytes_of
from wengert.core.tape import Node, Var

if TYPE_CHECKING:
    from wengert.compiler.native.program import Program

_BYTE = 0xFF  # NaN in every floating dtype
_GUARD = 128


class Watch:
    """What is looked at after each segment of a program, until the next call."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.rooms: list[tuple[np.ndarray | None, np.ndarray, np.ndarray, bool]] = []  # later segments use them too
        owned = np.zeros(len(program.arena), bool)
        for base, start in program.writing.offset.items():
            owned[start : start + bytes_of(base)] = True
        self.guards = ~owned

    def segment(self, function: Callable[..., Any], arrays: Sequence[Var], first: bool) -> Callable[..., Any]:
        """The function of a segment, with poison before (where it is the first one) and a look at all guards after."""
        program = self.program
        written = [isinstance(x, Node) and program.writing.fusion.home[x].kind != "host" for x in arrays]

        def run(*given: Any) -> Any:
            if first:
                program.arena.fill(_BYTE)
                program.scratch.fill(_BYTE)
                self.rooms = []
            rooms = [_room(x) if type(x) is np.ndarray else (None, x) for x in given]
            answer = function(*(x for _, x in rooms))
            if answer is not NotImplemented:
                found = zip(rooms, given, written, strict=True)
                self.rooms += [(room, copy, x, result) for (room, copy), x, result in found if room is not None]
                self.look()
            return answer

        return run

    def look(self) -> None:
        """See whether anything was written where it must not; hand over the results."""
        program, stride = self.program, self.program.plan.scratch
        for room, copy, x, result in self.rooms:
            assert room is None or _untouched(room, x.nbytes), "written beyond an array"
            assert result or copy.tobytes() == x.tobytes(), "an input was written"
            if result:
                x[...] = copy
        assert (program.arena[self.guards] == _BYTE).all(), "written beyond a value in the arena"
        for start in range(0, len(program.scratch) - stride + 1, stride):
            rest = program.scratch[start + program.writing.block.scratch : start + stride]
            assert (rest == _BYTE).all(), "written beyond scratch memory"


def _room(x: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """A copy of an array between guard bytes; itself where it will be refused."""
    if not x.flags.c_contiguous or not x.flags.aligned:
        return None, x
    room = np.full(x.nbytes + 2 * _GUARD, _BYTE, np.uint8)
    copy = room[_GUARD : _GUARD + x.nbytes].view(x.dtype).reshape(x.shape)
    copy[...] = x
    return room, copy


def _untouched(room: np.ndarray, size: int) -> bool:
    return bool((room[:_GUARD] == _BYTE).all() and (room[_GUARD + size :] == _BYTE).all())


__all__ = ["Watch"]
