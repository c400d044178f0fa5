"""What Python calls: C functions that check arrays, note their addresses and run a segment (see `call.py`)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NamedTuple

from wengert.compiler.native.call import Make, Sheet
from wengert.compiler.native.driver import Place
from wengert.compiler.native.ir import I8, I32, I64, PTR, Function, Module, Type, Value
from wengert.compiler.native.threads import FUNCTION, JOB, MEMBERS, TABLE

_FEW = 8  # arrays that are checked by lines of their own, which is fastest
_PLAIN = 0x101  # NumPy's flags of an array that is aligned, and laid out row by row


class Argument(NamedTuple):
    """What an array handed to an entry has to be: its place in the table; the dtype's place, and the shape."""

    place: int
    dtype: int | None = None  # None: made by us, not to be checked
    shape: tuple[int, ...] = ()
    bytes: int = 0  # of one of them


def entry(module: Module, name: str, run: str, arguments: Sequence[Argument], threads: bool, bound: bool) -> None:
    """Write a C function for `PyCFunction`: checks arrays, notes their addresses, runs a segment, returns None.

    ``name(self, arguments, count)`` with `self` the table, an array. It returns NotImplemented where an argument does
    not fit, False where the status tells of a closed gate or an index out of bounds. A `bound` entry relies on the
    addresses of arrays outside that were noted before, and returns NotImplemented where those may be others now.
    """
    f, table = _entered(module, name, len(arguments), bound)
    if len(arguments) > _FEW:
        _check_all(f, table, arguments)
    else:
        for number, argument in enumerate(arguments):
            array = f.load(f["arguments"], PTR, number)
            if argument.dtype is not None:
                _check(f, table, array, argument)
            f.store(f.load(array, PTR, 2), table, argument.place)
    _run(f, table, run, threads)
    _answer(f, table, Place.NONE, last=True)
    f.finish()


def rounds(module: Module, name: str, run: str, arguments: Sequence[Argument], threads: bool) -> None:
    """Write the function that runs a segment for each row of its arguments, as `entry` does for one.

    All arrays have as many rows as the first. Where a round fails, its number is noted behind the status.
    """
    f, table = _entered(module, name, len(arguments), bound=True)
    arrays = [f.load(f["arguments"], PTR, number) for number in range(len(arguments))]
    count = f.load(f.load(arrays[0], PTR, 4), I64)
    for array, argument in zip(arrays, arguments, strict=True):
        if argument.dtype is not None:
            _check(f, table, array, argument, count)
    starts = [f.load(array, PTR, 2) for array in arrays]

    def one(i: Value) -> None:
        for start, argument in zip(starts, arguments, strict=True):
            f.store(f.at(start, i * argument.bytes, I8), table, argument.place)
        f.store(i, f.load(table, PTR, int(Place.STATUS)), 1)
        _run(f, table, run, threads)

    f.loop(f.constant(0, I64), count, 1, one)
    _answer(f, table, Place.NONE, last=True)
    f.finish()


def _entered(module: Module, name: str, count: int, bound: bool) -> tuple[Function, Value]:
    """The beginning of an entry: the number of arguments, and whether the noted addresses hold."""
    f = module.function(name, ["self", "arguments"], ["count"], external=True)
    f.result = PTR
    table = f.load(f["self"], PTR, 2)
    fits = f.compare("eq", f["count"], count)
    f.when(f.negation(fits), lambda: _answer(f, table, Place.REFUSED))
    if bound:
        _check_bound(f, table)
    return f, table


def _run(f: Function, table: Value, run: str, threads: bool) -> None:
    """Run a segment, with the team where it is shared out; leave the function where it failed."""
    team = f.load(table, PTR, int(Place.TEAM))
    members = _start(f, team, table, run) if threads else f.constant(1, I64)
    f.do(f"call void @{run}({table!r}, i64 0, {members!r}, {team!r})")
    status = f.load(table, PTR, int(Place.STATUS))
    bad = f.compare("ne", f.load(status, I64), 0)
    f.when(bad, lambda: _answer(f, table, Place.FAILED))


def _check_bound(f: Function, table: Value) -> None:
    """Refuse where arrays outside were replaced, or somebody else refers to one that is written to."""
    epoch = f.load(table, PTR, int(Place.EPOCH))
    same = f.compare("eq", f.load(epoch, I64, 0), f.load(table, I64, int(Place.SEEN)))
    same = same & f.compare("eq", f.load(epoch, I64, 1), f.load(table, I64, int(Place.SEEN_ARRAYS)))
    pairs = f.load(table, PTR, int(Place.OWNED))
    count = f.load(table, I64, int(Place.OWNED_COUNT))

    def look(i: Value, so_far: Value) -> Value:
        thing = f.load(pairs, PTR, i * 2)
        return so_far & f.compare("eq", f.load(thing, I64), f.load(pairs, I64, i * 2 + 1))

    (same,) = f.loop(f.constant(0, I64), count, 1, look, [same])
    f.when(f.negation(same), lambda: _answer(f, table, Place.REFUSED))


def _start(f: Function, team: Value, table: Value, run: str) -> Value:
    """Give the team its job: the function, the table; then count the job up, so that the members see it."""
    f.store(Value(f, f"@{run}", PTR), f.at(team, FUNCTION, I8))
    f.store(table, f.at(team, TABLE, I8))
    job_at = f.at(team, JOB, I8)
    job = f.load(job_at, I64) + 1
    f.do(f"store atomic {job!r}, {job_at!r} release, align 8")
    return f.load(f.at(team, MEMBERS, I8), I64)


def _check_all(f: Function, table: Value, arguments: Sequence[Argument]) -> None:
    """Check many arrays and note their addresses, in a loop: a line for each would take long to translate."""
    ranks = [len(x.shape) for x in arguments]
    width = 3 + max(ranks)
    # A place of 0, where the arena's address is, says that there is nothing to be checked.
    rows = [[x.place, x.dtype or 0, n, *x.shape, *[0] * (width - 3 - n)] for n, x in zip(ranks, arguments, strict=True)]
    numbers = ", ".join(f"i64 {number}" for row in rows for number in row)
    name = f"{f.name}_arguments"
    f.declare(name, f"@{name} = internal constant [{len(rows) * width} x i64] [{numbers}]")

    def one(i: Value) -> None:
        array, row = f.load(f["arguments"], PTR, i), f.at(Value(f, f"@{name}", PTR), i * width, I64)
        dtype, rank = f.load(row, I64, 1), f.load(row, I64, 2)

        def check() -> None:
            _check_kind(f, table, array, f.load(table, I64, dtype), f.cast("trunc", rank, I32))
            lengths = f.load(array, PTR, 4)

            def axis(k: Value) -> None:
                wrong = f.compare("ne", f.load(lengths, I64, k), f.load(row, I64, k + 3))
                f.when(wrong, lambda: _answer(f, table, Place.REFUSED))

            f.loop(f.constant(0, I64), rank, 1, axis)

        f.when(f.compare("ne", dtype, 0), check)  # else it was made by us
        f.store(f.load(array, PTR, 2), table, f.load(row, I64))

    f.loop(f.constant(0, I64), f.constant(len(rows), I64), 1, one)


def _check(f: Function, table: Value, array: Value, argument: Argument, rows: Value | None = None) -> None:
    """Refuse what is not a contiguous array of this dtype and shape, or of so many rows of it."""
    assert argument.dtype is not None
    rank = len(argument.shape) + (rows is not None)
    _check_kind(f, table, array, f.load(table, I64, argument.dtype), f.constant(rank, I32))
    lengths = f.load(array, PTR, 4)
    if rows is not None:
        f.when(f.compare("ne", f.load(lengths, I64), rows), lambda: _answer(f, table, Place.REFUSED))
    for axis, n in enumerate(argument.shape, start=rows is not None):
        f.when(f.compare("ne", f.load(lengths, I64, axis), n), lambda: _answer(f, table, Place.REFUSED))


def _check_kind(f: Function, table: Value, array: Value, dtype: Value, rank: Value) -> None:
    """Refuse what is not a contiguous, aligned array of this dtype with so many axes."""
    other = f.compare("ne", f.load(array, I64, 1), f.load(table, I64, int(Place.ARRAY)))
    f.when(other, lambda: _answer(f, table, Place.REFUSED))
    wrong = f.compare("ne", f.load(array, I32, 6), rank) | f.compare("ne", f.load(array, I64, 7), dtype)
    wrong = wrong | f.compare("ne", f.load(array, I32, 16) & _PLAIN, _PLAIN)
    f.when(wrong, lambda: _answer(f, table, Place.REFUSED))


def _answer(f: Function, table: Value, place: Place, last: bool = False) -> None:
    """Return one of Python's constants."""
    found = f.load(table, PTR, int(place))
    _count(f, found, 1)
    if last:
        f.do(f"ret {found!r}")
    else:
        _leave(f, found)


def _count(f: Function, constant: Value, change: int) -> None:
    """One more, or less, that refers to one of Python's constants."""
    if sys.version_info < (3, 12):  # later ones are immortal and must not be counted
        f.store(f.load(constant, I64) + change, constant)


# ----- whole calls ----------------------------------------------------------------------------------------
def whole(module: Module, name: str, bound: str, count: int, axes: Sequence[int]) -> None:
    """Write ``name(self, arguments, count, names)``: guards, new arrays for results of so many axes, the entry `bound`.

    It is for calls with `count` arguments; `names` tells of those given by name, of which there must be none.
    """
    f = module.function(name, ["self", "arguments"], ["count"], external=True)
    f.arguments["names"] = Value(f, "%names", PTR)
    f.result = PTR
    sheet = f.load(f["self"], PTR, 2)
    program = f.load(sheet, PTR, int(Sheet.TABLE))
    table = f.load(program, PTR, 2)
    fits = f.compare("eq", f["count"], count) & f.compare("eq", f["names"], _null(f))
    f.when(f.negation(fits & _unchanged(f, table, sheet)), lambda: _general(f, sheet))
    given = f.local(PTR, count + len(axes))
    for i in range(count):
        f.store(f.load(f["arguments"], PTR, i), given, i)
    made = _new_arrays(f, sheet, axes)
    for i, x in enumerate(made, start=count):
        f.store(x, given, i)
    answer = f.line(PTR, f"call ptr @{bound}({program!r}, {given!r}, i64 {count + len(axes)})")
    _count(f, answer, -1)

    def missed() -> None:
        for x in made:
            _release(f, sheet, x)
        f.store(
            f.constant(0, I64), f.load(table, PTR, int(Place.STATUS))
        )  # the general way finds the same and says why
        _general(f, sheet)

    f.when(f.compare("ne", answer, f.load(table, PTR, int(Place.NONE))), missed)
    f.store(f.load(sheet, I64, int(Sheet.CALLS)) + 1, sheet, int(Sheet.CALLS))
    _return(f, table, sheet, made, axes)
    f.finish()


def _unchanged(f: Function, table: Value, sheet: Value) -> Value:
    """Whether nothing was changed, every thread records, and names and cells stand for the same objects as before."""
    epoch = f.load(table, PTR, int(Place.EPOCH))
    same = f.compare("eq", f.load(epoch, I64, 0), f.load(sheet, I64, int(Sheet.RECORDED)))
    same = same & _records(f, epoch, sheet)
    names, cells = f.load(sheet, PTR, int(Sheet.NAMES)), f.load(sheet, PTR, int(Sheet.CELLS))

    def name(i: Value, so_far: Value) -> Value:
        space, word, thing = (f.load(names, PTR, i * 3 + k) for k in range(3))
        found = _python(f, sheet, Sheet.GET_ITEM, space, word)
        return so_far & f.compare("eq", found, thing)

    def cell(i: Value, so_far: Value) -> Value:
        held = f.load(f.load(cells, PTR, i * 2), PTR, 2)
        return so_far & f.compare("eq", held, f.load(cells, PTR, i * 2 + 1))

    zero = f.constant(0, I64)
    (same,) = f.loop(zero, f.load(sheet, I64, int(Sheet.NAMES_COUNT)), 1, name, [same])
    (same,) = f.loop(zero, f.load(sheet, I64, int(Sheet.CELLS_COUNT)), 1, cell, [same])
    return same


def _records(f: Function, epoch: Value, sheet: Value) -> Value:
    """Whether this thread records or not, as the call was compiled for."""
    paused, quiet = f.load(epoch, I64, 2), f.compare("ne", f.load(sheet, I64, int(Sheet.QUIET)), 0)

    def compared() -> Value:
        mine = f.compare("eq", paused, _python(f, sheet, Sheet.THREAD, result=I64))
        return f.compare("ne", paused, -1) & f.negation(mine ^ quiet)

    (found,) = f.when(f.compare("ne", paused, 0), compared, [f.negation(quiet)])
    return found


def _new_arrays(f: Function, sheet: Value, axes: Sequence[int]) -> list[Value]:
    """New arrays for the results; where there is no memory, the call ends with Python's error."""
    rows = f.load(sheet, PTR, int(Sheet.RESULTS))
    made: list[Value] = []
    for k, rank in enumerate(axes):
        dtype = f.load(rows, PTR, 3 * k)
        f.store(f.load(dtype, I64) + 1, dtype)  # which the new array takes
        shape, number = f.load(rows, PTR, 3 * k + 1), f.constant(rank, I32)
        made.append(_python(f, sheet, Sheet.EMPTY, number, shape, dtype, f.constant(0, I32)))
        _or_fail(f, sheet, made[-1], made[:-1])
    return made


def _return(f: Function, table: Value, sheet: Value, made: list[Value], axes: Sequence[int]) -> None:
    """Return what is made of the results."""
    rows = f.load(sheet, PTR, int(Sheet.RESULTS))
    for k, rank in enumerate(axes):
        if not rank:
            number = f.compare("ne", f.load(rows, I64, 3 * k + 2), 0)
            (made[k],) = f.when(number, lambda x=made[k]: _python(f, sheet, Sheet.TO_NUMBER, x), [made[k]])  # type: ignore[misc]
    make = f.load(sheet, I64, int(Sheet.MAKE))
    if len(made) == 1:
        f.when(f.compare("eq", make, int(Make.ARRAY)), lambda: _leave(f, made[0]))
        f.when(f.compare("eq", make, int(Make.TENSOR)), lambda: _leave(f, _tensor(f, table, sheet, made[0])))
    found = _python(f, sheet, Sheet.NEW_LIST, f.constant(len(made), I64))
    _or_fail(f, sheet, found, made)
    for k, x in enumerate(made):
        _python(f, sheet, Sheet.SET_ENTRY, found, f.constant(k, I64), x, result=I32)
    answer = _python(f, sheet, Sheet.CALL_ONE, f.load(sheet, PTR, int(Sheet.FINISH)), found)
    _release(f, sheet, found)
    f.do(f"ret {answer!r}")


def _tensor(f: Function, table: Value, sheet: Value, value: Value) -> Value:
    """A tensor without history."""
    found = _python(f, sheet, Sheet.ALLOCATE, f.load(sheet, PTR, int(Sheet.KIND)), f.constant(0, I64))
    _or_fail(f, sheet, found, [value])
    none = f.load(table, PTR, int(Place.NONE))
    for at, x in ((Sheet.VALUE, value), (Sheet.NODE, none), (Sheet.RECORDER, none)):
        _python(f, sheet, Sheet.SET_ATTRIBUTE, found, f.load(sheet, PTR, int(at)), x, result=I32)
    _release(f, sheet, value)
    return found


def _python(f: Function, sheet: Value, which: Sheet, *operands: Value, result: Type = PTR) -> Value:
    """Call a function of Python's or NumPy's."""
    address = f.load(sheet, PTR, int(which))
    return f.line(result, f"call {result} {address.name}({', '.join(map(repr, operands))})")


def _release(f: Function, sheet: Value, x: Value) -> None:
    f.do(f"call void {f.load(sheet, PTR, int(Sheet.RELEASE)).name}({x!r})")


def _or_fail(f: Function, sheet: Value, x: Value, others: Sequence[Value]) -> None:
    """Give up where something could not be made: Python knows the error."""

    def fail() -> None:
        for other in others:
            _release(f, sheet, other)
        _leave(f, x)

    f.when(f.compare("eq", x, _null(f)), fail)


def _general(f: Function, sheet: Value) -> None:
    """Leave the function with what the general way returns."""
    general = f.load(sheet, PTR, int(Sheet.GENERAL))
    _leave(f, _python(f, sheet, Sheet.VECTORCALL, general, f["arguments"], f["count"], f["names"]))


def _null(f: Function) -> Value:
    return Value(f, "null", PTR)


def _leave(f: Function, x: Value) -> None:
    """Return; what is written after it is another block."""
    f.do(f"ret {x!r}")
    f.count += 1
    f.label(f"R{f.count}")


__all__ = ["Argument", "entry", "rounds", "whole"]
