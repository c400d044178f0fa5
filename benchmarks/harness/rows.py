"""The rows of the table, what each must reach, and the peers that were best there when it was set up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """Best peer's time over ours must be at least `must`; `aim` is what we want."""

    name: str
    workload: str
    must: float
    aim: float
    quick: tuple[str, ...]  # the peers of a quick run
    looped: bool = False  # many steps in one call, against peers that loop likewise


ROWS = (
    Row("mlp_tiny (per call)", "mlp_tiny", 5, 8, ("jax_flat", "jax_jit", "casadi_mx_c")),
    Row("mlp_tiny (looped)", "mlp_tiny", 3, 6, ("jax_scan",), looped=True),
    Row("mlp_digits (per call)", "mlp_digits", 1.4, 2, ("jax_jit", "pytensor")),
    Row("mlp_digits (looped)", "mlp_digits", 1.2, 1.8, ("jax_scan",), looped=True),
    Row("mlp_mnist", "mlp_mnist", 1.15, 1.4, ("jax_scan", "jax_in_order", "torch_compile_step")),
    Row("mlp_wide", "mlp_wide", 1, 1.1, ("torch_eager",)),
    Row("cnn_lenet", "cnn_lenet", 2, 2.6, ("torch_compile",)),
    Row("cnn_small_resnet", "cnn_small_resnet", 1.1, 1.6, ("torch_channels_last",)),
    Row("lstm_char", "lstm_char", 1.1, 1.5, ("torch_eager",)),
    Row("transformer_char", "transformer_char", 1.15, 1.6, ("torch_eager",)),
    Row("vae_digits", "vae_digits", 1.8, 2.6, ("jax_jit",)),
    Row("tanh_6th, 200 points", "tanh_6th_200", 1.5, 3, ("casadi_mx_c", "heyoka", "jax_jit")),
    Row("tanh_6th, 1e6 points", "tanh_6th_1e6", 1.1, 1.8, ("heyoka", "jax_fast")),
    Row("rosenbrock gradient", "rosenbrock_gradient", 1.5, 4, ("heyoka_compact", "casadi_sx_c", "jax_jit")),
    Row("rosenbrock Hessian-vector product", "rosenbrock_hvp", 1.5, 4, ("heyoka_compact", "jax_jit")),
    Row("gmm", "gmm", 1.3, 2.5, ("jax_jit",)),
    Row("logistic regression Hessian", "logistic_hessian", 1.1, 2, ("pytensor", "jax_jit")),
    Row("Newton step", "newton_step", 1.1, 2, ("pytensor", "jax_jit")),
    Row("deep_chain 10,000 by scan, reverse", "deep_chain", 1, 1.4, ("jax_jit",)),
)
MUST_MEAN, AIM_MEAN = 1.4, 2.3


def quick_frameworks(workload: str) -> list[str]:
    """Ours, and the peers that were best on this workload."""
    rows = [row for row in ROWS if row.workload == workload]
    names = ["wengert_compiled", *(["wengert_repeat"] if any(row.looped for row in rows) else [])]
    return names + [peer for row in rows for peer in row.quick]
