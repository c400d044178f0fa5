"""`wg.compile`: a function, or a whole training step, recorded once for each signature and run as machine code."""

from __future__ import annotations

import functools
import threading
import types
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.base.collecting import uncollected
from wengert.base.dtypes import get_default_dtype
from wengert.base.errors import ArgumentError, OperandError, ShapeError, show
from wengert.compiler import signature
from wengert.compiler.explain import print_profile, table
from wengert.compiler.fast import MISSED, Whole, short_way, whole
from wengert.compiler.native import listing
from wengert.compiler.recording import trace_call
from wengert.compiler.trace import Trace
from wengert.core.record import SESSION, Tensor, local
from wengert.core.tape import Tape
from wengert.core.tree import flatten

if TYPE_CHECKING:
    from wengert.compiler.native.measure import Profile

_CACHE_SIZE = 16


class Compiled:
    """What `compile` returns: call it as the function it was made of."""

    def __new__(cls, *_: Any, **__: Any) -> Compiled:
        """Each has a class of its own, for Python looks there for what a call does, see `_take`."""
        return object.__new__(type(cls.__name__, (cls,), {"__module__": cls.__module__, "__doc__": cls.__doc__}))

    def __init__(self, f: Callable[..., Any], cache_size: int = _CACHE_SIZE) -> None:
        functools.update_wrapper(self, f)
        self._f = f
        self._name = getattr(f, "__name__", type(f).__name__)
        self._size = cache_size
        self._traces: OrderedDict[tuple[Any, ...], Trace] = OrderedDict()
        self._last: tuple[tuple[Any, ...], Trace] | None = None
        self._whole: Whole | None = None  # the way of calls that are machine code altogether
        self._short: Callable[[tuple[Any, ...]], Any] | None = None  # the way of calls like the latest one
        self._lock = threading.RLock()
        self.retraces: list[str] = []  # why the function was recorded, once for each time
        self._eager: set[tuple[Any, ...]] = set()  # signatures with which it cannot be compiled
        self.eager_calls = 0  # that were recorded by a transform or by the session and hence ran as they stand

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._short is not None and not kwargs:
            result = self._short(args)
            if result is not MISSED:
                return result
        enabled = local.paused <= local.least
        key: list[Any] = [get_default_dtype(), enabled]
        leaves: list[Any] = []
        try:
            signature.read(args, key, leaves)
            if kwargs:
                signature.read(kwargs, key, leaves)
        except signature.Eager:
            self.eager_calls += 1
            return self._f(*args, **kwargs)
        if local.lifting is not None or any(isinstance(x, Tensor) and _recorded(x) for x in leaves):
            self.eager_calls += 1  # a transform, the session, or another compiled function records this call
            return self._f(*args, **kwargs)
        trace = self._find(tuple(key), args, kwargs, leaves)
        if trace is None or (enabled and trace.tracked):
            self.eager_calls += 1
            return self._f(*args, **kwargs)
        result = trace(leaves)
        with self._lock:
            self._short = None
            way = self._whole
            turns = way is not None and way.trace is not trace and not way.idle()  # two kinds of calls take turns
            if not kwargs and not turns:
                self._shorten(trace, args, enabled)
        return result

    def _shorten(self, trace: Trace, args: tuple[Any, ...], enabled: bool) -> None:
        """Find a short way for calls like this one."""
        if self._whole is not None and self._whole.trace is not trace:
            self._take(None)
        if self._whole is None:
            self._take(whole(trace, args, enabled, _general(weakref.ref(self))))
        else:
            self._whole.renew()
        way = self._whole
        self._short = way.checked if way is not None and way.others else short_way(trace, args, enabled)

    def _take(self, way: Whole | None) -> None:
        """From here on, calling this object is calling the machine code of a trace; None: it is `__call__` again."""
        if self._whole is not None:
            self._whole.forget()
            if "__call__" in vars(type(self)):
                del type(self).__call__
        self._whole = way
        if way is not None and not way.others:
            type(self).__call__ = way.function  # type: ignore[method-assign]

    def __del__(self) -> None:
        if "_whole" in vars(self):  # else it was never begun
            self._take(None)  # its class would keep the machine code until Python's next search for circles

    def _find(
        self, key: tuple[Any, ...], args: tuple[Any, ...], kwargs: dict[str, Any], leaves: Sequence[Any]
    ) -> Trace | None:
        """The trace for a signature, made where there is none or something it depends on has changed."""
        latest = self._last
        if latest is not None and latest[0] == key and self._traces.get(key) is latest[1] and not latest[1].broken():
            return latest[1]
        with self._lock:
            found = self._traces.get(key)
            if found is not None:
                broken = found.broken()
                if broken is None:
                    self._traces.move_to_end(key)
                    self._last = key, found
                    return found
                reason = broken
                self._drop(self._traces.pop(key))
            else:
                last = None if self._last is None else self._last[0]
                reason = f"first call: ({signature.words(key)})" if last is None else signature.difference(last, key)
            signature.check(leaves)
            if key in self._eager:
                return None
            try:
                with uncollected():
                    made = trace_call(self._f, args, kwargs, self._name)
            except signature.Eager:
                self._eager.add(key)
                return None
            if made is None:
                return None
            self.retraces.append(reason)
            self._traces[key] = made
            self._last = key, made
            while len(self._traces) > self._size:
                self._drop(self._traces.popitem(last=False)[1])
            return made

    def _drop(self, trace: Trace) -> None:
        """Forget a trace everywhere else."""
        if self._whole is not None and self._whole.trace is trace:
            self._take(None)

    def prepared(self, *args: Any, **kwargs: Any) -> tuple[Tape, list[Any]]:
        """The list that a call with these arguments runs, and the values of its inputs; nothing is computed."""
        trace, leaves = self._ready(args, kwargs)
        return trace.tape, trace.arguments(leaves)

    def _ready(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Trace, list[Any]]:
        """The trace of a call with these arguments, and the arrays among them."""
        key: list[Any] = [get_default_dtype(), local.paused <= local.least]
        leaves: list[Any] = []
        signature.read(args, key, leaves)
        if kwargs:
            signature.read(kwargs, key, leaves)
        trace = self._find(tuple(key), args, kwargs, leaves)
        if trace is None:
            raise ArgumentError(f"compile: {self._name} reads a tensor of a transform that is running around it")
        return trace, leaves

    def repeat(self, n: int, *args: Any, **kwargs: Any) -> Any:
        """Call it `n` times, with the rows 0 … n - 1 of every array among the arguments; the results stacked.

        Arguments that are no arrays are the same for each call. It is what a loop over the calls gives, but the
        guards are looked at once.

        >>> import numpy as np, wengert as wg
        >>> total = wg.tensor(0.0)
        >>> @wg.compile
        ... def add(x):
        ...     total.add_(x)
        ...     return total * 1
        >>> add.repeat(3, np.array([1.0, 2.0, 3.0], np.float32)).tolist()
        [1.0, 3.0, 6.0]
        """
        if n >= 1 and not kwargs and all(type(x) is np.ndarray and x.shape[:1] == (n,) for x in args):
            stacked = self._repeated(n, tuple([x[0] for x in args]), {}, args)
            if stacked is not None:
                return stacked
        leaves, structure = flatten((args, kwargs))
        places = {i for i, x in enumerate(leaves) if isinstance(x, signature.ARRAYS)}
        for i in places:
            if not leaves[i].shape or leaves[i].shape[0] != n:
                raise ShapeError(f"repeat: got an argument {show(leaves[i])}; needs arrays of {n} rows")
        if n < 1:
            raise ArgumentError(f"repeat: got n={n}; needs at least 1")
        arrays = [leaves[i] for i in sorted(places)]
        args, kwargs = structure.unflatten([x[0] if i in places else x for i, x in enumerate(leaves)])
        stacked = self._repeated(n, args, kwargs, arrays)
        if stacked is not None:
            return stacked
        outcomes: list[Any] = []
        trace: Trace | None = None
        for k in range(n):
            row = [x[k] if i in places else x for i, x in enumerate(leaves)]
            if trace is not None and not trace.moved():
                outcomes.append(trace([row[i] for i in sorted(places)]))
                continue
            row_args, row_kwargs = structure.unflatten(row)
            before = self.eager_calls, self._last
            outcomes.append(self(*row_args, **row_kwargs))
            trace = self._last[1] if self._last is not None and self.eager_calls == before[0] else None
        return _stacked(outcomes)

    def _repeated(self, n: int, args: Any, kwargs: Any, arrays: Sequence[Any]) -> Any:
        """All calls at once, where there is machine code for it; None where there is none."""
        enabled = local.paused <= local.least
        key: list[Any] = [get_default_dtype(), enabled]
        leaves: list[Any] = []
        try:
            signature.read((args, kwargs) if kwargs else args, key, leaves)
        except signature.Eager:
            return None
        if local.lifting is not None or any(isinstance(x, Tensor) for x in leaves):
            return None
        trace = self._find(tuple(key), args, kwargs, leaves)
        if trace is None or (enabled and trace.tracked) or trace.live:
            return None
        return trace.repeat(n, arrays)

    @property
    def tape(self) -> Tape:
        """The list of the latest call after all passes; raises `ArgumentError` before the first call."""
        return self._latest().tape

    def explain(self) -> str:
        """What a call like the latest one runs, as a table: kernels in order, and lines that are left to NumPy.

        For each: the lines it consists of, what it runs over, in how many tasks, what it computes and moves, what the
        planner takes it for. Above: why the function was recorded; below: memory. `profile` measures.
        """
        return table(self._name, self._latest(), self.retraces, self.eager_calls)

    def profile(self, *args: Any, repeats: int = 10, show: bool = True, **kwargs: Any) -> Profile:
        """Measure each kernel of a call with these arguments: the shortest of `repeats` times, in all and by itself.

        Everything is copied before, so nothing is changed by it: no parameter, no state, no argument. `show` prints the
        table: time, share, operations and bytes a second beside the machine's peaks, which are measured once.
        Returns it too: ``rows`` with ``row``, ``seconds``, ``share``, ``gflops``, ``gigabytes``; ``seconds`` of a
        step; ``peaks``. Raises `ArgumentError` where no native code was made.
        """
        if repeats < 1:
            raise ArgumentError(f"profile: got repeats={repeats}; needs at least 1")
        trace, leaves = self._ready(args, kwargs)
        found = trace.profile([x.value if isinstance(x, Tensor) else x for x in leaves], repeats)
        if show:
            print_profile(found)
        return found

    @property
    def recorded(self) -> Tape:
        """The list of the latest call as it was recorded, before all passes."""
        return self._latest().recorded

    @property
    def plan(self) -> str:
        """The latest call's groups of lines in order, and where every value between them lies; "" on NumPy."""
        native = self._latest().native
        return "" if native is None else listing.plan(native.program)

    @property
    def native_source(self) -> str:
        """The text of the latest call's kernels, as LLVM reads it; "" where all runs on NumPy."""
        native = self._latest().native
        return "" if native is None else native.program.writing.text

    def _latest(self) -> Trace:
        if self._last is None:
            raise ArgumentError(f"compile: {self._name} was not called yet", hint="call it once with its arguments")
        if self._whole is not None and self._whole.used:
            return self._whole.trace
        return self._last[1]

    def clear(self) -> None:
        """Forget everything recorded; arrays that were locked for it become writable again."""
        with self._lock:
            self._traces.clear()
            self._eager.clear()
            self._short = self._last = None
            self._take(None)

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        return self if owner is None else types.MethodType(self, owner)

    def __repr__(self) -> str:
        return f"<compiled {self._name}, recorded {len(self.retraces)} times>"


def _general(compiled: weakref.ref[Compiled]) -> Callable[..., Any]:
    """The general way, for machine code, which must not keep the object it belongs to."""

    def general(*args: Any, **kwargs: Any) -> Any:
        found = compiled()
        if found is None:
            raise ReferenceError("compile: the function that this call belongs to is gone")
        return Compiled.__call__(found, *args, **kwargs)

    return general


def _stacked(outcomes: Sequence[Any]) -> Any:
    """The results of several calls, leaf by leaf along a new first axis; what is no number stays as it is."""
    columns = [flatten(y) for y in outcomes]
    found = []
    for leaves in zip(*(c[0] for c in columns), strict=True):
        values = [x.detach().value if isinstance(x, Tensor) else x for x in leaves]
        if not isinstance(values[0], np.ndarray | np.generic | int | float | complex):
            found.append(values[-1])
        else:
            stack = np.stack([np.asarray(v) for v in values])
            found.append(Tensor(stack) if isinstance(leaves[0], Tensor) else stack)
    return columns[0][1].unflatten(found)


def _recorded(x: Tensor) -> bool:
    """Whether operations on a tensor are to be recorded by somebody else."""
    return x.rec is not None and (x.rec is not SESSION or local.paused <= local.least)


def compile(f: Callable[..., Any] | None = None, *, cache_size: int = _CACHE_SIZE) -> Any:
    """The same function, recorded once for each signature and run as machine code; a decorator too.

    `f` is a function of its arguments (trees of arrays, tensors and Python values) or a training step: modules,
    ``backward()``, optimizers, clipping, running statistics, dropout and draws without a key. What it reads from
    outside is read anew at each call: parameters, buffers, gradients, an optimizer's state, its rates and other
    numbers, the random generator; what it changes there is written back after the call. It is recorded anew, and
    ``retraces`` says why, where something changed that Python decided by: shapes, dtypes, Python values among the
    arguments or in globals and closures, ``train()`` and ``eval()``, hooks, options. At most `cache_size` recordings
    are kept.

    Results are those of `f` up to rounding (relative to the largest number, 1e-12 in float64 and 5e-6 in float32): a
    product may be fused with the sum it goes into, sums are added in another order, exponentials and their like are
    polynomials. With the same number of threads a result is always the same. What has no native form (complex
    numbers, sorting, decompositions) runs on NumPy in between; without llvmlite all does.

    Returned tensors have no history; so where `f` calls no ``backward`` and the session would record its result
    (`wg.no_grad` is off, and parameters learn), it runs as it stands, as it does inside a transform, and where it makes
    state that has no value to begin with. A gradient that is not finite raises `NonFiniteError`, and then the
    call has changed nothing (but that gradient may be there to be looked at). Arrays it closes over are locked against
    writing.

    Python cannot branch on values inside, nor print them (`TracedValueError`): use `wg.where` or `wg.cond`, return
    what is to be printed. What would happen once instead of at each call raises `CompileError`: tensors put into a
    global, attribute or list, stepping a schedule, loading a state. ``repeat(n, …)`` takes n steps in one call,
    ``recorded`` and ``tape`` are the list before and after all passes, ``plan`` its groups, ``native_source`` the
    kernels' text; ``explain()`` is a table of the kernels, ``profile(*args)`` measures them.

    >>> import numpy as np, wengert as wg
    >>> gradient = wg.compile(wg.grad(lambda w, x: np.sum(np.tanh(x @ w))))
    >>> gradient(np.zeros(2), np.ones((3, 2)))
    array([3., 3.])
    >>> gradient.retraces
    ['first call: (float64[2], float64[3,2])']
    >>> model = wg.nn.Linear(2, 1)
    >>> optimizer = wg.optim.Adam(model.parameters())
    >>> @wg.compile
    ... def step(x, y):
    ...     optimizer.zero_grad()
    ...     loss = ((model(x) - y) ** 2).mean()
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> losses = [float(step(np.ones((4, 2), np.float32), np.float32(3.0))) for _ in range(3)]
    >>> losses[2] < losses[1] < losses[0], optimizer.steps, len(step.retraces)
    (True, 3, 1)
    """
    if cache_size < 1:
        raise ArgumentError(f"compile: got cache_size={cache_size}; needs at least 1")
    if f is None:
        return functools.partial(compile, cache_size=cache_size)
    if not callable(f):
        raise OperandError(f"compile: got {type(f).__name__}; needs a function")
    return Compiled(f, cache_size)


__all__ = ["Compiled", "compile"]
