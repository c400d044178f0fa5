"""PyTorch: functional calls and fused optimizers, its fastest on a CPU; eager, with the loss compiled, whole steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.harness.definitions import Arrays, Framework, NotApplicable, Step, Training


@dataclass
class Torch(Framework):
    """`compiled`: nothing, the loss, or the whole step (torch.func.grad and an optimizer by hand) as one graph."""

    compiled: str = "nothing"
    channels_last: bool = False

    @property
    def eager(self) -> bool:
        return self.compiled == "nothing"

    @property
    def functional(self) -> bool:
        return self.compiled == "step"

    def setup(self, threads: int, dtype: str) -> None:
        import torch

        torch.set_num_threads(threads)

    def _compile(self, f: Callable[..., Any]) -> Callable[..., Any]:
        import torch

        return f if self.eager else torch.compile(f, fullgraph=True, dynamic=False)

    def call(self, f: Callable[..., Any], *tensors: Any) -> Step:
        """The step that calls a function of tensors."""
        if self.functional:
            raise NotApplicable("as torch.compile: there is no optimizer")
        compiled = self._compile(f)
        out: list[Any] = [None]

        def run() -> None:
            out[0] = compiled(*tensors)

        return Step(run, lambda: out[0].detach().numpy().copy())

    def train(self, loss: Callable[..., Any], data: Training, convert: Callable[[Arrays], Arrays]) -> Step:
        """The step that trains with a loss of (parameters, batch[, buffers])."""
        return (self._train_whole if self.functional else self._train)(loss, data, convert(data.parameters))

    def _tensor(self, array: np.ndarray) -> Any:
        import torch

        tensor = torch.from_numpy(np.array(array))
        wide = self.channels_last and tensor.dim() == 4
        return tensor.contiguous(memory_format=torch.channels_last) if wide else tensor

    def _train(self, loss: Callable[..., Any], data: Training, first: Arrays) -> Step:
        import torch

        p = {k: self._tensor(v).requires_grad_() for k, v in first.items()}
        b, s = ({k: self._tensor(v) for k, v in part.items()} for part in (data.batch, data.buffers))
        if data.optimizer.kind == "sgd":
            options: dict[str, Any] = {"lr": data.optimizer.rate, "momentum": data.optimizer.momentum}
            optimizer: Any = torch.optim.SGD(p.values(), fused=True, **options)
        else:
            optimizer = torch.optim.Adam(p.values(), lr=data.optimizer.rate, fused=True)
        compiled = self._compile(loss)
        arguments = (p, b, s) if s else (p, b)
        out: list[Any] = [None]

        def run() -> None:
            optimizer.zero_grad()
            value = compiled(*arguments)
            value.backward()
            optimizer.step()
            out[0] = value

        def reset() -> None:
            copy_all(p, first)
            copy_all(s, data.buffers)
            for state in optimizer.state.values():
                for value in state.values():
                    if value is not None:
                        value.zero_()

        return Step(run, lambda: out[0].detach().numpy().copy(), reset=torch.no_grad()(reset))

    def _train_whole(self, loss: Callable[..., Any], data: Training, first: Arrays) -> Step:
        import torch

        p, b, s = ({k: self._tensor(v) for k, v in part.items()} for part in (first, data.batch, data.buffers))
        m, v = ({k: torch.zeros_like(x) for k, x in p.items()} for _ in range(2))
        count = torch.zeros(())
        update = whole_sgd(data) if data.optimizer.kind == "sgd" else whole_adam(data)

        def one(p: Any, m: Any, v: Any, count: Any, b: Any, s: Any) -> Any:
            if s:
                gradient, (value, new) = torch.func.grad_and_value(lambda p: loss(p, b, s), has_aux=True)(p)
                for k in s:
                    s[k].copy_(new[k])
            else:
                gradient, value = torch.func.grad_and_value(loss)(p, b)
            update(p, m, v, count, gradient)
            return value

        compiled = self._compile(one)
        out: list[Any] = [None]

        def run() -> None:
            with torch.no_grad():
                out[0] = compiled(p, m, v, count, b, s)

        def reset() -> None:
            copy_all(p, first)
            copy_all(s, data.buffers)
            for tensor in (*m.values(), *v.values(), count):
                tensor.zero_()

        return Step(run, lambda: out[0].detach().numpy().copy(), reset=reset)


def copy_all(tensors: dict[str, Any], arrays: Arrays) -> None:
    import torch

    for k, tensor in tensors.items():
        tensor.copy_(torch.from_numpy(np.asarray(arrays[k])))


def whole_sgd(data: Training) -> Callable[..., None]:
    rate, momentum = data.optimizer.rate, data.optimizer.momentum

    def update(p: Any, m: Any, _v: Any, _count: Any, gradient: Any) -> None:
        for k in p:
            m[k].mul_(momentum).add_(gradient[k])
            p[k].sub_(rate * m[k])

    return update


def whole_adam(data: Training) -> Callable[..., None]:
    def update(p: Any, m: Any, v: Any, count: Any, gradient: Any) -> None:
        import torch

        count.add_(1)
        first, second = 1 - 0.9**count, torch.sqrt(1 - 0.999**count)
        for k in p:
            m[k].mul_(0.9).add_(gradient[k] * 0.1)
            v[k].mul_(0.999).add_(gradient[k] * gradient[k] * 0.001)
            p[k].sub_((data.optimizer.rate / first) * m[k] / (torch.sqrt(v[k]) / second + 1e-8))

    return update


IMAGES = frozenset({"cnn_lenet", "cnn_small_resnet"})
FRAMEWORKS = [
    Torch("torch_eager", "torch", "torch", ("torch",)),
    Torch("torch_channels_last", "torch, channels last", "torch", ("torch",), only=IMAGES, channels_last=True),
    Torch("torch_compile", "torch.compile of the loss", "torch", ("torch",), compiled="loss"),
    Torch("torch_compile_step", "torch.compile of the step", "torch", ("torch",), compiled="step"),
]
