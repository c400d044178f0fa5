"""Random numbers from counter-based keys; `manual_seed` and the tensor factories draw from one global generator."""

from wengert.ops.generator import *  # noqa: F403
from wengert.ops.random import *  # noqa: F403
