"""The worked examples of the lectures with their right values (goldens.json), and how to compare with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

GOLDENS = {g["id"]: g for g in json.loads((Path(__file__).parent / "goldens.json").read_text())}


class Golden:
    """One worked example: its inputs as float64 arrays, its expected values, and the comparison."""

    def __init__(self, entry: dict[str, Any]) -> None:
        self.entry = entry
        self.expected = entry["expected"]
        self.wrong = entry["wrong"]

    def input(self, name: str) -> Any:
        value = self.entry["inputs"][name]
        return np.asarray(value, dtype=np.float64) if isinstance(value, list) else value

    def check(self, **found: Any) -> None:
        """Compare by name; 1e-10 at most, tighter where the example says so."""
        for name, value in found.items():
            if hasattr(value, "detach"):
                value = value.detach().numpy()
            np.testing.assert_allclose(
                np.asarray(value),
                np.asarray(self.expected[name], dtype=np.float64),
                rtol=min(self.entry["rtol"] * 10, 1e-10) if self.entry["rtol"] < 1e-9 else self.entry["rtol"],
                atol=max(self.entry["atol"], 1e-300),
                err_msg=f"{self.entry['id']} {name}",
            )


@pytest.fixture
def golden() -> Any:
    return lambda identifier: Golden(GOLDENS[identifier])
