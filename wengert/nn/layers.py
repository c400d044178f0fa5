"""Affine and bilinear layers, tables of vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.base.dtypes import get_default_dtype
from wengert.base.errors import ArgumentError
from wengert.core.record import concrete
from wengert.nn import functional, init
from wengert.nn.functional.checks import positive, ranked
from wengert.nn.module import Module, Parameter


def empty_parameter(shape: tuple[int, ...], dtype: Any = None) -> Parameter:
    """A parameter of zeros in the default dtype, for `init` to fill."""
    return Parameter(np.zeros(shape, dtype or get_default_dtype()))


class Linear(Module):
    """Affine map ``y = x Wᵀ + b``: ``(…, in_features) -> (…, out_features)``; weight ``(out, in)``.

    Weight and bias start uniform in ``±1 / sqrt(in_features)`` (PyTorch's default).

    >>> import wengert as wg, numpy as np
    >>> wg.nn.Linear(8, 16)(np.zeros((3, 8), np.float32)).shape
    (3, 16)
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True, dtype: Any = None) -> None:
        super().__init__()
        if in_features < 0 or out_features < 0:
            raise ArgumentError(f"Linear: got {in_features} and {out_features} features; they cannot be negative")
        self.in_features, self.out_features = in_features, out_features
        self.weight = empty_parameter((out_features, in_features), dtype)
        if bias:
            self.bias = empty_parameter((out_features,), dtype)
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the initial values anew."""
        bound = 1 / math.sqrt(self.in_features) if self.in_features else 0.0
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Any) -> Any:
        return functional.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Bilinear(Module):
    """``y_o = x1ᵀ W_o x2 + b_o``: ``(…, in1), (…, in2) -> (…, out)``; weight ``(out, in1, in2)``.

    Weight and bias start uniform in ``±1 / sqrt(in1_features)`` (PyTorch's default).

    >>> import wengert as wg, numpy as np
    >>> wg.nn.Bilinear(2, 3, 4)(np.zeros((5, 2)), np.zeros((5, 3))).shape
    (5, 4)
    """

    def __init__(
        self, in1_features: int, in2_features: int, out_features: int, bias: bool = True, dtype: Any = None
    ) -> None:
        super().__init__()
        for name, value in (("in1_features", in1_features), ("in2_features", in2_features)):
            positive("Bilinear", name, value)
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        self.weight = empty_parameter((out_features, in1_features, in2_features), dtype)
        self.register_parameter("bias", empty_parameter((out_features,), dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the initial values anew."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x1: Any, x2: Any) -> Any:
        return functional.bilinear(x1, x2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )


class Embedding(Module):
    """A table of vectors, looked up by index: ``(…) -> (…, embedding_dim)``; weight ``(num_embeddings, dim)``.

    Starts standard normal. The row `padding_idx` starts at 0 and gets no gradient.

    >>> import wengert as wg, numpy as np
    >>> wg.nn.Embedding(10, 3)(np.array([[1, 2], [0, 9]])).shape
    (2, 2, 3)
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, dtype: Any = None
    ) -> None:
        super().__init__()
        for name, value in (("num_embeddings", num_embeddings), ("embedding_dim", embedding_dim)):
            positive("Embedding", name, value)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ArgumentError(f"Embedding: got padding_idx={padding_idx} for rows 0 to {num_embeddings - 1}")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.weight = empty_parameter((num_embeddings, embedding_dim), dtype)
        self.reset_parameters()

    @classmethod
    def from_pretrained(cls, embeddings: Any, freeze: bool = True, padding_idx: int | None = None) -> Embedding:
        """An embedding with this table, which does not learn unless ``freeze=False``."""
        table = ranked("Embedding", concrete(embeddings), (2,), "a table (count, dim)")
        count, dim = table.shape
        made = cls(count, dim, padding_idx, table.dtype)
        made.weight.assign_(table)
        made.weight.requires_grad_(not freeze)
        return made

    def reset_parameters(self) -> None:
        """Draw the initial values anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            values = np.array(concrete(self.weight))
            values[self.padding_idx] = 0
            self.weight.assign_(values)

    def forward(self, index: Any) -> Any:
        return functional.embedding(index, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"


# ----- distances ---------------------------------------------------------------------------------------------
class CosineSimilarity(Module):
    """The cosine of the angle between two vectors along `dim`."""

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Any, x2: Any) -> Any:
        return functional.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """``‖x1 - x2 + eps‖_p`` along the last axis."""

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Any, x2: Any) -> Any:
        return functional.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
