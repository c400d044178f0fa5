"""Discrete Fourier transforms, with NumPy's names."""

from wengert.ops.fft import *  # noqa: F403
