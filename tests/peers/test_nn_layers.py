"""Every layer, activation and loss against PyTorch in float64, from one table: state-dict keys, values, gradients.

PyTorch's module is made first; ours takes over its state by name. Then outputs, gradients by all floating inputs and
by all parameters, and the buffers afterwards, must agree to 1e-10.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

import wengert as wg
from wengert import nn

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")

RNG = np.random.default_rng(7)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


def positive(*shape: int) -> np.ndarray:
    return RNG.uniform(0.1, 2.0, size=shape)


def share(*shape: int) -> np.ndarray:
    x = positive(*shape)
    return x / x.sum(1, keepdims=True)


def signs(*shape: int) -> np.ndarray:
    return RNG.choice([-1.0, 1.0], size=shape)


def labels(classes: int, *shape: int) -> np.ndarray:
    return RNG.integers(0, classes, shape)


class Row(NamedTuple):
    name: str
    args: Sequence[Any]
    options: dict[str, Any]
    inputs: Sequence[np.ndarray]
    fixed: int = 0  # so many of the last inputs get no gradient
    eval: bool = False
    theirs: dict[str, Any] | None = None  # PyTorch's options where the names differ


def row(name: str, *args: Any, x: Any, fixed: int = 0, eval: bool = False, theirs: Any = None, **options: Any) -> Row:
    return Row(name, args, options, x if isinstance(x, list) else [x], fixed, eval, theirs)


CORNERS = np.array([[-6.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 6.0, 7.5], list(RNG.normal(size=10) * 3)])
LAYERS = [
    row("Linear", 3, 4, x=normal(5, 3)),
    row("Linear", 3, 4, bias=False, x=normal(2, 5, 3)),
    row("Bilinear", 3, 4, 2, x=[normal(5, 3), normal(5, 4)]),
    row("Bilinear", 3, 4, 2, bias=False, x=[normal(2, 5, 3), normal(2, 5, 4)]),
    row("Embedding", 6, 3, x=labels(6, 4, 5), fixed=1),
    row("Embedding", 6, 3, padding_idx=2, x=np.array([2, 0, 2, 5]), fixed=1),
    row("Conv1d", 4, 6, 3, x=normal(2, 4, 9)),
    row("Conv1d", 4, 6, 3, stride=2, padding=2, dilation=2, groups=2, bias=False, x=normal(2, 4, 9)),
    row("Conv1d", 4, 6, 4, padding="same", padding_mode="circular", x=normal(2, 4, 9)),
    row("Conv1d", 4, 6, 3, x=normal(4, 9)),
    row("Conv2d", 2, 3, (3, 2), stride=(2, 1), padding=(1, 2), x=normal(2, 2, 6, 5)),
    row("Conv2d", 2, 4, 3, padding=1, padding_mode="reflect", groups=2, x=normal(2, 2, 5, 5)),
    row("Conv2d", 2, 4, 3, padding=1, padding_mode="replicate", x=normal(2, 2, 5, 5)),
    row("Conv3d", 2, 3, 2, padding=1, x=normal(1, 2, 3, 4, 3)),
    row("ConvTranspose1d", 4, 6, 3, stride=2, padding=1, output_padding=1, groups=2, x=normal(2, 4, 5)),
    row("ConvTranspose2d", 2, 3, (2, 3), stride=2, dilation=(1, 2), bias=False, x=normal(2, 2, 3, 4)),
    row("ConvTranspose3d", 2, 3, 2, x=normal(1, 2, 2, 3, 2)),
    row("MaxPool1d", 3, stride=2, padding=1, x=normal(2, 3, 9)),
    row("MaxPool2d", 2, x=normal(2, 3, 6, 5)),
    row("MaxPool2d", (3, 2), stride=1, dilation=(1, 2), ceil_mode=True, x=normal(2, 3, 6, 5)),
    row("MaxPool3d", 2, x=normal(1, 2, 4, 4, 4)),
    row("AvgPool1d", 3, padding=1, x=normal(2, 3, 9)),
    row("AvgPool2d", 3, stride=2, padding=1, count_include_pad=False, ceil_mode=True, x=normal(2, 3, 6, 6)),
    row("AvgPool2d", 2, divisor_override=3, x=normal(2, 3, 6, 6)),
    row("AvgPool3d", 2, x=normal(1, 2, 4, 4, 4)),
    row("AdaptiveAvgPool1d", 4, x=normal(2, 3, 7)),
    row("AdaptiveAvgPool2d", (3, None), x=normal(2, 3, 7, 5)),
    row("AdaptiveMaxPool1d", 3, x=normal(2, 3, 7)),
    row("AdaptiveMaxPool2d", 2, x=normal(2, 3, 7, 5)),
    row("BatchNorm1d", 3, x=normal(5, 3)),
    row("BatchNorm1d", 3, x=normal(5, 3, 4), momentum=None),
    row("BatchNorm1d", 3, x=normal(5, 3), eval=True, eps=1e-3),
    row("BatchNorm2d", 3, x=normal(4, 3, 2, 5), momentum=0.3),
    row("BatchNorm2d", 3, x=normal(4, 3, 2, 5), affine=False, track_running_stats=False, eval=True),
    row("BatchNorm3d", 2, x=normal(2, 2, 2, 3, 2)),
    row("LayerNorm", 5, x=normal(4, 3, 5)),
    row("LayerNorm", (3, 5), bias=False, eps=1e-3, x=normal(4, 3, 5)),
    row("LayerNorm", 5, elementwise_affine=False, x=normal(5)),
    row("GroupNorm", 2, 6, x=normal(3, 6, 4)),
    row("GroupNorm", 6, 6, affine=False, x=normal(3, 6, 2, 2)),
    row("InstanceNorm1d", 3, x=normal(2, 3, 6)),
    row("InstanceNorm1d", 3, affine=True, track_running_stats=True, x=normal(2, 3, 6)),
    row("InstanceNorm2d", 3, affine=True, track_running_stats=True, x=normal(2, 3, 4, 2), eval=True),
    row("InstanceNorm2d", 3, x=normal(3, 4, 2)),
    row("InstanceNorm3d", 2, affine=True, x=normal(2, 2, 2, 3, 2)),
    row("RMSNorm", 5, x=normal(4, 5)),
    row("RMSNorm", (3, 5), eps=1e-3, x=normal(4, 3, 5)),
    row("LocalResponseNorm", 3, alpha=0.5, x=normal(2, 5, 4)),
    row("LocalResponseNorm", 2, x=normal(2, 5, 3, 2) * 30),
    row("LocalResponseNorm", 4, alpha=2.0, beta=0.4, k=0.5, x=normal(2, 3, 2, 2, 2)),
    row("ZeroPad1d", 2, x=normal(2, 3, 4)),
    row("ZeroPad2d", (1, 0, 2, 3), x=normal(2, 3, 4, 2)),
    row("ZeroPad3d", (1, 0, 2, 3, -1, 1), x=normal(2, 3, 4, 2)),
    row("ConstantPad1d", (3, 1), 2.5, x=normal(3, 4)),
    row("ConstantPad2d", (-1, 2, 1, -2), 2.5, x=normal(2, 3, 4, 5)),
    row("ConstantPad3d", 1, -1.5, x=normal(1, 2, 2, 3, 2)),
    row("ReflectionPad1d", (3, 1), x=normal(2, 3, 4)),
    row("ReflectionPad2d", (2, 1, 0, 3), x=normal(2, 3, 4, 3)),
    row("ReflectionPad3d", 1, x=normal(1, 2, 2, 3, 2)),
    row("ReplicationPad1d", (5, 1), x=normal(3, 4)),
    row("ReplicationPad2d", (2, 1, 0, 3), x=normal(2, 3, 4, 3)),
    row("ReplicationPad3d", (1, 2, 0, 3, 1, 0), x=normal(1, 2, 2, 3, 2)),
    row("CircularPad1d", (4, 1), x=normal(2, 3, 4)),
    row("CircularPad2d", (2, 1, 0, 3), x=normal(2, 3, 4, 3)),
    row("CircularPad3d", 1, x=normal(1, 2, 2, 3, 2)),
    row("Upsample", scale_factor=2, x=normal(2, 3, 4)),
    row("Upsample", scale_factor=1.6, x=normal(2, 3, 5, 4)),
    row("Upsample", size=(7, 3), mode="nearest-exact", x=normal(2, 3, 5, 4)),
    row("Upsample", size=(7, 3), mode="bilinear", x=normal(2, 3, 5, 4)),
    row("Upsample", scale_factor=(2, 1.5), mode="bilinear", x=normal(2, 3, 5, 4)),
    row("Upsample", size=(7, 6), mode="bilinear", align_corners=True, x=normal(2, 3, 5, 4)),
    row("Upsample", scale_factor=3, mode="linear", x=normal(2, 3, 5)),
    row("Upsample", scale_factor=2, mode="trilinear", x=normal(1, 2, 3, 2, 2)),
    row("UpsamplingBilinear2d", scale_factor=2, x=normal(1, 2, 3, 2)),
    row("UpsamplingNearest2d", scale_factor=2, x=normal(1, 2, 3, 2)),
    row("PixelShuffle", 2, x=normal(2, 8, 3, 4)),
    row("PixelUnshuffle", 2, x=normal(2, 2, 6, 4)),
    row("Dropout", 0.5, x=normal(2, 3), eval=True),
    row("Dropout1d", 0.5, x=normal(2, 3, 4), eval=True),
    row("Dropout3d", 0.5, x=normal(2, 3, 2, 2, 2), eval=True),
    row("Dropout2d", 0.5, x=normal(2, 3, 4, 4), eval=True),
    row("AlphaDropout", 0.5, x=normal(2, 3), eval=True),
    row("Flatten", x=normal(2, 3, 4)),
    row("Unflatten", 1, (2, 3), x=normal(2, 6, 4)),
    row("CosineSimilarity", x=[normal(4, 3), normal(4, 3)]),
    row("CosineSimilarity", dim=0, x=[normal(4, 3), normal(4, 1)]),
    row("PairwiseDistance", p=1.5, keepdim=True, x=[normal(4, 3), normal(4, 3)]),
    row("RNN", 3, 4, x=normal(5, 2, 3)),
    row("RNN", 3, 4, num_layers=2, nonlinearity="relu", bias=False, x=[normal(5, 2, 3), normal(2, 2, 4)]),
    row("LSTM", 3, 4, x=normal(5, 2, 3)),
    row("LSTM", 3, 4, num_layers=2, bidirectional=True, batch_first=True, dropout=0.5, x=normal(2, 5, 3), eval=True),
    row("LSTM", 3, 4, x=normal(5, 3)),
    row("LSTM", 3, 4, proj_size=2, x=normal(5, 2, 3)),
    row("LSTM", 3, 4, num_layers=2, bidirectional=True, proj_size=3, bias=False, batch_first=True, x=normal(2, 5, 3)),
    row("GRU", 3, 4, x=[normal(5, 2, 3), normal(1, 2, 4)]),
    row("GRU", 3, 4, num_layers=2, bidirectional=True, x=[normal(5, 3), normal(4, 4)]),
    row("RNNCell", 3, 4, x=[normal(2, 3), normal(2, 4)]),
    row("LSTMCell", 3, 4, x=normal(2, 3)),
    row("GRUCell", 3, 4, bias=False, x=[normal(2, 3), normal(2, 4)]),
    row("MultiheadAttention", 6, 2, x=[normal(4, 3, 6), normal(5, 3, 6), normal(5, 3, 6)]),
    row(
        "MultiheadAttention",
        6,
        3,
        bias=False,
        kdim=4,
        vdim=2,
        batch_first=True,
        x=[normal(3, 4, 6), normal(3, 5, 4), normal(3, 5, 2)],
    ),
    row("MultiheadAttention", 6, 2, x=[normal(4, 6), normal(5, 6), normal(5, 6)]),
    row("MultiheadAttention", 6, 2, add_bias_kv=True, x=[normal(4, 3, 6), normal(5, 3, 6), normal(5, 3, 6)]),
    row(
        "MultiheadAttention",
        6,
        3,
        add_bias_kv=True,
        add_zero_attn=True,
        bias=False,
        kdim=4,
        x=[normal(4, 3, 6), normal(5, 3, 4), normal(5, 3, 6)],
    ),
    row("MultiheadAttention", 6, 2, add_zero_attn=True, batch_first=True, x=[normal(3, 4, 6)] * 3),
    row("TransformerEncoderLayer", 6, 2, dim_feedforward=8, dropout=0.0, x=normal(4, 3, 6)),
    row(
        "TransformerEncoderLayer",
        6,
        2,
        dim_feedforward=8,
        activation="gelu",
        norm_first=True,
        batch_first=True,
        bias=False,
        x=normal(3, 4, 6),
        dropout=0.0,
    ),
    row("TransformerDecoderLayer", 6, 2, dim_feedforward=8, x=[normal(4, 3, 6), normal(5, 3, 6)], dropout=0.0),
    row(
        "TransformerDecoderLayer",
        6,
        2,
        dim_feedforward=8,
        norm_first=True,
        dropout=0.0,
        x=[normal(4, 3, 6), normal(5, 3, 6)],
    ),
]
ACTIVATIONS = [
    row(name, x=CORNERS, **options)
    for name, options in [
        ("Hardtanh", {}), ("Hardtanh", {"min_val": -0.5, "max_val": 3.0}), ("ReLU6", {}), ("SELU", {}), ("CELU", {}),
        ("CELU", {"alpha": 0.5}), ("Hardswish", {}), ("Hardsigmoid", {}), ("Softshrink", {}), ("Hardshrink", {}),
        ("Softshrink", {"lambd": 1.0}), ("Hardshrink", {"lambd": 0.0}), ("Tanhshrink", {}),
        ("Threshold", {"threshold": 0.5, "value": 20.0}), ("GLU", {}), ("GLU", {"dim": 0}), ("Softmin", {"dim": 1}),
        ("Sigmoid", {}), ("Tanh", {}), ("ReLU", {"inplace": False}), ("Softplus", {}), ("Softsign", {}), ("ELU", {}),
        ("LogSigmoid", {}), ("SiLU", {}), ("LeakyReLU", {}), ("Mish", {}), ("GELU", {}), ("Softmax", {"dim": 0}),
        ("LogSoftmax", {"dim": 1}), ("PReLU", {}), ("PReLU", {"num_parameters": 10}),
    ]
]  # fmt: skip
CLASS_WEIGHT = np.array([1.0, 0.5, 2.0, 0.25])
HOLES = np.array([3, -100, 1, 0, -100])
LOSSES = [
    row(name, *args, x=x, fixed=fixed, reduction=reduction, **options)
    for reduction in ("mean", "sum", "none")
    for name, args, options, x, fixed in [
        ("MSELoss", (), {}, [normal(3, 4), normal(3, 4)], 0),
        ("L1Loss", (), {}, [normal(3, 4), normal(3, 4)], 0),
        ("HuberLoss", (), {"delta": 0.7}, [normal(3, 4), normal(3, 4)], 0),
        ("SmoothL1Loss", (), {"beta": 0.7}, [normal(3, 4), normal(3, 4)], 0),
        ("SmoothL1Loss", (), {"beta": 0.0}, [normal(3, 4), normal(3, 4)], 0),
        ("CrossEntropyLoss", (), {"label_smoothing": 0.1}, [normal(5, 4), labels(4, 5)], 1),
        ("CrossEntropyLoss", (), {"ignore_index": 2}, [normal(5, 4), np.array([0, 2, 1, 2, 3])], 1),
        ("CrossEntropyLoss", (CLASS_WEIGHT,), {"label_smoothing": 0.2}, [normal(5, 4), HOLES], 1),
        ("CrossEntropyLoss", (CLASS_WEIGHT,), {"label_smoothing": 0.2}, [normal(5, 4), share(5, 4)], 0),
        ("CrossEntropyLoss", (CLASS_WEIGHT,), {}, [normal(2, 4, 3), labels(4, 2, 3)], 1),
        ("CrossEntropyLoss", (), {"label_smoothing": 0.3}, [normal(4), np.array(2)], 1),
        ("NLLLoss", (CLASS_WEIGHT,), {}, [normal(5, 4), HOLES], 1),
        ("NLLLoss", (), {"ignore_index": -1}, [normal(2, 4, 3), np.array([[0, -1, 2], [-1, -1, 3]])], 1),
        ("BCELoss", (), {"weight": positive(4)}, [RNG.uniform(0.1, 0.9, (3, 4)), RNG.uniform(0, 1, (3, 4))], 1),
        ("BCEWithLogitsLoss", (), {"weight": positive(3, 1), "pos_weight": positive(4)},
         [normal(3, 4) * 9, RNG.uniform(0, 1, (3, 4))], 0),
        ("MultiLabelSoftMarginLoss", (), {}, [normal(3, 4), RNG.integers(0, 2, (3, 4)) * 1.0], 0),
        ("MultiLabelSoftMarginLoss", (CLASS_WEIGHT,), {}, [normal(3, 4), RNG.integers(0, 2, (3, 4)) * 1.0], 0),
        ("SoftMarginLoss", (), {}, [normal(3, 4), signs(3, 4)], 1),
        ("HingeEmbeddingLoss", (0.7,), {}, [normal(3, 4), signs(3, 4)], 1),
        ("MarginRankingLoss", (0.3,), {}, [normal(5), normal(5), signs(5)], 1),
        ("MultiMarginLoss", (), {}, [normal(5, 4), labels(4, 5)], 1),
        ("MultiMarginLoss", (), {"p": 2, "margin": 0.5, "weight": CLASS_WEIGHT}, [normal(5, 4), labels(4, 5)], 1),
        ("MultiLabelMarginLoss", (), {}, [normal(2, 4), np.array([[3, 0, -1, 1], [2, -1, -1, -1]])], 1),
        ("CosineEmbeddingLoss", (), {"margin": 0.2}, [normal(6, 4), normal(6, 4), signs(6)], 1),
        ("TripletMarginLoss", (), {}, [normal(6, 4), normal(6, 4), normal(6, 4)], 0),
        ("TripletMarginLoss", (0.5,), {"p": 1.0, "swap": True}, [normal(6, 4), normal(6, 4), normal(6, 4)], 0),
        ("KLDivLoss", (), {}, [normal(3, 4), share(3, 4)], 0),
        ("KLDivLoss", (), {"log_target": True}, [normal(3, 4), np.log(share(3, 4))], 0),
        ("PoissonNLLLoss", (), {}, [normal(3, 4), RNG.integers(0, 5, (3, 4)) * 1.0], 0),
        ("PoissonNLLLoss", (), {"log_input": False, "full": True}, [positive(3, 4), np.arange(12.0).reshape(3, 4)], 1),
        ("GaussianNLLLoss", (), {"full": True}, [normal(3, 4), normal(3, 4), positive(3, 4)], 0),
        ("GaussianNLLLoss", (), {}, [normal(3, 4), normal(3, 4), positive(3)], 0),
    ]
]  # fmt: skip
LOSSES.append(row("KLDivLoss", "batchmean", x=[normal(3, 4), share(3, 4)], theirs={"reduction": "batchmean"}))


# PyTorch computes 1/6 in single precision here, whatever the dtype.
COARSE = {"Hardsigmoid": 1e-7}


def title(row: Row) -> str:
    return f"{row.name}{list(row.args)}{row.options}"


def as_torch(x: Any) -> Any:
    return torch.tensor(x) if isinstance(x, np.ndarray) else x


def modules(row: Row) -> tuple[Any, Any]:
    """PyTorch's module and ours with its state; parameters and statistics away from their first values."""
    if row.theirs is None:
        theirs = getattr(torch.nn, row.name)(
            *map(as_torch, row.args), **{k: as_torch(v) for k, v in row.options.items()}
        )
    else:
        theirs = getattr(torch.nn, row.name)(**row.theirs)
    theirs.double().train(not row.eval)
    ours = getattr(nn, row.name)(*row.args, **row.options).to(np.float64).train(not row.eval)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(torch.tensor(RNG.normal(size=tuple(parameter.shape)) * 0.3))
        for name, buffer in theirs.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                buffer.add_(torch.tensor(RNG.uniform(0.1, 1, size=tuple(buffer.shape))))
    state = {k: v.numpy() for k, v in theirs.state_dict().items()}
    assert list(ours.state_dict()) == list(state)
    ours.load_state_dict(state)
    return theirs, ours


def outputs(y: Any) -> list[Any]:
    """The floating parts of an output that may be nested."""
    if isinstance(y, tuple | list):
        return [part for item in y for part in outputs(item)]
    return [] if y is None else [y]


def compare(theirs: Any, ours: Any, inputs: Sequence[np.ndarray], fixed: int, rtol: float = 1e-10) -> None:
    count = len(inputs) - fixed
    given = [torch.tensor(x, requires_grad=i < count) for i, x in enumerate(inputs)]
    expected = outputs(theirs(*given))
    mine = [wg.tensor(x, dtype=x.dtype, requires_grad=i < count) for i, x in enumerate(inputs)]
    found = outputs(ours(*mine))
    assert len(found) == len(expected)
    loss, wanted = 0.0, 0.0
    for y, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(y.detach().numpy(), e.detach().numpy(), rtol=1e-10, atol=1e-12)
        weights = np.cos(np.arange(e.numel())).reshape(tuple(e.shape))
        loss, wanted = loss + (y * weights).sum(), wanted + (e * torch.tensor(weights)).sum()
    if not wanted.requires_grad:
        return
    wanted.backward()
    loss.backward()
    for x, e in zip(mine[:count], given[:count], strict=True):
        np.testing.assert_allclose(x.grad.numpy(), e.grad.numpy(), rtol=rtol, atol=1e-12)
    own = dict(ours.named_parameters())
    for name, e in theirs.named_parameters():
        if e.grad is not None:
            np.testing.assert_allclose(own[name].grad.numpy(), e.grad.numpy(), rtol=1e-10, atol=1e-12, err_msg=name)
    state = ours.state_dict()
    for name, e in theirs.state_dict().items():
        np.testing.assert_allclose(state[name], e.numpy(), rtol=1e-10, err_msg=name)


@pytest.mark.filterwarnings("ignore::UserWarning:torch")
@pytest.mark.parametrize("row", LAYERS + ACTIVATIONS + LOSSES, ids=title)
def test_values_gradients_and_state(row: Row) -> None:
    theirs, ours = modules(row)
    compare(theirs, ours, row.inputs, row.fixed, COARSE.get(row.name, 1e-10))


@pytest.mark.parametrize("row", LAYERS, ids=title)
def test_first_values_spread_as_pytorchs(row: Row) -> None:
    """Bounds and spread of the first values; small parameters are left to the larger ones of the same formula."""
    torch.manual_seed(0)
    wg.manual_seed(0)
    theirs = dict(getattr(torch.nn, row.name)(*row.args, **row.options).named_parameters())
    for name, p in getattr(nn, row.name)(*row.args, **row.options).named_parameters():
        values, expected = p.detach().numpy(), theirs[name].detach().numpy()
        assert values.shape == expected.shape
        assert values.dtype == expected.dtype
        if expected.std() == 0:
            np.testing.assert_array_equal(values, expected)
        elif values.size >= 20:
            assert 0.6 < values.std() / expected.std() < 1.7
            assert 0.6 < abs(values).max() / abs(expected).max() < 1.7


# ----- what takes more than arrays ----------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_sequences_of_different_lengths(name: str, bidirectional: bool) -> None:
    packing = torch.nn.utils.rnn
    theirs, ours = modules(row(name, 3, 4, num_layers=2, bidirectional=bidirectional, x=normal(1)))
    lengths = np.array([6, 1, 4])
    first = [normal(4 if bidirectional else 2, 3, 4) for _ in range(2 if name == "LSTM" else 1)]

    def run_theirs(x: Any, *hx: Any) -> Any:
        packed = packing.pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
        y, h = theirs(packed, hx if len(hx) == 2 else hx[0])
        return packing.pad_packed_sequence(y)[0], h

    run_theirs.named_parameters = theirs.named_parameters
    run_theirs.state_dict = theirs.state_dict

    def run_ours(x: Any, *hx: Any) -> Any:
        return ours(x, hx if len(hx) == 2 else hx[0], lengths)

    run_ours.named_parameters = ours.named_parameters
    run_ours.state_dict = ours.state_dict
    compare(run_theirs, run_ours, [normal(6, 3, 3), *first], 0)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("lengths", [[6, 4, 4], [2, 5, 1]])
def test_packed_sequences(name: str, batch_first: bool, lengths: list[int]) -> None:
    more = {"proj_size": 3} if name == "LSTM" else {}
    theirs, ours = modules(
        row(name, 3, 4, num_layers=2, bidirectional=True, batch_first=batch_first, x=normal(1), **more)
    )
    is_sorted = lengths[0] == 6
    n = len(lengths)
    first = [normal(4, n, 3 if more else 4), normal(4, n, 4)][: 2 if name == "LSTM" else 1]

    def runner(module: Any, packing: Any, given: Any) -> Any:
        def run(x: Any, *hx: Any) -> Any:
            packed = packing.pack_padded_sequence(x, given, batch_first, is_sorted)
            y, h = module(packed, hx if len(hx) == 2 else hx[0])
            padded, ends = packing.pad_packed_sequence(y, batch_first, padding_value=0.5, total_length=8)
            assert ends.tolist() == lengths
            return y.data, padded, h

        run.named_parameters, run.state_dict = module.named_parameters, module.state_dict
        return run

    x = normal(n, 6, 3) if batch_first else normal(6, n, 3)
    runs = runner(theirs, torch.nn.utils.rnn, torch.tensor(lengths)), runner(ours, nn.utils.rnn, lengths)
    compare(*runs, [x, *first], 0)


@pytest.mark.parametrize("is_sorted", [False, True])
def test_packing_is_pytorchs(is_sorted: bool) -> None:
    sequences = [normal(k, 2) for k in ((5, 3, 3, 1) if is_sorted else (3, 1, 5, 3))]
    theirs = torch.nn.utils.rnn.pack_sequence([torch.tensor(s) for s in sequences], enforce_sorted=is_sorted)
    ours = nn.utils.rnn.pack_sequence(sequences, enforce_sorted=is_sorted)
    for mine, expected in zip(ours, theirs, strict=True):
        assert (mine is None) is (expected is None)
        if mine is not None:
            np.testing.assert_array_equal(mine, expected.numpy())
    for batch_first in (False, True):
        expected = torch.nn.utils.rnn.pad_sequence([torch.tensor(s) for s in sequences], batch_first, -1.0)
        np.testing.assert_array_equal(nn.utils.rnn.pad_sequence(sequences, batch_first, -1.0), expected.numpy())


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_functional_padding(mode: str) -> None:
    options = {"value": 1.5} if mode == "constant" else {}
    for places in ([1, 2], [2, 0, 1, 3]):
        compare_calls(
            lambda x, p=places: torch.nn.functional.pad(x, p, mode, **options),
            lambda x, p=places: nn.functional.pad(x, p, mode, **options),
            [normal(3, 4, 5)],
            {},
        )


def test_random_slopes() -> None:
    """Between the bounds and not all equal while training; their middle in evaluation, as PyTorch's."""
    theirs, ours = torch.nn.RReLU(0.1, 0.5).eval(), nn.RReLU(0.1, 0.5).eval()
    compare_calls(theirs, ours, [CORNERS], {})
    wg.manual_seed(0)
    x = wg.tensor(-np.ones(2000), dtype=np.float64, requires_grad=True)
    ours.train()(x).sum().backward()
    slopes = x.grad.numpy()
    assert 0.1 <= slopes.min() < 0.11 < 0.49 < slopes.max() < 0.5
    assert slopes.mean() == pytest.approx(0.3, abs=0.01)
    assert (np.asarray(ours(np.ones(5))) == 1).all()


CAUSAL, PADDED = ~np.tri(4, 5, 1, dtype=bool), np.array([[False] * 5, [False] * 3 + [True] * 2])


@pytest.mark.parametrize("options", [
    {"attn_mask": CAUSAL}, {"key_padding_mask": PADDED}, {"attn_mask": CAUSAL, "key_padding_mask": PADDED},
    {"attn_mask": normal(4, 5)}, {"attn_mask": normal(4, 4, 5)}, {"need_weights": False},
    {"average_attn_weights": False}, {"attn_mask": normal(4, 5), "key_padding_mask": np.where(PADDED, -np.inf, 0)},
])  # fmt: skip
@pytest.mark.parametrize("more", [{}, {"add_bias_kv": True, "add_zero_attn": True}])
def test_masks_of_attention(options: dict[str, Any], more: dict[str, bool]) -> None:
    theirs, ours = modules(row("MultiheadAttention", 6, 2, batch_first=True, x=normal(1), **more))
    q, k = normal(2, 4, 6), normal(2, 5, 6)
    compare_calls(theirs, ours, [q, k, k[::-1].copy()], options)


@pytest.mark.parametrize("options", [
    {"is_causal": True}, {"attn_mask": ~CAUSAL}, {"attn_mask": normal(2, 3, 4, 5)}, {"scale": 0.3}, {},
])  # fmt: skip
def test_scaled_dot_product_attention(options: dict[str, Any]) -> None:
    theirs, ours = torch.nn.functional.scaled_dot_product_attention, nn.functional.scaled_dot_product_attention
    compare_calls(theirs, ours, [normal(2, 3, 4, 6), normal(2, 3, 5, 6), normal(2, 3, 5, 7)], options)


def compare_calls(theirs: Any, ours: Any, inputs: Sequence[np.ndarray], options: dict[str, Any]) -> None:
    """`compare` for calls with options, of functions or modules."""
    given = {name: as_torch(value) for name, value in options.items()}

    def run_theirs(*xs: Any) -> Any:
        return theirs(*xs, **given)

    def run_ours(*xs: Any) -> Any:
        return ours(*xs, **options)

    for run, module in ((run_theirs, theirs), (run_ours, ours)):
        run.named_parameters = getattr(module, "named_parameters", {}.items)
        run.state_dict = getattr(module, "state_dict", dict)
    compare(run_theirs, run_ours, inputs, 0)


def test_encoder_and_decoder_stacks() -> None:
    with torch.no_grad():
        theirs = torch.nn.TransformerEncoder(
            torch.nn.TransformerEncoderLayer(6, 2, 8, 0.0), 2, torch.nn.LayerNorm(6), enable_nested_tensor=False
        ).double()
    ours = nn.TransformerEncoder(nn.TransformerEncoderLayer(6, 2, 8, 0.0), 2, nn.LayerNorm(6)).double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    causal = ~np.tri(4, dtype=bool)
    compare_calls(theirs, ours, [normal(4, 3, 6)], {"mask": causal})
    theirs = torch.nn.TransformerDecoder(torch.nn.TransformerDecoderLayer(6, 2, 8, 0.0), 2).double()
    ours = nn.TransformerDecoder(nn.TransformerDecoderLayer(6, 2, 8, 0.0), 2).double()
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    compare_calls(theirs, ours, [normal(4, 3, 6), normal(5, 3, 6)], {"tgt_mask": causal})


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("blank", [0, 2])
def test_connectionist_temporal_classification(reduction: str, blank: int) -> None:
    """Behind a log-softmax, for PyTorch's gradient by the log-probabilities alone is already that by the logits."""
    targets = labels(4, 5, 4) + 1
    targets[targets == blank] = 4
    rest = [targets, np.array([9, 7, 9, 5, 3]), np.array([4, 3, 0, 2, 4])]
    options = {"blank": blank, "reduction": reduction, "zero_infinity": True}
    theirs, ours = torch.nn.CTCLoss(**options), nn.CTCLoss(**options)
    compare_calls(
        lambda z: theirs(z.log_softmax(-1), *map(torch.tensor, rest)),
        lambda z: ours(nn.functional.log_softmax(z, -1), *rest),
        [normal(9, 5, 5) * 2],
        {},
    )
