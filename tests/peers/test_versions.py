"""The peers are the ones the figures were taken with."""

from __future__ import annotations

import pytest


def test_torch_is_the_version_we_compare_with() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")
    assert torch.__version__.partition("+")[0] == "2.13.0"


def test_autograd_differentiates() -> None:
    autograd = pytest.importorskip("autograd", reason="HIPS autograd is not installed: pip install autograd")
    assert autograd.grad(lambda x: x * x)(3.0) == 6.0
