"""Wengert: records a program as a Wengert list and differentiates, trains and explains it."""

from __future__ import annotations

from wengert.base.dtypes import get_default_dtype, set_default_dtype
from wengert.core.record import Tensor
from wengert.ops import FUNCTIONS, methods
from wengert.transforms.derived import *  # noqa: F403

globals().update({n: f for n, f in FUNCTIONS.items() if "." not in n})
