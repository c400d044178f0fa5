"""Recurrent layers; one step of each is in `wengert.nn.functional.recurrent`.

The loop over time is a `wengert.scan`: one line of the list, whatever the length.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from wengert.base.errors import ArgumentError, ShapeError, show
from wengert.nn import functional, init
from wengert.nn.functional import recurrent
from wengert.nn.functional.checks import floating_value, known, positive, probability
from wengert.nn.layers import empty_parameter
from wengert.nn.module import Module
from wengert.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence
from wengert.ops.joining import concatenate, stack
from wengert.ops.manipulation import swapaxes
from wengert.ops.structure import arrayed, astype

State = tuple[Any, ...]


def _uniform(module: Module, hidden_size: int) -> None:
    """PyTorch's first values: every parameter uniform in ``±1 / sqrt(hidden_size)``."""
    bound = 1 / math.sqrt(hidden_size)
    for parameter in module.parameters():
        init.uniform_(parameter, -bound, bound)


class _Recurrent(Module):
    """What the recurrent layers share; a class says its number of gates, its states, and its step."""

    gates: ClassVar[int]
    states: ClassVar[int] = 1

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, dtype: Any = None, *, proj_size: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        what = type(self).__name__
        for name, value in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
            positive(what, name, value)
        probability(what, dropout)
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout, self.bidirectional = bias, batch_first, dropout, bidirectional
        self.directions = 2 if bidirectional else 1
        self.proj_size, self.output_size = proj_size, proj_size or hidden_size
        rows = self.gates * hidden_size
        for layer in range(num_layers):
            width = input_size if layer == 0 else self.directions * self.output_size
            for end in self._ends(layer):
                self.register_parameter(f"weight_ih_{end}", empty_parameter((rows, width), dtype))
                self.register_parameter(f"weight_hh_{end}", empty_parameter((rows, self.output_size), dtype))
                for name in ("bias_ih", "bias_hh") if bias else ():
                    self.register_parameter(f"{name}_{end}", empty_parameter((rows,), dtype))
                if proj_size:
                    self.register_parameter(f"weight_hr_{end}", empty_parameter((proj_size, hidden_size), dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the initial values anew."""
        _uniform(self, self.hidden_size)

    def _ends(self, layer: int) -> list[str]:
        """How the names of a layer's parameters end, for each direction."""
        return [f"l{layer}", f"l{layer}_reverse"][: self.directions]

    def _step(self, end: str) -> recurrent.Step:
        """One step of the layer and direction whose parameters' names end so."""
        raise NotImplementedError

    def _first(self, hx: Any, n: int, dtype: Any) -> list[Any]:
        """The first states, each (layers * directions, N, hidden); h is shorter where it is projected."""
        sizes = (self.output_size, self.hidden_size)[: self.states]
        shapes = [(self.num_layers * self.directions, n, size) for size in sizes]
        if hx is None:
            return [np.zeros(shape, dtype) for shape in shapes]
        given = [hx] if self.states == 1 else list(hx)
        if [tuple(arrayed(s).shape) for s in given] != shapes:
            raise ShapeError(
                f"{type(self).__name__}: got the first state {', '.join(show(arrayed(s)) for s in given)}; needs "
                f"{self.states} of shape {' and '.join(str(list(s)) for s in dict.fromkeys(shapes))}"
            )
        return [astype(s, dtype, copy=False) for s in given]

    def _lengths(self, lengths: Any, steps: int, n: int) -> Any:
        lengths = arrayed(lengths)
        values = known(lengths)
        fits = values is None or not values.size or (values.min() >= 1 and values.max() <= steps)
        if lengths.dtype.kind not in "iu" or tuple(lengths.shape) != (n,) or not fits:
            raise ArgumentError(
                f"{type(self).__name__}: got the lengths {show(lengths)}; needs {n} integers from 1 to {steps}"
            )
        return lengths

    def _run(self, x: Any, states: list[Any], lengths: Any) -> tuple[Any, list[State]]:
        """All layers on (L, N, features): the outputs, and the last states of every layer and direction."""
        last: list[State] = []
        for layer in range(self.num_layers):
            if layer and self.dropout:
                x = functional.dropout(x, self.dropout, self.training)
            outputs = []
            for back, end in enumerate(self._ends(layer)):
                weight, w = (self._parameters[f"weight_{kind}_{end}"] for kind in ("ih", "hh"))
                bias, b = (self._parameters.get(f"bias_{kind}_{end}") for kind in ("ih", "hh"))
                first = tuple(s[len(last)] for s in states)
                a = functional.linear(x, weight, bias)
                y, state = recurrent.sequence(self._step(end), first, a, w, b, bool(back), lengths)
                outputs.append(y)
                last.append(state)
            x = outputs[0] if len(outputs) == 1 else concatenate(outputs, axis=-1)
        return x, last

    def _packed(self, sequence: PackedSequence, hx: Any) -> tuple[PackedSequence, Any]:
        """Padded, run by lengths, and packed again."""
        x, lengths = pad_packed_sequence(sequence, self.batch_first)
        y, last = self.forward(x, hx, lengths)
        return pack_padded_sequence(y, lengths, self.batch_first, sequence.sorted_indices is None), last

    def forward(self, x: Any, hx: Any = None, lengths: Any = None) -> tuple[Any, Any]:
        if isinstance(x, PackedSequence):
            return self._packed(x, hx)
        x = floating_value(x)
        if len(x.shape) not in (2, 3) or x.shape[-1] != self.input_size:
            form = "(N, L, features)" if self.batch_first else "(L, N, features)"
            raise ShapeError(
                f"{type(self).__name__}: got {show(x)}; needs {form} or (L, features) with {self.input_size} features"
            )
        single = len(x.shape) == 2
        if single:
            x = x[:, None]
            if hx is not None:
                hx = hx[:, None] if self.states == 1 else tuple(s[:, None] for s in hx)
        elif self.batch_first:
            x = swapaxes(x, 0, 1)
        steps, n = x.shape[:2]
        if not steps:
            raise ShapeError(f"{type(self).__name__}: got a sequence without elements")
        weight = self._parameters["weight_hh_l0"]
        states = self._first(hx, n, np.result_type(x.dtype, weight.dtype))
        y, last = self._run(x, states, None if lengths is None else self._lengths(lengths, steps, n))
        ends = [stack([state[i] for state in last]) for i in range(self.states)]
        if single:
            y, ends = y[:, 0], [e[:, 0] for e in ends]
        elif self.batch_first:
            y = swapaxes(y, 0, 1)
        return y, ends[0] if self.states == 1 else tuple(ends)

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        for name, default in (("num_layers", 1), ("bias", True), ("batch_first", False), ("dropout", 0.0),
                              ("bidirectional", False), ("proj_size", 0)):  # fmt: skip
            value = getattr(self, name)
            text += "" if value == default else f", {name}={value}"
        return text


class RNN(_Recurrent):
    """``h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh)``, or with relu; see `LSTM` for shapes and options."""

    gates = 1

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, dtype: Any = None,
    ) -> None:  # fmt: skip
        if nonlinearity not in ("tanh", "relu"):
            raise ArgumentError(f"RNN: got nonlinearity={nonlinearity!r}; needs 'tanh' or 'relu'")
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype)
        self.nonlinearity = nonlinearity

    def _step(self, end: str) -> recurrent.Step:
        return recurrent.rnn_tanh_step if self.nonlinearity == "tanh" else recurrent.rnn_relu_step


class LSTM(_Recurrent):
    """Long short-term memory: ``y, (h, c) = lstm(x, (h0, c0))``.

    Shapes (L, N, features) -> (L, N, directions * hidden), with `batch_first` (N, L, …), or (L, features) without a
    batch; states (layers * directions, N, hidden), zeros where not given. `lengths` (N,) lets examples end early:
    their last states are those at their own end and the outputs behind it 0; a `PackedSequence` says the same and
    gives one back. Parameters ``weight_ih_l0`` (4 hidden, features), ``weight_hh_l0``, ``bias_ih_l0``, ``bias_hh_l0``,
    then ``…_l0_reverse``, ``…_l1``; all start uniform in ``±1 / sqrt(hidden)``. While training `dropout` acts between
    the layers. With `proj_size` the outputs h are multiplied by ``weight_hr_l0`` (proj, hidden).

    >>> import wengert as wg, numpy as np
    >>> y, (h, c) = wg.nn.LSTM(3, 5, num_layers=2, bidirectional=True)(np.zeros((7, 4, 3), np.float32))
    >>> y.shape, h.shape
    ((7, 4, 10), (4, 4, 5))
    """

    gates, states = 4, 2

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0, dtype: Any = None,
    ) -> None:  # fmt: skip
        if not 0 <= proj_size < hidden_size:
            raise ArgumentError(
                f"LSTM: got proj_size={proj_size} for hidden_size={hidden_size}; needs 0 or less than that"
            )
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype, proj_size=proj_size
        )

    def _step(self, end: str) -> recurrent.Step:
        if self.proj_size:
            return recurrent.projected_lstm_step(self._parameters[f"weight_hr_{end}"])
        return recurrent.lstm_step


class GRU(_Recurrent):
    """Gated recurrent unit: ``y, h = gru(x, h0)``; shapes and options as `LSTM`."""

    gates = 3

    def _step(self, end: str) -> recurrent.Step:
        return recurrent.gru_step


# ----- one step -----------------------------------------------------------------------------------------------
class _Cell(Module):
    gates: ClassVar[int]
    states: ClassVar[int] = 1

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, dtype: Any = None) -> None:
        super().__init__()
        positive(type(self).__name__, "input_size", input_size)
        positive(type(self).__name__, "hidden_size", hidden_size)
        self.input_size, self.hidden_size = input_size, hidden_size
        rows = self.gates * hidden_size
        self.weight_ih = empty_parameter((rows, input_size), dtype)
        self.weight_hh = empty_parameter((rows, hidden_size), dtype)
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, empty_parameter((rows,), dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the initial values anew."""
        _uniform(self, self.hidden_size)

    def _step(self) -> recurrent.Step:
        raise NotImplementedError

    def forward(self, x: Any, hx: Any = None) -> Any:
        a = functional.linear(floating_value(x), self.weight_ih, self.bias_ih)
        if hx is None:
            shape = (*a.shape[:-1], self.hidden_size)
            state: State = (np.zeros(shape, np.result_type(a.dtype, self.weight_hh.dtype)),) * self.states
        else:
            state = (hx,) if self.states == 1 else tuple(hx)
        new = self._step()(state, a, self.weight_hh, self.bias_hh)
        return new[0] if self.states == 1 else new

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}"


class RNNCell(_Cell):
    """One step of `RNN`: ``h' = cell(x, h)``."""

    gates = 1

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, dtype)
        if nonlinearity not in ("tanh", "relu"):
            raise ArgumentError(f"RNNCell: got nonlinearity={nonlinearity!r}; needs 'tanh' or 'relu'")
        self.nonlinearity = nonlinearity

    def _step(self) -> recurrent.Step:
        return recurrent.rnn_tanh_step if self.nonlinearity == "tanh" else recurrent.rnn_relu_step


class LSTMCell(_Cell):
    """One step of `LSTM`: ``h', c' = cell(x, (h, c))``."""

    gates, states = 4, 2

    def _step(self) -> recurrent.Step:
        return recurrent.lstm_step


class GRUCell(_Cell):
    """One step of `GRU`: ``h' = cell(x, h)``."""

    gates = 3

    def _step(self) -> recurrent.Step:
        return recurrent.gru_step
