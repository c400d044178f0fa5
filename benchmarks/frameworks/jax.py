"""JAX: the whole step in one jax.jit with donated state, channels last, optimizers by hand; several settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.harness.definitions import Arrays, Framework, Step, Training


def same(arrays: Arrays) -> Arrays:
    return arrays


@dataclass
class Jax(Framework):
    """With `steps` above 1, so many steps in one jitted lax.scan. `flat`: all parameters in one vector."""

    flat: bool = False

    def setup(self, threads: int, dtype: str) -> None:
        import jax

        jax.config.update("jax_platforms", "cpu")
        jax.config.update("jax_enable_x64", dtype == "float64")

    def call(self, f: Callable[..., Any], *arrays: np.ndarray) -> Step:
        """The step that calls a function of arrays."""
        import jax

        arguments = [jax.numpy.array(a) for a in arrays]
        compiled = jax.jit(f)
        out: list[Any] = [None]

        def run() -> None:
            out[0] = compiled(*arguments)

        return Step(run, lambda: np.asarray(out[0]), lambda: jax.block_until_ready(out[0]))

    def train(
        self,
        loss: Callable[..., Any],
        data: Training,
        convert: Callable[[Arrays], Arrays] = same,
        batch: Callable[[Arrays], Arrays] = same,
    ) -> Step:
        """The step that trains with a loss of (parameters, batch[, buffers])."""
        import jax
        from jax.flatten_util import ravel_pytree

        first: Any = {k: jax.numpy.array(v) for k, v in convert(data.parameters).items()}
        if self.flat:
            first, unravel = ravel_pytree(first)
            of_tree = loss

            def loss(p: Any, *rest: Any) -> Any:
                return of_tree(unravel(p), *rest)

        return self._train(
            one_step(loss, data), first, data, {k: jax.numpy.array(v) for k, v in batch(data.batch).items()}
        )

    def _train(self, one: Callable[..., Any], first: Any, data: Training, batch: Any) -> Step:
        import jax

        def many(state: Any, batch: Any) -> Any:
            return jax.lax.scan(lambda state, _: one(state, batch), state, None, length=self.steps)

        compiled = jax.jit(many if self.steps > 1 else one, donate_argnums=(0,))
        state: list[Any] = [None]
        out: list[Any] = [None]

        def reset() -> None:
            copied = jax.tree_util.tree_map(jax.numpy.array, first)
            state[0] = jax.block_until_ready(first_state(copied, data))

        def run() -> None:
            state[0], out[0] = compiled(state[0], batch)

        reset()
        return Step(run, lambda: np.asarray(out[0]), lambda: jax.block_until_ready((state[0], out[0])), reset)


def first_state(parameters: Any, data: Training) -> dict[str, Any]:
    import jax
    import jax.numpy as jnp

    def zeros() -> Any:
        return jax.tree_util.tree_map(jnp.zeros_like, parameters)

    buffers = {k: jnp.array(v) for k, v in data.buffers.items()}
    state = {"p": parameters, "m": zeros(), "s": buffers}
    if data.optimizer.kind == "adam":
        state.update({"v": zeros(), "t": jnp.zeros((), jnp.float32)})
    return state


def one_step(loss: Callable[..., Any], data: Training) -> Callable[..., Any]:
    """State and batch to new state and loss."""
    import jax

    update = sgd(data) if data.optimizer.kind == "sgd" else adam(data)

    def step(state: dict[str, Any], batch: Any) -> Any:
        buffers = state["s"]
        if buffers:
            (value, buffers), g = jax.value_and_grad(loss, has_aux=True)(state["p"], batch, buffers)
        else:
            value, g = jax.value_and_grad(loss)(state["p"], batch)
        return {"s": buffers, **update(state, g)}, value

    return step


def sgd(data: Training) -> Callable[..., dict[str, Any]]:
    from jax.tree_util import tree_map

    rate, momentum = data.optimizer.rate, data.optimizer.momentum

    def update(state: dict[str, Any], g: Any) -> dict[str, Any]:
        m = tree_map(lambda m, g: momentum * m + g, state["m"], g)
        return {"m": m, "p": tree_map(lambda p, m: p - rate * m, state["p"], m)}

    return update


def adam(data: Training) -> Callable[..., dict[str, Any]]:
    import jax.numpy as jnp
    from jax.tree_util import tree_map

    def update(state: dict[str, Any], g: Any) -> dict[str, Any]:
        t = state["t"] + 1
        rate, second = data.optimizer.rate / (1 - 0.9**t), 1 - 0.999**t
        m = tree_map(lambda m, g: 0.9 * m + 0.1 * g, state["m"], g)
        v = tree_map(lambda v, g: 0.999 * v + 0.001 * g * g, state["v"], g)
        p = tree_map(lambda p, m, v: p - rate * m / (jnp.sqrt(v / second) + 1e-8), state["p"], m, v)
        return {"m": m, "v": v, "t": t, "p": p}

    return update


CPU = {"JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}
FAST = " ".join(
    [
        "--xla_cpu_prefer_vector_width=512", "--xla_cpu_enable_fast_math=true", "--xla_cpu_fast_math_honor_nans=false",
        "--xla_cpu_fast_math_honor_infs=false", "--xla_cpu_fast_math_honor_division=false",
        "--xla_cpu_fast_math_honor_functions=false", "--xla_cpu_enable_fast_min_max=true",
    ]
)  # fmt: skip
IN_ORDER = "--xla_cpu_enable_concurrency_optimized_scheduler=false"
SMALL = frozenset({"mlp_tiny", "mlp_digits", "mlp_mnist"})
POINTS = frozenset({"tanh_6th_200", "tanh_6th_1e6"})
JAX = ("jax", "jaxlib")
FRAMEWORKS = [
    Jax("jax_jit", "jax.jit", "jax", JAX, CPU),
    Jax("jax_flat", "jax.jit, one flat vector", "jax", JAX, CPU, SMALL | {"vae_digits"}, flat=True),
    Jax("jax_in_order", "jax.jit, in-order scheduler", "jax", JAX, {**CPU, "XLA_FLAGS": IN_ORDER}, SMALL),
    Jax(
        "jax_fast",
        "jax.jit, fast math",
        "jax",
        JAX,
        {**CPU, "XLA_FLAGS": FAST},
        POINTS,
    ),
    Jax("jax_scan", "jax scan of 50 steps", "jax", JAX, CPU, SMALL, steps=50),
]
