"""What a workload, a framework and a step are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Arrays = dict[str, np.ndarray]
# Makes the step of a workload for a framework: build(framework, data).
Builder = Callable[[Any, Any], "Step"]


class NotApplicable(Exception):
    """A builder raises it where its framework cannot do the workload; the text says why."""


@dataclass
class Step:
    """What is timed.

    `run` does one full step (and returns at once where the framework works asynchronously), `wait` blocks until all
    that was started is done, `result` is the latest loss or array (and waits for it), `reset` puts weights and
    optimizer state back to their first values. `kept` holds what must outlive the builder.
    """

    run: Callable[[], Any]
    result: Callable[[], Any]
    wait: Callable[[], Any] = lambda: None
    reset: Callable[[], Any] = lambda: None
    kept: Any = None


@dataclass(frozen=True)
class Optimizer:
    """SGD with momentum or Adam, in PyTorch's form and with its defaults."""

    kind: Literal["sgd", "adam"]
    rate: float
    momentum: float = 0.9


@dataclass(frozen=True)
class Training:
    """The data of a training workload: first values, one batch, the optimizer."""

    parameters: Arrays
    batch: Arrays
    optimizer: Optimizer
    buffers: Arrays = field(default_factory=dict)


@dataclass(frozen=True)
class Workload:
    """One problem, the same for all frameworks.

    `make` gives its data from a fixed seed: `Training`, or a dict of arrays for a function. `builders` holds one
    builder for each family of frameworks; `unable` says why a family or a framework has none. `losses` is how many
    losses the agreement check compares, 0 for a function, whose array is compared. `reference` is a closed form.
    """

    title: str
    make: Callable[[], Any]
    builders: Mapping[str, Builder]
    losses: int = 0
    flops: int = 0  # of the matrix products and convolutions of a step
    dtype: Literal["float32", "float64"] = "float32"
    reference: Callable[[Any], Any] | None = None
    unable: Mapping[str, str] = field(default_factory=dict)

    @property
    def tolerance(self) -> float:
        """The largest relative difference between results that agree."""
        return 1e-4 if self.dtype == "float32" else 1e-8


@dataclass
class Framework:
    """One way to run a workload; a subclass says how (`setup`, and what its builders call)."""

    name: str  # as given to -f
    label: str  # as shown in the tables
    family: str  # the builder of a workload that it uses
    distributions: tuple[str, ...] = ()  # whose versions the report names
    environment: Mapping[str, str] = field(default_factory=dict)
    only: frozenset[str] | None = None  # the workloads it is meant for
    steps: int = 1  # steps that one call does; more than 1 where the loop is inside
    ranked: bool = True  # counts as a peer
    further: bool = False  # lives in the environment of the further peers

    def setup(self, threads: int, dtype: str) -> None:
        """Import the library and set its threads; called in the process that is timed."""
        raise NotImplementedError

    def own(self, workload: str) -> Builder | None:
        """A builder of the framework's own, which goes before the family's."""
        return None

    def builder(self, name: str, workload: Workload) -> Builder:
        """Who makes the step of a workload; raises `NotApplicable`."""
        if self.only is not None and name not in self.only:
            raise NotApplicable("not meant for this workload")
        why = workload.unable.get(self.name, workload.unable.get(self.family))
        if why is not None:
            raise NotApplicable(why)
        found = self.own(name) or workload.builders.get(self.family)
        if found is None:
            raise NotApplicable("no builder written")
        return found
