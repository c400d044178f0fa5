"""Recording on and off: `no_grad` and its kin, as context managers and as decorators (PyTorch's semantics)."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from typing import Any

from wengert.core.record import local, pause


class _Mode:
    """A context manager and decorator that sets up to which level recording is paused."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self._before: list[int] = []

    def __enter__(self) -> _Mode:
        self._before.append(local.paused)
        pause(local.least if self.enabled else local.depth)
        return self

    def __exit__(self, *exception: object) -> None:
        pause(self._before.pop())

    def __call__(self, f: Any) -> Any:
        if inspect.isgeneratorfunction(f):

            @functools.wraps(f)
            def steps(*args: Any, **kwargs: Any) -> Iterator[Any]:
                running = f(*args, **kwargs)
                while True:  # between the steps the caller records as before
                    with _Mode(self.enabled):
                        item = next(running, running)
                    if item is running:
                        return
                    yield item

            return steps

        # A mode of its own for each call, which may come from several threads.
        @functools.wraps(f)
        def switched(*args: Any, **kwargs: Any) -> Any:
            with _Mode(self.enabled):
                return f(*args, **kwargs)

        return switched


class no_grad(_Mode):  # noqa: N801  (PyTorch's name)
    """Stop recording: a context manager, or a decorator for a function.

    >>> import wengert as wg
    >>> x = wg.tensor([1.0], requires_grad=True)
    >>> with wg.no_grad():
    ...     (x * 2).requires_grad
    False
    """

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(_Mode):  # noqa: N801  (PyTorch's name)
    """Record again inside `no_grad`.

    >>> import wengert as wg
    >>> with wg.no_grad(), wg.enable_grad():
    ...     wg.is_grad_enabled()
    True
    """

    def __init__(self) -> None:
        super().__init__(True)


class set_grad_enabled(_Mode):  # noqa: N801  (PyTorch's name)
    """Record, or not, from here on; as a context manager for the block, as a decorator for the function.

    >>> import wengert as wg
    >>> with wg.set_grad_enabled(False):
    ...     wg.is_grad_enabled()
    False
    """

    def __init__(self, mode: bool) -> None:
        super().__init__(mode)
        self._before.append(local.paused)
        pause(local.least if mode else local.depth)

    def __enter__(self) -> set_grad_enabled:
        return self  # the constructor has switched already, as in PyTorch

    def __call__(self, f: Any) -> Any:
        pause(self._before.pop())  # as a decorator it holds in the function alone
        return super().__call__(f)


inference_mode = no_grad


def is_grad_enabled() -> bool:
    """Whether operations on tensors with ``requires_grad`` are recorded here.

    >>> import wengert as wg
    >>> wg.is_grad_enabled()
    True
    """
    return local.paused <= local.least


__all__ = ["enable_grad", "inference_mode", "is_grad_enabled", "no_grad", "set_grad_enabled"]
