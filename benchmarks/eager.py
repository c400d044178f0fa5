"""What eager recording costs, beside PyTorch, JAX and HIPS autograd in one run.

Rows: microseconds to record one small addition, and to record it and sweep back, in a chain of 100 additions of
8-vectors; gradient time over forward time on matrix work; import time; bytes of memory for each recorded operation.
Rounds are interleaved over the frameworks and the minimum is reported, so that a busy machine disturbs all alike.

    python benchmarks/eager.py [--rounds 15] [--json FILE] [--markdown FILE]

A framework that is not installed is left out, by name. Its own line of code a test is in `FRAMEWORKS`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

CHAIN = 100
SIZE = 256
Action = Callable[[], Any]


# ----- one builder a framework: (record, forward and backward, matrix forward, matrix gradient) --------------
def wengert_actions() -> dict[str, Action]:
    import wengert as wg

    x: Any = wg.tensor(np.ones(8), requires_grad=True)
    ones = np.ones(8)

    def record() -> Any:
        y = x
        for _ in range(CHAIN):
            y = y + x
        return y

    def both() -> None:
        x.grad = None
        record().backward(ones)

    a, b = np.random.default_rng(0).normal(size=(2, SIZE, SIZE))

    def work(w: Any) -> Any:
        return np.sum(np.tanh(np.matmul(np.tanh(np.matmul(b, w)), w)))

    gradient = wg.grad(work)
    return {"record": record, "both": both, "forward": lambda: work(a), "gradient": lambda: gradient(a)}


def torch_actions() -> dict[str, Action]:
    import torch

    torch.set_num_threads(1)
    x = torch.ones(8, dtype=torch.float64, requires_grad=True)
    ones = torch.ones(8, dtype=torch.float64)

    def record() -> Any:
        y = x
        for _ in range(CHAIN):
            y = y + x
        return y

    def both() -> None:
        x.grad = None
        record().backward(ones)

    a, b = (torch.from_numpy(m) for m in np.random.default_rng(0).normal(size=(2, SIZE, SIZE)))
    w = a.clone().requires_grad_()

    def work(w: Any) -> Any:
        return torch.sum(torch.tanh(torch.matmul(torch.tanh(torch.matmul(b, w)), w)))

    def gradient() -> Any:
        return torch.autograd.grad(work(w), w)

    return {"record": record, "both": both, "forward": lambda: work(a), "gradient": gradient}


def autograd_actions() -> dict[str, Action]:
    import autograd
    import autograd.numpy as anp

    x = np.ones(8)

    def chain(x: Any) -> Any:
        y = x
        for _ in range(CHAIN):
            y = y + x
        return y

    ones = np.ones(8)
    a, b = np.random.default_rng(0).normal(size=(2, SIZE, SIZE))

    def work(w: Any) -> Any:
        return anp.sum(anp.tanh(anp.matmul(anp.tanh(anp.matmul(b, w)), w)))

    gradient = autograd.grad(work)
    return {
        "record": lambda: autograd.make_vjp(chain)(x),
        "both": lambda: autograd.make_vjp(chain)(x)[0](ones),
        "forward": lambda: work(a),
        "gradient": lambda: gradient(a),
    }


def jax_actions() -> dict[str, Action]:
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    x = jnp.ones(8)

    def chain(x: Any) -> Any:
        y = x
        for _ in range(CHAIN):
            y = y + x
        return y

    a, b = map(jnp.asarray, np.random.default_rng(0).normal(size=(2, SIZE, SIZE)))

    def work(w: Any) -> Any:
        return jnp.sum(jnp.tanh(jnp.matmul(jnp.tanh(jnp.matmul(b, w)), w)))

    gradient = jax.grad(work)
    return {
        "record": lambda: jax.block_until_ready(jax.vjp(chain, x)[0]),
        "both": lambda: jax.block_until_ready(jax.vjp(chain, x)[1](x)),
        "forward": lambda: jax.block_until_ready(work(a)),
        "gradient": lambda: jax.block_until_ready(gradient(a)),
    }


FRAMEWORKS: dict[str, Callable[[], dict[str, Action]]] = {
    "wengert": wengert_actions,
    "torch": torch_actions,
    "autograd": autograd_actions,
    "jax": jax_actions,
}
# What a memory measurement runs in a process of its own: makes `keep(n)`, a chain of n recorded additions.
CHAINS = {
    "wengert": "import wengert as m; import numpy as np; x = m.tensor(np.ones(8), requires_grad=True)",
    "torch": "import torch as m; x = m.ones(8, dtype=m.float64, requires_grad=True)",
}
MEMORY = """
{setup}
import os
def resident():  # not ru_maxrss, which a child inherits from its parent
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
def keep(n):
    y = x
    for _ in range(n):
        y = y + x
    return y
small = keep(1000)
before = resident()
chain = keep(200_000)
print((resident() - before) / 200_000)
"""


def python(code: str) -> str:
    """Run code in a fresh interpreter and return what it prints."""
    environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its byte code beside it
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    return done.stdout.strip()


def import_milliseconds(module: str, rounds: int) -> float:
    """Wall time of importing a module in a fresh interpreter, less an empty interpreter's start."""

    def once(code: str) -> float:
        start = time.perf_counter()
        python(code)
        return time.perf_counter() - start

    return 1e3 * (min(once(f"import {module}") for _ in range(rounds)) - min(once("pass") for _ in range(rounds)))


def seconds(action: Action, at_least: float = 0.02) -> float:
    """Seconds a call, over as many calls as take `at_least` seconds."""
    calls = 1
    while True:
        start = time.perf_counter()
        for _ in range(calls):
            action()
        spent = time.perf_counter() - start
        if spent >= at_least:
            return spent / calls
        calls = max(calls * 2, int(calls * at_least / max(spent, 1e-9)))


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """All figures of all installed frameworks."""
    actions = {}
    for name, build in FRAMEWORKS.items():
        try:
            importlib.import_module(name)
        except ImportError:
            print(f"{name}: not installed, left out", file=sys.stderr)
            continue
        actions[name] = build()
    best = {name: dict.fromkeys(("record", "both", "forward", "gradient"), float("inf")) for name in actions}
    for _ in range(rounds):
        for name, table in actions.items():
            for row, action in table.items():
                best[name][row] = min(best[name][row], seconds(action))
    results = {}
    for name, least in best.items():
        results[name] = {
            "record_us": 1e6 * least["record"] / CHAIN,
            "forward_backward_us": 1e6 * least["both"] / CHAIN,
            "gradient_over_forward": least["gradient"] / least["forward"],
            "import_ms": import_milliseconds(name, max(3, rounds // 3)),
        }
        if name in CHAINS:
            results[name]["bytes_per_node"] = float(python(MEMORY.format(setup=CHAINS[name])))
    return results


def table(results: dict[str, dict[str, float]]) -> str:
    """The results as a Markdown table, with each peer's time over ours."""
    rows = ["record_us", "forward_backward_us", "gradient_over_forward", "import_ms", "bytes_per_node"]
    lines = ["| | " + " | ".join(results) + " |", "|---|" + "---|" * len(results)]
    for row in rows:
        cells = []
        for name in results:
            value, ours = results[name].get(row), results.get("wengert", {}).get(row)
            ratio = f" ({value / ours:.2f}x)" if value and ours and name != "wengert" else ""
            cells.append("-" if value is None else f"{value:.4g}{ratio}")
        lines.append(f"| {row.replace('_', ' ')} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    results = measure(options.rounds)
    text = table(results)
    print(text)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    if options.markdown:
        options.markdown.write_text(text + "\n")


if __name__ == "__main__":
    main()
