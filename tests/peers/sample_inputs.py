"""PyTorch's own table of operations (OpInfo) as a source of arguments, and one comparison of an operation with it.

`operations()` gives the entries of ``op_db`` by name; `compare` runs one sample through PyTorch and through the
function here and holds the value, the gradient for a random cotangent and the forward derivative against each other.
"""

from __future__ import annotations

import sys
import types
import unittest
import zlib
from typing import Any, NamedTuple

import numpy as np
import pytest

import wengert as wg

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")

try:
    import expecttest  # noqa: F401
except ImportError:  # PyTorch's table loads its test case class, which derives from one in this package; never used
    sys.modules["expecttest"] = types.ModuleType("expecttest")
    sys.modules["expecttest"].TestCase = unittest.TestCase  # type: ignore[attr-defined]

from torch.testing._internal.common_methods_invocations import op_db  # noqa: E402
from torch.utils import _pytree  # noqa: E402

RTOL = 1e-8


def full_name(op: Any) -> str:
    """``mean``, ``linalg.norm``; with its variant, ``div/floor_rounding``, where the table has several."""
    return f"{op.name}/{op.variant_test_name}" if op.variant_test_name else op.name


def operations() -> dict[str, Any]:
    """The table, by name."""
    return {full_name(op): op for op in op_db}


def samples(op: Any, limit: int, unfit: Any = lambda sample: False) -> tuple[list[Any], int]:
    """At most `limit` samples of arguments, taken evenly from those that fit; the same ones in every run."""
    torch.manual_seed(zlib.crc32(full_name(op).encode()))
    dtype = torch.float64 if torch.float64 in op.dtypes else torch.int64
    found = list(op.sample_inputs("cpu", dtype, requires_grad=dtype == torch.float64 and op.supports_autograd))
    if full_name(op) in ("linalg.eigh", "linalg.eigvalsh"):
        for sample in found:  # the table makes the matrix symmetric in a wrapper of its own
            sample.input = ((sample.input + sample.input.mT) / 2).detach().requires_grad_()
    fit = [sample for sample in found if not unfit(sample)]
    return fit[:: max(1, -(-len(fit) // limit))], len(found) - len(fit)


def converted(x: Any) -> Any:
    """An argument as this library takes it: arrays for tensors, NumPy's dtypes for PyTorch's."""
    if isinstance(x, torch.Tensor):
        return x.detach().resolve_conj().resolve_neg().numpy().copy()
    if isinstance(x, torch.dtype):
        return torch.empty(0, dtype=x).numpy().dtype
    return x


def real_parts(ys: Any) -> list[Any]:
    """The results in order as real arrays; a complex one gives its real and its imaginary part."""
    flat = _pytree.tree_leaves(ys) if not hasattr(ys, "_fields") else list(ys)
    out = []
    for y in flat:
        if isinstance(y, torch.Tensor):
            out += [y.real, y.imag] if y.is_complex() else [y]
        elif y is not None:
            y = y if hasattr(y, "dtype") else np.asarray(y)
            out += [wg.real(y), wg.imag(y)] if y.dtype.kind == "c" else [y]
    return out


def near(found: Any, expected: Any, what: str, scale: float = 0.0) -> None:
    """Equal to 1e-8 of the largest number around."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, f"{what}: shape {found.shape}, PyTorch has {expected.shape}"
    finite = expected[np.isfinite(expected)] if expected.dtype.kind == "f" else np.zeros(0)
    scale = max(scale, float(np.max(np.abs(finite), initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=RTOL, atol=RTOL * scale + 1e-13, err_msg=what)


def compare(op: Any, function: Any, sample: Any, rng: np.random.Generator) -> bool:
    """Compare one sample; whether derivatives were compared, too."""
    given = (sample.input, *sample.args)
    leaves, spec = _pytree.tree_flatten((given, dict(sample.kwargs)))
    moving = [i for i, x in enumerate(leaves) if isinstance(x, torch.Tensor) and x.requires_grad]
    fixed = [converted(x) for x in leaves]
    seen = SEEN.get(full_name(op), lambda ys: ys)
    theirs = real_parts(seen(op(*given, **sample.kwargs)))

    def ours(*xs: Any) -> list[Any]:
        values = list(fixed)
        for i, x in zip(moving, xs, strict=True):
            values[i] = x
        args, kwargs = _pytree.tree_unflatten(values, spec)
        return real_parts(seen(function(*args, **kwargs)))

    points = [fixed[i] for i in moving]
    values = ours(*points)
    assert len(values) == len(theirs), f"{len(values)} results, PyTorch has {len(theirs)}"
    for y, z in zip(values, theirs, strict=True):
        near(y, converted(z), "value")
    smooth = [k for k, z in enumerate(theirs) if z.requires_grad]
    if not smooth or not moving:
        return False
    cotangents = [rng.uniform(-1, 1, theirs[k].shape) for k in smooth]
    pulled = torch.autograd.grad(
        [theirs[k] for k in smooth], [leaves[i] for i in moving], [torch.tensor(c) for c in cotangents],
        allow_unused=True,
    )  # fmt: skip
    expected = [np.zeros(x.shape) if g is None else g.numpy() for x, g in zip(points, pulled, strict=True)]
    _, pullback = wg.vjp(lambda *xs: [ours(*xs)[k] for k in smooth], *points)
    for found, gradient in zip(pullback(cotangents), expected, strict=True):
        near(found, gradient, "gradient")
    tangents = [rng.uniform(-1, 1, x.shape) for x in points]
    _, pushed = wg.jvp(lambda *xs: [ours(*xs)[k] for k in smooth], tuple(points), tuple(tangents))
    # <c, J t> = <J'c, t>: with random c and t one number tells.
    terms = [float(np.sum(g * t)) for g, t in zip(expected, tangents, strict=True)]
    near(
        sum(float(np.sum(c * t)) for c, t in zip(cotangents, pushed, strict=True)), sum(terms), "forward derivative",
        scale=sum(float(np.sum(np.abs(g * t))) for g, t in zip(expected, tangents, strict=True)),
    )  # fmt: skip
    return True


# ----- which function here is meant ---------------------------------------------------------------------
def found_by_name(name: str) -> Any:
    """The function of the same name: wg.X, wg.linalg.X, wg.fft.X, wg.nn.functional.X, wg.X for special.X."""
    base = name.split("/")[0].removeprefix("special.")
    for path in (base, base.removeprefix("nn.functional.")):
        found: Any = wg
        for part in path.split("."):
            found = getattr(found, part, None)
        if callable(found):  # the functions of neural networks keep PyTorch's names
            return spelled(found, dtype="", **NETWORK) if path.startswith("nn.") else spelled(found)
    return None


NETWORK = {"dim": "dim", "keepdim": "keepdim", "recompute_scale_factor": ""}


def spelled(function: Any, **names: str) -> Any:
    """`function` with PyTorch's keywords: dim is axis, keepdim is keepdims; `names` adds others, "" drops one."""
    table = {"dim": "axis", "dims": "axis", "keepdim": "keepdims", "device": "", "memory_format": "", **names}

    def called(*args: Any, **kwargs: Any) -> Any:
        renamed = {table.get(k, k): v for k, v in kwargs.items()}
        renamed.pop("", None)
        return function(*args, **renamed)

    return called


def _correction(correction: Any, unbiased: bool) -> Any:
    return int(unbiased) if correction is None else correction


def spread(x: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: Any = None) -> Any:
    """``var`` with PyTorch's arguments."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    return wg.var(x, axis=dim, keepdims=keepdim, correction=_correction(correction, unbiased))


def deviation(x: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: Any = None) -> Any:
    """``std`` with PyTorch's arguments."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    return wg.std(x, axis=dim, keepdims=keepdim, correction=_correction(correction, unbiased))


def pieces(x: Any, size: Any, dim: int = 0) -> Any:
    """``split``: by the size of the pieces, or by all sizes."""
    n = x.shape[dim]
    ends = list(np.cumsum(size))[:-1] if isinstance(size, list | tuple) else list(range(size, n, size))
    return wg.split(x, ends, axis=dim)


def padded(x: Any, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    """``nn.functional.pad``: widths from the last axis backwards, negative ones cut."""
    pairs = [(0, 0)] * (len(x.shape) - len(pad) // 2) + [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]
    x = x[tuple(slice(max(0, -a), n - max(0, -b)) for (a, b), n in zip(pairs, x.shape, strict=True))]
    widths = [(max(0, a), max(0, b)) for a, b in pairs]
    names = {"replicate": "edge", "circular": "wrap"}
    options = {"constant_values": value or 0} if mode == "constant" else {}
    return wg.pad(x, widths, names.get(mode, mode), **options)


def triangular(a: Any, b: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Any:
    """``linalg.solve_triangular``, also from the right."""
    if left:
        return wg.linalg.solve_triangular(a, b, lower=not upper, unit_diagonal=unitriangular)
    swapped = [wg.matrix_transpose(m) for m in (a, b)]
    return wg.matrix_transpose(wg.linalg.solve_triangular(*swapped, lower=upper, unit_diagonal=unitriangular))


def symmetric(a: Any) -> Any:
    """PyTorch's gradients of functions of symmetric matrices are symmetric; here one triangle is read."""
    return (a + wg.matrix_transpose(a)) / 2


def stretch(x: Any, sizes: Any) -> Any:
    """``expand``."""
    shape = (1,) * (len(sizes) - len(x.shape)) + tuple(x.shape)
    return wg.broadcast_to(wg.reshape(x, shape), tuple(n if m == -1 else m for m, n in zip(sizes, shape, strict=True)))


def smallest(f: Any, g: Any) -> Any:
    """``max`` and ``min`` along an axis: values and places."""
    return lambda x, dim, keepdim=False: (f(x, axis=dim, keepdims=keepdim), g(x, axis=dim, keepdims=keepdim))


def fft_of_many(name: str) -> Any:
    """A transform over several axes: ``dim`` is ``axes``."""
    transform = spelled(getattr(wg.fft, name), dim="axes")

    def called(x: Any, s: Any = None, dim: Any = None, **kwargs: Any) -> Any:
        given = {"s": (s,) if isinstance(s, int) else s, "axes": (dim,) if isinstance(dim, int) else dim, **kwargs}
        return transform(x, **{k: v for k, v in given.items() if v is not None})

    return called


def sloped(x: Any, *, spacing: Any = None, dim: Any = None, edge_order: int = 1) -> Any:
    """``gradient``; always a list of results."""
    axes = tuple(range(len(x.shape))) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    steps = spacing if isinstance(spacing, list | tuple) else [1.0 if spacing is None else spacing] * len(axes)
    found = wg.gradient(x, *steps, axis=axes, edge_order=edge_order)
    return list(found) if isinstance(found, list | tuple) else [found]


def squeezed(x: Any, dim: Any = None) -> Any:
    """``squeeze``: axes longer than 1 are left alone."""
    dims = range(len(x.shape)) if dim is None else (dim,) if isinstance(dim, int) else dim
    return wg.squeeze(x, tuple(d for d in dims if x.shape and x.shape[d] == 1))


def flat_diagonal(x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """``diagonal``."""
    return wg.diagonal(x, offset, dim1, dim2)


def alpha(f: Any) -> Any:
    """``add`` and ``sub``: the second operand times alpha."""
    return lambda x, y, *, alpha=1: f(x, alpha * y if alpha != 1 else y)


def softened(x: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """``softplus``: PyTorch goes over to x itself above the threshold."""
    return wg.where(beta * x > threshold, x, wg.nn.functional.softplus(x, beta))


def in_turn(f: Any) -> Any:
    """A function of one array where PyTorch takes several, too."""
    return lambda x, *xs: [f(v) for v in (*x, *xs)] if isinstance(x, list | tuple) else f(x)


F = wg.nn.functional
L = wg.linalg
ADAPTED: dict[str, Any] = {
    "add": alpha(wg.add), "sub": alpha(wg.subtract), "rsub": lambda x, y, *, alpha=1: y - alpha * x,
    "mul": wg.multiply, "neg": wg.negative, "eq": wg.equal, "ne": wg.not_equal, "lt": wg.less, "le": wg.less_equal,
    "gt": wg.greater, "ge": wg.greater_equal,
    "div/no_rounding_mode": wg.divide, "div/floor_rounding": lambda x, y, *, rounding_mode: wg.floor_divide(x, y),
    "div/trunc_rounding": lambda x, y, *, rounding_mode: wg.trunc(x / y),
    "__radd__": lambda x, y: y + x, "__rsub__": lambda x, y: y - x, "__rmul__": lambda x, y: y * x,
    "__rdiv__": lambda x, y: y / x, "__rpow__": lambda x, y: y**x, "__rmod__": lambda x, y: y % x,
    "__rmatmul__": lambda x, y: y @ x, "__rand__": lambda x, y: y & x, "__ror__": lambda x, y: y | x,
    "__rxor__": lambda x, y: y ^ x, "__getitem__": lambda x, i: x[tuple(i) if isinstance(i, list) else i],
    "clamp_max": lambda x, most: wg.clip(x, max=most), "clamp_min": lambda x, least: wg.clip(x, min=least),
    "max/binary": wg.maximum, "min/binary": wg.minimum,
    "max/reduction_with_dim": smallest(wg.max, wg.argmax), "min/reduction_with_dim": smallest(wg.min, wg.argmin),
    "lgamma": wg.gammaln, "conj_physical": wg.conj, "resolve_conj": wg.conj, "special.ndtri": wg.ndtri,
    **dict.fromkeys([f"polygamma/polygamma_n_{n}" for n in range(5)], lambda x, n: wg.polygamma(n, x)),
    "special.polygamma/special_polygamma_n_0": lambda x, n: wg.polygamma(n, x),
    "special.modified_bessel_i0": wg.i0, "special.modified_bessel_i1": wg.i1, "special.modified_bessel_k0": wg.k0,
    "special.modified_bessel_k1": wg.k1, "igamma": wg.gammainc, "igammac": wg.gammaincc,
    "cat": spelled(wg.concat), "movedim": wg.moveaxis, "permute_copy": wg.permute,
    "msort": lambda x: wg.sort(x, axis=0),
    "unbind": lambda x, dim=0: wg.unstack(x, axis=dim), "unbind_copy": lambda x, dim=0: wg.unstack(x, axis=dim),
    "take_along_dim": lambda x, i, dim=None: wg.take_along_axis(x, i, dim), "contiguous": wg.clone,
    "tensor_split": lambda x, n, dim=0: wg.array_split(x, n if isinstance(n, int) else list(np.asarray(n)), dim)
    if np.ndim(n) else wg.array_split(x, int(n), dim),
    "split": pieces, "split/list_args": pieces, "split_with_sizes": pieces, "unsafe_split": pieces,
    "unsafe_chunk": spelled(wg.chunk), "split_with_sizes_copy": pieces, "narrow_copy": wg.narrow,
    "repeat": wg.tile, "repeat_interleave": spelled(wg.repeat),
    "expand": stretch, "expand_copy": stretch, "expand_as": lambda x, y: stretch(x, y.shape),
    "broadcast_tensors": lambda *xs: wg.broadcast_arrays(*xs), "view": wg.reshape, "view_copy": wg.reshape,
    "reshape_as": lambda x, y: wg.reshape(x, y.shape), "view_as": lambda x, y: wg.reshape(x, y.shape),
    "squeeze": squeezed, "squeeze/multiple": squeezed, "squeeze_copy": squeezed, "unsqueeze_copy": wg.unsqueeze,
    "transpose": wg.swapaxes, "transpose_copy": wg.swapaxes, "t": wg.transpose, "t_copy": wg.transpose,
    "T": wg.transpose, "H": lambda x: wg.conj(wg.transpose(x)), "mT": wg.matrix_transpose,
    "mH": lambda x: wg.conj(wg.matrix_transpose(x)), "select": lambda x, dim, i: wg.moveaxis(x, dim, 0)[i],
    "diagonal": flat_diagonal, "diagonal_copy": flat_diagonal, "linalg.diagonal": lambda x, *, offset=0, dim1=-2,
    dim2=-1: wg.diagonal(x, offset, dim1, dim2), "diagflat": spelled(wg.diagflat, offset="k"),
    "tensordot": spelled(wg.tensordot, dims="axes"), "atleast_1d": in_turn(wg.atleast_1d),
    "atleast_2d": in_turn(wg.atleast_2d), "atleast_3d": in_turn(wg.atleast_3d), "trapz": spelled(wg.trapezoid),
    "where": lambda x, condition, y: wg.where(condition, x, y), "einsum": lambda xs, text: wg.einsum(text, *xs),
    "nonzero": lambda x, as_tuple=False: wg.argwhere(x), "gradient": sloped,
    "nn.functional.adaptive_max_pool1d": lambda x, n, return_indices=False: F.adaptive_max_pool1d(x, n),
    "nn.functional.adaptive_max_pool2d": lambda x, n, return_indices=False: F.adaptive_max_pool2d(x, n),
    "cummax": spelled(wg.cummax), "cummin": spelled(wg.cummin),
    "sort": lambda x, dim=-1, descending=False, **k: (
        wg.sort(x, dim, descending=descending, stable=True), wg.argsort(x, dim, descending=descending, stable=True)),
    "argsort": lambda x, dim=-1, descending=False, **k: wg.argsort(x, dim, descending=descending, stable=True),
    "var": spread, "var/unbiased": spread, "std": deviation, "std/unbiased": deviation,
    "var_mean": lambda x, *a, **k: (spread(x, *a, **k), middle(x, *a, **k)),
    "std_mean": lambda x, *a, **k: (deviation(x, *a, **k), middle(x, *a, **k)),
    "var_mean/unbiased": lambda x, *a, **k: (spread(x, *a, **k), middle(x, *a, **k)),
    "std_mean/unbiased": lambda x, *a, **k: (deviation(x, *a, **k), middle(x, *a, **k)),
    "aminmax": lambda x, *, dim=None, keepdim=False: (wg.amin(x, dim, keepdim), wg.amax(x, dim, keepdim)),
    "searchsorted": lambda a, v, *, right=False, side=None, sorter=None, out_int32=False: wg.searchsorted(
        a, v, side or ("right" if right else "left"), sorter),
    "bucketize": lambda v, a, *, right=False, out_int32=False: wg.searchsorted(a, v, "right" if right else "left"),
    "nn.functional.pad/constant": padded, "nn.functional.pad/reflect": padded, "nn.functional.pad/replicate": padded,
    "nn.functional.pad/replicate_negative": padded, "nn.functional.pad/circular": padded,
    "constant_pad_nd": lambda x, pad, value=0: padded(x, pad, "constant", value),
    "nn.functional.embedding": lambda table, index, **k: wg.nn.functional.embedding(index, table, **k),
    "nn.functional.softplus": softened, "nn.functional.relu6": lambda x: wg.clip(x, 0, 6),
    "nn.functional.hardtanh": lambda x, min_val=-1.0, max_val=1.0: wg.clip(x, min_val, max_val),
    "nn.functional.avg_pool2d": lambda x, size, stride=None, *a, **k: wg.avg_pool2d(
        x, size, None if stride == () else stride, *a, **k),
    "logsumexp": lambda x, dim, keepdim=False: wg.logsumexp(x, axis=dim, keepdims=keepdim),
    **{f"fft.{n}": fft_of_many(n) for n in (
        "fft2 fftn ifft2 ifftn rfft2 rfftn irfft2 irfftn fftshift ifftshift".split())},
    "linalg.cholesky": lambda a, **k: L.cholesky(symmetric(a), **k), "cholesky": lambda a, upper=False: L.cholesky(
        symmetric(a), upper=upper),
    "linalg.eigh": lambda a, UPLO="L": L.eigh(symmetric(a), UPLO),
    "linalg.eigvalsh": lambda a, UPLO="L": L.eigvalsh(symmetric(a), UPLO),
    "pinverse": L.pinv,
    "linalg.solve_triangular": triangular, "matrix_exp": L.expm, "qr": lambda a, some=True: L.qr(
        a, mode="reduced" if some else "complete"),
    "triangular_solve": lambda b, a, upper=True, transpose=False, unitriangular=False: (L.solve_triangular(
        a, b, trans=int(transpose), lower=not upper, unit_diagonal=unitriangular), wg.clone(a)),
    "linalg.tensorsolve": spelled(L.tensorsolve, dims="axes"), "linalg.vander": lambda x, N=None:
    wg.vander(x, N, increasing=True),
    "linalg.matrix_norm": lambda a, kind="fro", dim=(-2, -1), keepdim=False, **k: L.norm(
        a, k.get("ord", kind), dim, keepdim),
    "linalg.vector_norm": lambda x, kind=2, dim=None, keepdim=False, **k: L.vector_norm(
        x, ord=k.get("ord", kind), axis=dim, keepdims=keepdim),
    "cholesky_solve": lambda b, u, upper=False: L.cho_solve((u, not upper), b),
    "linalg.matrix_rank": spelled(L.matrix_rank, atol=""),
    "linspace": lambda a, b, n, dtype=None, device=None: wg.linspace(a, b, n, dtype=dtype),
    **dict.fromkeys(["logspace", "logspace/tensor_overload"], lambda a, b, n, base=10.0, dtype=None, device=None:
        wg.logspace(a, b, n, base=base, dtype=dtype)),
    "eye": lambda n, m=None, **k: wg.eye(n, m, dtype=np.float64), "linalg.svd": spelled(L.svd),
    "svd": lambda a, some=True: (lambda u, s, v: (u, s, wg.matrix_transpose(v)))(*L.svd(a, full_matrices=not some)),
}  # fmt: skip


def middle(x: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: Any = None) -> Any:
    """The mean, with the arguments of ``var``."""
    return wg.mean(x, axis=None if isinstance(dim, bool) else dim, keepdims=keepdim)


def _first_then_sizes(ys: Any) -> Any:
    return [ys[0], abs(ys[1])]


# What of the results is compared: vectors are determined up to their sign (or phase) only.
SEEN: dict[str, Any] = {
    **dict.fromkeys(["cummax", "cummin"], lambda ys: ys[0] if isinstance(ys, tuple) else ys),
    "linalg.eigh": _first_then_sizes, "linalg.eig": _first_then_sizes,
    "linalg.svd": lambda ys: [abs(ys[0]), ys[1], abs(ys[2])], "svd": lambda ys: [abs(ys[0]), ys[1], abs(ys[2])],
}  # fmt: skip


# ----- what is not compared -------------------------------------------------------------------------------
def scalar_input(sample: Any) -> bool:
    """PyTorch lets 0-d arrays have an axis 0."""
    return isinstance(sample.input, torch.Tensor) and sample.input.ndim == 0


def longer_index(sample: Any) -> bool:
    return scalar_input(sample) or any(isinstance(a, torch.Tensor) and a.numel() == 0 for a in sample.args)


def undetermined(sample: Any) -> bool:
    *_, m, n = sample.input.shape
    full = sample.kwargs.get("full_matrices", not sample.kwargs.get("some", True))
    return 0 in (m, n) or (full and m != n)


# Samples that mean something else here: a test of a sample, and the reason.
AXIS_OF_SCALAR = (scalar_input, "a 0-d array has no axis to run along")
LEFT_OUT: dict[str, tuple[Any, str]] = {
    **dict.fromkeys("cumsum cumprod cummax cummin logcumsumexp topk sort argsort".split(), AXIS_OF_SCALAR),
    "arange": (lambda s: "end" in s.kwargs, "the end by keyword: NumPy calls it stop"),
    "gather": (longer_index, "an empty index of uint8 along a 0-d or shorter axis"),
    "cat": (lambda s: any(x.ndim == 1 for x in s.input) and s.kwargs.get("dim", 0) > 0, "empty 1-d arrays fit all"),
    "quantile": (lambda s: isinstance(s.args[0], torch.Tensor), "the place q has no derivative here"),
    "nn.functional.cross_entropy": (lambda s: "ignore_index" in s.kwargs, "ignore_index"),
    "nn.functional.nll_loss": (lambda s: "ignore_index" in s.kwargs, "ignore_index"),
    **dict.fromkeys(["nn.functional.binary_cross_entropy", "nn.functional.binary_cross_entropy_with_logits"],
        (lambda s: bool({"weight", "pos_weight"} & set(s.kwargs)), "weights of the elements")),
    "nn.functional.pad/replicate_negative": (lambda s: min(s.args[0]) <= -4, "an empty edge is not repeated"),
    **{f"nn.functional.conv_transpose{n}d": (lambda s: np.any(
        np.array(s.kwargs.get("output_padding", 0)) >= np.array(s.kwargs.get("stride", 1))),
        "an output_padding as large as the stride") for n in (1, 2, 3)},
    **dict.fromkeys(["linalg.svd", "svd"], (undetermined, "vectors that the matrix does not determine")),
    "__getitem__": (lambda s: isinstance(s.args[0], list), "a list is one index array, as in NumPy"),
    "searchsorted": (lambda s: s.input.ndim > 1, "one sorted array, as in NumPy"),
    "median": (lambda s: "dim" in s.kwargs or s.input.numel() % 2 == 0, "the mean of the middle two, as in NumPy"),
    "take_along_dim": (lambda s: "dim" not in s.kwargs and len(s.args) < 2, "flat: indices of one axis"),
    "tensordot": (lambda s: not isinstance(s.kwargs["dims"], int), "axes of length 1 do not broadcast"),
    "nn.functional.hinge_embedding_loss": (lambda s: not bool((s.args[0].abs() == 1).all()), "labels other than 1, -1"),
    "nn.functional.multi_margin_loss": (lambda s: s.input.ndim < 2, "one example that is no batch"),
    "nn.functional.gaussian_nll_loss": (lambda s: s.input.shape != s.args[0].shape, "targets that broadcast"),
    "nn.functional.batch_norm": (lambda s: s.input.ndim < 2, "an empty array of one axis"),
    "nn.functional.scaled_dot_product_attention": (lambda s: s.kwargs.get("dropout_p"), "dropout"),
    **{f"nn.functional.interpolate/{n}": (lambda s: s.kwargs.get("recompute_scale_factor"), "recompute_scale_factor")
       for n in "nearest nearest-exact linear bilinear trilinear".split()},
    **{f"nn.functional.adaptive_max_pool{n}d": (lambda s: any(s.args[1:]), "return_indices") for n in (1, 2)},
    "nonzero": (lambda s: s.input.ndim == 0, "a 0-d array has no places"),
    "nn.functional.multilabel_margin_loss": (lambda s: s.input.ndim == 0, "a score alone"),
    "linalg.vander": (lambda s: s.input.ndim != 1, "one vector, as in NumPy"),
    "linalg.solve": (lambda s: s.args[0].ndim > 1 and s.args[0].ndim < s.input.ndim, "stacks of vectors, as in NumPy"),
    "linalg.matrix_rank": (lambda s: any(s.kwargs.get(k) is not None for k in ("atol", "rtol")), "tolerances"),
    "linalg.tensorsolve": (lambda s: s.kwargs["dims"] is not None, "axes that leave another number of unknowns"),
}  # fmt: skip
RANDOM = "draws its own random numbers"
# Operations that have a namesake which does something else, and why.
DIFFERENT: dict[str, str] = {
    **dict.fromkeys("randn randn_like rand_like randint randint_like multinomial bernoulli".split(), RANDOM),
    **dict.fromkeys("normal normal/number_mean normal/in_place".split(), RANDOM),
    **dict.fromkeys(["nn.functional.dropout", "nn.functional.rrelu"], RANDOM),
    **dict.fromkeys((f"nn.functional.{n}" for n in ("dropout1d", "dropout2d", "dropout3d", "alpha_dropout")), RANDOM),
    **dict.fromkeys((f"nn.functional.interpolate/{n}" for n in ("bicubic", "area")), "a mode that is not there"),
    "nn.functional.batch_norm/without_cudnn": "no float64 samples",
    "nn.functional.hardsigmoid": "PyTorch's slope of 1/6 is a number of single precision",
    **dict.fromkeys("empty empty_like".split(), "elements without a value"),
    **dict.fromkeys("allclose equal".split(), "answers with a Python bool"),
    **dict.fromkeys("bool double float long int short half".split(), "the name of a dtype here (NumPy)"),
    "imag": "PyTorch takes complex numbers only", "nn.functional.silu/complex": "no float64 samples",
    "ldexp": "integers as exponents, as in NumPy", "nextafter": "has no derivative here",
    "histogram": "other arguments (NumPy)", "linalg.pinv/singular": "a product of two arguments",
    "linalg.pinv/hermitian": "PyTorch's gradient is that of a matrix without symmetry",
    "cholesky_solve": "one triangle of the factor is read",
    "nn.functional.ctc_loss": "PyTorch gives the gradient by the scores before log_softmax",
    **dict.fromkeys(["norm", "norm/inf"], "an order of a matrix is a matrix norm, as in NumPy"),
    "linalg.lstsq": "driver", "linalg.lstsq/grad_oriented": "driver",
    **dict.fromkeys((f"special.bessel_{n}" for n in ("j0", "j1", "y0", "y1")), "PyTorch is 2e-7 from SciPy, in places"),
}  # fmt: skip


def counterpart(name: str) -> Any:
    """The function here that an operation of the table is compared with, or None."""
    return None if name in DIFFERENT else ADAPTED.get(name) or found_by_name(name)


class Outcome(NamedTuple):
    """Of one operation: how many samples were equal, in how many derivatives were too, how many were left out."""

    equal: int
    derivatives: int
    left_out: int


def run(name: str, op: Any, limit: int = 5) -> Outcome:
    """Compare at most `limit` samples of one operation; the first difference raises."""
    function, rng = counterpart(name), np.random.default_rng(0)
    unfit, _ = LEFT_OUT.get(name, (lambda sample: False, ""))
    equal = derivatives = 0
    drawn, left_out = samples(op, limit, unfit)
    for sample in drawn:
        try:
            derivatives += compare(op, function, sample, rng)
            equal += 1
        except wg.errors.AxisError:
            if not scalar_input(sample):
                raise
            left_out += 1
    return Outcome(equal, derivatives, left_out)


def table(limit: int = 5) -> str:
    """What was compared, operation by operation, and what was not and why; ``python tests/peers/sample_inputs.py``."""
    rows, missing = [], []
    for name, op in operations().items():
        if counterpart(name) is None:
            missing.append((name, DIFFERENT.get(name, "not there")))
        else:
            rows.append((name, run(name, op, limit)))
    lines = [f"{len(rows)} operations compared: samples equal, of these with derivatives, samples left out"]
    lines += [f"  {n:45}{o.equal:4}{o.derivatives:4}{o.left_out:4}  {LEFT_OUT.get(n, ('', ''))[1]}" for n, o in rows]
    there = [name for name, why in missing if why == "not there"]
    lines.append(f"{len(missing) - len(there)} operations that mean something else")
    lines += [f"  {name:45}{why}" for name, why in missing if why != "not there"]
    lines += [f"{len(there)} operations that are not there", "  " + ", ".join(there)]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
