"""Every operation of PyTorch's own table (OpInfo) that this library has too, on the samples of the table."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")

from tests.peers.sample_inputs import counterpart, operations, run  # noqa: E402

OPERATIONS = operations()
COMPARED = [name for name in OPERATIONS if counterpart(name) is not None]

pytestmark = [pytest.mark.filterwarnings("ignore")]


@pytest.mark.parametrize("name", COMPARED)
def test_as_pytorch(name):
    assert run(name, OPERATIONS[name]).equal


def test_many_are_compared():
    assert len(COMPARED) >= 300
