"""The training step and the evaluation of `fit`, compiled where that pays and can be.

A step that was run often enough with arrays of the same shapes is compiled, and so is the evaluation of a batch: a
small training ends before it would have paid for the compiler. The rule counts calls and numbers and looks at no clock,
so the same training gives the same weights; the counts are in checkpoints, so a resumed training changes over at the
same batch.

What the compiler refuses (Python that branches on values, tensors that are kept) goes on as it stands, and so does what
would do once what it does at each call: hooks, numbers drawn or collected by Python. The reason is kept in words.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from time import perf_counter
from typing import Any

import numpy as np

from wengert.base.errors import CompileError, NonFiniteError, WengertError
from wengert.compiler.guards import Guard, guards_of
from wengert.compiler.jit import compile as compiled
from wengert.core.record import local, paused
from wengert.core.tape import Leaf
from wengert.nn.module import Module
from wengert.nn.utils import clip_grad_norm_
from wengert.ops.comparison import isfinite
from wengert.ops.reduction import all as all_elements
from wengert.optim.optimizer import Optimizer
from wengert.train.diagnose import refuse_non_finite_loss

# Calls with the same shapes that run as they stand before the compiler is asked, for small batches; `SIZE` numbers in a
# batch count as one call more. About what compiling costs: 0.1 to 0.5 s, where a step takes 1 to 3 ms as it stands.
AFTER, SIZE = 128, 4096
MOST = 8  # times that a function is recorded anew before it is given up
_OWN = frozenset(vars(Module()))  # the attributes that every module has
Run = Callable[[Any, Any], tuple[Any, Any]]


class Pace:
    """How many batches ran in one way, and how long they took."""

    def __init__(self) -> None:
        self.count, self.seconds = 0, 0.0

    def add(self, since: float) -> None:
        """One more batch, begun at `since`."""
        self.count += 1
        self.seconds += perf_counter() - since

    @property
    def rate(self) -> float:
        """Batches a second."""
        return self.count / self.seconds if self.seconds else 0.0


class Watch:
    """What a function may do in Python besides its value, looked for while it is recorded; and how that is undone."""

    def __init__(self, model: Module, loss: Any) -> None:
        self.model, self.loss = model, loss
        self.states: list[Callable[[], Any]] = []  # each puts a generator of random numbers or a container back
        self.arrays: list[tuple[Guard, np.ndarray, np.ndarray]] = []  # with what they held

    def begin(self) -> list[Guard]:
        """Note everything that Python code of the model and the loss could change; refuse hooks."""
        parts = list(self.model.modules())
        losses = list(self.loss.modules()) if isinstance(self.loss, Module) else [self.loss]
        for module in (*parts, *(m for m in losses if isinstance(m, Module))):
            if module._before or module._after:
                raise CompileError(f"{type(module).__name__} has a forward hook, which is to run at each call")
        for name, p in self.model.named_parameters():
            if isinstance(p.node, Leaf) and (p.node.cell.hooks or p.node.cell.accumulate_hooks):
                raise CompileError(f"the parameter {name!r} has a hook, which is to run at each call")
        guards = [*guards_of(*parts, *losses), *_attributes((*parts, *losses))]
        mine, pythons = np.random.get_state(), random.getstate()
        self.states = [lambda: np.random.set_state(mine), lambda: random.setstate(pythons)]
        kinds = (np.random.Generator, list, dict, set)
        self.states += [_putter(g.value) for g in guards if type(g.value) in kinds]
        self.arrays = [(g, x, x.copy()) for g in guards for x in g.arrays()]
        return guards

    def end(self, guards: list[Guard]) -> None:
        """Refuse what was changed meanwhile."""
        changed = [guard for guard in guards if not guard.holds()]
        changed += [guard for guard, x, before in self.arrays if x.tobytes() != before.tobytes()]
        if changed:
            raise CompileError(f"{changed[0].where} changes while it runs; compiled, it would change only once")
        self.arrays = []

    def undo(self) -> None:
        """Put back what a recording that was given up drew from and collected in."""
        for put in self.states:
            put()
        for _, x, before in self.arrays:
            if x.tobytes() != before.tobytes():
                x[...] = before
        self.states, self.arrays = [], []


def _attributes(things: Any) -> Iterator[Guard]:
    for thing in things:
        for name in [] if isinstance(thing, type) else sorted(set(getattr(thing, "__dict__", ())) - _OWN):
            if isinstance(thing, Module) or not callable(thing.__dict__[name]):
                yield Guard(f"{type(thing).__name__}.{name}", lambda t=thing, n=name: t.__dict__.get(n))  # type: ignore[misc]


def _putter(x: Any) -> Callable[[], Any]:
    """What gives a generator its state, or a container its content, of now."""
    if isinstance(x, np.random.Generator):
        state = x.bit_generator.state
        return lambda: setattr(x.bit_generator, "state", state)
    content = x.copy()

    def put() -> None:
        x.clear()
        x.extend(content) if isinstance(x, list) else x.update(content)

    return put


class Step:
    """A function of a batch: as it stands at first, compiled after a while, as it stands for good if that fails."""

    def __init__(self, run: Run, watch: Watch, name: str, steps: Callable[[], int], count: int | None) -> None:
        self.run, self.watch, self.steps, self.after = run, watch, steps, count
        self.name = name
        self.counts: dict[Any, int] = {}  # calls with arrays of these shapes
        self.limits: dict[Any, int] = {}
        self.reason: str | None = None  # why it cannot be compiled
        self.plain, self.fast, self.making = Pace(), Pace(), Pace()
        self.again = 0  # recordings of shapes that were recorded before

        def recorded(x: Any, y: Any) -> Any:
            if local.lifting is None:
                return run(x, y)
            guards = watch.begin()
            result = run(x, y)
            watch.end(guards)
            return result

        recorded.__name__ = name.replace(" ", "_")
        self.compiled = compiled(recorded)

    def __call__(self, x: Any, y: Any) -> tuple[Any, Any]:
        if self.after is None or self.reason is not None or type(x) is not np.ndarray or type(y) is not np.ndarray:
            return self._plainly(x, y)
        key = x.shape, x.dtype, y.shape, y.dtype
        count = self.counts.get(key)
        if count is None:  # after a checkpoint was read they are known as texts
            count = self.counts[key] = self.counts.pop(str(key), 0)
            self.limits[key] = -(-self.after * SIZE // (SIZE + x.size))
        if count < self.limits[key]:
            self.counts[key] = count + 1
            return self._plainly(x, y)
        return self._compiled(x, y)

    def _plainly(self, x: Any, y: Any) -> tuple[Any, Any]:
        begin = perf_counter()
        result = self.run(x, y)
        self.plain.add(begin)
        return result

    def _compiled(self, x: Any, y: Any) -> tuple[Any, Any]:
        known, steps = len(self.compiled.retraces), self.steps()
        begin = perf_counter()
        try:
            result: tuple[Any, Any] = self.compiled(x, y)
        except NonFiniteError:  # nothing was changed; as it stands it says where that came from
            result = None  # type: ignore[assignment]
        except Exception as error:
            if self.steps() != steps:
                raise
            self.reason = _first_line(error)
            result = None  # type: ignore[assignment]
        if result is None:
            if self.reason is not None:
                self.watch.undo()
            return self._plainly(x, y)
        made = len(self.compiled.retraces) != known
        (self.making if made else self.fast).add(begin)
        if made:
            self.again += not self.compiled.retraces[-1].startswith(("first call", "leaf", "the arguments"))
        if self.again > MOST:
            self.reason = f"it was recorded anew {self.again} times, at last because {self.compiled.retraces[-1]}"
        elif self.compiled.eager_calls > MOST:
            self.reason = "it makes something new at each call"
        return result


def _first_line(error: Exception) -> str:
    text = error.message if isinstance(error, WengertError) else f"{type(error).__name__}: {error}"
    return text.split("\n")[0].removeprefix("compile: ")


class Steps:
    """All functions of a training that are compiled: the step in its forms, and the evaluation of a batch."""

    def __init__(
        self, model: Module, loss: Any, optimizer: Optimizer | None = None, clip_norm: float | None = None,
        compile: bool = True,
    ) -> None:  # fmt: skip
        self.parts = model, loss, optimizer, clip_norm
        self.wanted = compile
        self.after = AFTER if compile else None
        self.place = ""  # of the batch, for messages
        self.functions: dict[tuple[Any, ...], Step] = {}
        self.saved: Mapping[str, Any] = {}

    def belongs(self, model: Module, loss: Any, optimizer: Any, clip_norm: float | None, compile: bool) -> bool:
        """Whether it was made for these parts."""
        same = all(a is b for a, b in zip(self.parts, (model, loss, optimizer), strict=False))
        return same and self.parts[3] == clip_norm and self.wanted == compile

    def train(self, x: Any, y: Any, share: float, begins: bool, moves: bool) -> tuple[Any, Any]:
        """Loss and outputs of one batch, whose gradients are gathered; `moves` tells whether the parameters move."""
        return self._step(share, begins, moves)(x, y)

    def evaluate(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Loss and outputs, without recording; the model is in evaluation mode already."""
        with paused():
            return self._step()(x, y)

    def _step(self, *form: Any) -> Step:
        found = self.functions.get(form)
        if found is None:
            model, loss, optimizer, _ = self.parts
            run = self._training(*form) if form else _measuring(model, loss)
            name = "training step" if form else "evaluation"
            after = self.after if form or self.after is None else 2 * self.after  # there is half as much to save
            found = Step(run, Watch(model, loss), name, lambda: optimizer.steps if optimizer else 0, after)
            saved = self.saved.get(repr(form), {})
            found.counts, found.reason = dict(saved.get("counts", {})), saved.get("reason")
            found.again = saved.get("again", 0)
            self.functions[form] = found
        return found

    def _training(self, share: float, begins: bool, moves: bool) -> Run:
        model, loss, optimizer, clip_norm = self.parts
        assert optimizer is not None

        def run(x: Any, y: Any) -> tuple[Any, Any]:
            if begins:
                optimizer.zero_grad()
            outputs = model(x)
            value = loss(outputs, y)
            self._refuse(value, x, y)
            (value if share == 1.0 else value * share).backward()
            if moves and clip_norm is not None:
                clip_grad_norm_(model.parameters(), clip_norm)
            if moves:
                optimizer.step()
            return value, outputs

        return run

    def _refuse(self, value: Any, x: Any, y: Any) -> None:
        """Refuse a loss that is not finite; while the step is recorded, let each call do so."""
        if local.lifting is not None:
            local.lifting.check(all_elements(isfinite(value)), value, lambda _: NonFiniteError("the loss"))
        else:
            refuse_non_finite_loss(value, self.parts[0], (x, y), self.place)

    # ----- what is told
    def words(self) -> str:
        """In words, what was compiled, and why not where it was not."""
        if self.after is None:
            return "nothing was compiled: compile=False"
        found = [step for step in self.functions.values() if step.making.count or step.reason]
        texts = [f"the {s.name} cannot be compiled: {s.reason}" for s in found if s.reason]
        if texts:
            return "; ".join(dict.fromkeys(texts))
        names = dict.fromkeys(step.name for step in found)
        return f"compiled: the {' and the '.join(names)}" if names else "too few batches to pay for compiling"

    def reasons(self) -> list[str]:
        """Why functions are not compiled although that was tried, once for each reason."""
        return list(dict.fromkeys(f"the {s.name} cannot be compiled: {s.reason}"
                                  for s in self.functions.values() if s.reason))  # fmt: skip

    def pace(self) -> dict[str, float]:
        """Training steps a second, as they stand and compiled, and the seconds that compiling took."""
        steps = [step for form, step in self.functions.items() if form]
        sums = [(sum(p.count for p in ps), sum(p.seconds for p in ps))
                for ps in ([s.plain for s in steps], [s.fast for s in steps])]  # fmt: skip
        rates = [count / seconds if seconds else 0.0 for count, seconds in sums]
        making = sum(s.making.seconds for s in self.functions.values())
        return {"eager": rates[0], "eager_steps": sums[0][0], "compiled": rates[1], "compiled_steps": sums[1][0],
                "compiling": making}  # fmt: skip

    # ----- state
    def state_dict(self) -> dict[str, Any]:
        """How often each function was called with which shapes, and which were given up."""
        now = {
            repr(form): {"counts": {str(k): n for k, n in s.counts.items()}, "reason": s.reason, "again": s.again}
            for form, s in self.functions.items()
        }
        return {**self.saved, **now}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.saved = dict(state)
        self.functions.clear()


def _measuring(model: Module, loss: Any) -> Run:
    def run(x: Any, y: Any) -> tuple[Any, Any]:
        outputs = model(x)
        return loss(outputs, y), outputs

    return run


__all__ = ["AFTER", "Steps"]
