"""All frameworks and workloads, by name: every file of the two folders is one or several of them."""

from __future__ import annotations

import functools
import importlib
import pkgutil

import benchmarks.frameworks
import benchmarks.workloads
from benchmarks.harness.definitions import Framework, Workload

WORKLOADS = (
    "mlp_tiny", "mlp_digits", "mlp_mnist", "mlp_wide", "cnn_lenet", "cnn_small_resnet", "lstm_char",
    "transformer_char", "vae_digits", "tanh_6th_200", "tanh_6th_1e6", "rosenbrock_gradient", "rosenbrock_hvp", "gmm",
    "logistic_hessian", "newton_step", "deep_chain",
)  # fmt: skip


@functools.cache
def frameworks() -> dict[str, Framework]:
    """Every framework; a file of the folder lists its own as `FRAMEWORKS`."""
    found: dict[str, Framework] = {}
    for entry in pkgutil.iter_modules(benchmarks.frameworks.__path__):
        module = importlib.import_module(f"benchmarks.frameworks.{entry.name}")
        found.update({framework.name: framework for framework in module.FRAMEWORKS})
    # Wengert first, then as the files are sorted.
    return dict(sorted(found.items(), key=lambda item: not item[0].startswith("wengert")))


def workload(name: str) -> Workload:
    """A workload by name; several may share a file, which lists them as `WORKLOADS`."""
    for entry in pkgutil.iter_modules(benchmarks.workloads.__path__):
        if not entry.name.startswith("_"):
            module = importlib.import_module(f"benchmarks.workloads.{entry.name}")
            if name in module.WORKLOADS:
                found: Workload = module.WORKLOADS[name]
                return found
    raise KeyError(f"no workload {name!r}; there are {', '.join(WORKLOADS)}")
