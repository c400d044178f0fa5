"""All random generators of a program at once: Wengert's, NumPy's old global one, and Python's."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np

from wengert.base.errors import ArgumentError
from wengert.ops.generator import manual_seed


def seed_everything(seed: int) -> None:
    """Seed Wengert's generator, NumPy's global one and Python's, so that a program that mixes them repeats itself.

    Checkpoints hold the state of all three. Generators that a program makes itself (`np.random.default_rng`) are its
    own, and threads that draw from a shared one draw in an order of their own.

    >>> import random, numpy as np, wengert as wg
    >>> wg.train.seed_everything(3)
    >>> first = random.random(), np.random.random(), float(wg.rand(()))
    >>> wg.train.seed_everything(3)
    >>> first == (random.random(), np.random.random(), float(wg.rand(())))
    True
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise ArgumentError(f"seed_everything: got seed={seed!r}; needs a whole number from 0 to 2**32 - 1")
    manual_seed(int(seed))
    random.seed(int(seed))
    np.random.seed(int(seed))


class OtherGenerators:
    """The generators beside Wengert's own, as a part of a checkpoint."""

    def state_dict(self) -> dict[str, Any]:
        """Their states as plain values and arrays."""
        version, numbers, gauss = random.getstate()
        return {
            "python": {"version": version, "numbers": np.array(numbers, np.uint64), "gauss": gauss},
            "numpy": np.random.get_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back; raises `ArgumentError` for what is no such state."""
        try:
            python = state["python"]
            before = random.getstate()
            random.setstate((python["version"], tuple(map(int, python["numbers"])), python["gauss"]))
            try:
                np.random.set_state(state["numpy"])
            except Exception:
                random.setstate(before)
                raise
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            raise ArgumentError(f"the states of the random generators do not fit: {error}") from None


__all__ = ["seed_everything"]
