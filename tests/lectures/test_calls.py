"""SPEC 15 and 17: every call as the lectures write it (corrected where ERRATA says so)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import wengert as torch
import wengert as wg
from wengert import elementwise_grad as egrad
from wengert import grad, nn


@pytest.fixture
def float64_default() -> Any:
    wg.set_default_dtype(np.float64)
    yield
    wg.set_default_dtype(np.float32)


# ----- lecture 0: autograd's functional listings with plain numpy --------------------------------------
def test_logistic_regression_listing(golden: Any) -> None:
    g = golden("G48")
    inputs, targets = g.input("inputs"), g.input("targets")

    def sigmoid(x: Any) -> Any:
        return 0.5 * (np.tanh(x / 2.0) + 1)

    def logistic_predictions(weights: Any, inputs: Any) -> Any:
        return sigmoid(np.dot(inputs, weights))

    def training_loss(weights: Any) -> Any:
        preds = logistic_predictions(weights, inputs)
        label_probabilities = preds * targets + (1 - preds) * (1 - targets)
        return -np.sum(np.log(label_probabilities))

    training_gradient_fun = grad(training_loss)
    weights = np.array([0.0, 0.0, 0.0])
    g.check(true_sigmoid_initial=training_loss(weights), true_sigmoid_first_grad=training_gradient_fun(weights))
    for _ in range(100):
        weights -= training_gradient_fun(weights) * 0.01
    assert type(weights) is np.ndarray
    g.check(true_sigmoid_trained=training_loss(weights), true_sigmoid_weights=weights)


def test_tanh_listing() -> None:
    def tanh(x: Any) -> Any:
        y = np.exp(-2.0 * x)
        return (1.0 - y) / (1.0 + y)

    x = np.linspace(-7, 7, 200)
    f: Any = tanh
    for _ in range(6):
        f = egrad(f)
    reference: Any = np.tanh
    for _ in range(6):
        reference = egrad(reference)
    np.testing.assert_allclose(f(x), reference(x), atol=1e-8)


# ----- lecture 1 ----------------------------------------------------------------------------------------
def test_sequential_listing(golden: Any, float64_default: Any) -> None:
    g = golden("G49")
    n, h, k = (g.input(name) for name in ("N", "H", "K"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = torch.nn.Sequential(torch.nn.Linear(n, h), torch.nn.Tanh(), torch.nn.Linear(h, k), torch.nn.Softmax())
    names = ("W1", "b1", "W2", "b2")
    with torch.no_grad():
        for parameter, name in zip(model.parameters(), names, strict=True):
            parameter.copy_(torch.tensor(g.input(name)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        y = model(torch.tensor(g.input("x")))
    assert any("dim" in str(w.message) for w in caught)
    g.check(y=y)
    shapes = [list(p.shape) for name, p in model.named_parameters() if name.endswith("weight")]
    assert shapes == g.expected["weight_shapes"] != g.wrong["weight_shapes"]


def test_add_module_listing(golden: Any) -> None:
    g = golden("G50")
    model = nn.Sequential()
    model.add_module("W0", nn.Linear(8, 16))
    model.add_module("tanh", nn.Tanh())
    model.add_module("W1", nn.Linear(16, 1))
    x = torch.randn(1, 8)
    y = model(x)
    parameters = dict(model.named_parameters())
    assert list(parameters) == g.expected["names"]
    assert [list(p.shape) for p in parameters.values()] == g.expected["shapes"]
    assert sum(p.numel() for p in model.parameters()) == g.expected["count"]
    assert list(y.shape) == g.expected["output_shape"]
    source = torch.make_dot(y.mean(), params=dict(model.named_parameters())).source
    assert source.startswith("digraph")
    for name in g.expected["names"]:
        assert name in source
    assert "(16, 8)" in source


def test_autograd_listing() -> None:
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([4.0, 5.0])
    z = torch.Tensor([7.0, 3.0])
    assert not x.requires_grad and not (x + y).requires_grad
    z.requires_grad = True
    assert (x + z).requires_grad
    assert "grad_fn=<" in repr(x + z)
    x = torch.tensor([1.0, 2.0, 2.0]).requires_grad_()
    length = x.norm()
    torch.autograd.backward(length)
    np.testing.assert_allclose(x.grad.numpy(), [1 / 3, 2 / 3, 2 / 3], rtol=1e-6)


def test_two_layer_net_listing(golden: Any, float64_default: Any) -> None:
    g = golden("G51")

    class TwoLayerNet(torch.nn.Module):
        def __init__(self, D_in: int, H: int, D_out: int) -> None:
            super(TwoLayerNet, self).__init__()  # noqa: UP008
            self.linear1 = torch.nn.Linear(D_in, H)
            self.linear2 = torch.nn.Linear(H, D_out)

        def forward(self, x: Any) -> Any:
            h_relu = self.linear1(x).clamp(min=0)
            return self.linear2(h_relu)

    model = TwoLayerNet(2, 3, 1)
    assert [n for n, _ in model.named_parameters()] == g.expected["names"]
    with torch.no_grad():
        for parameter, name in zip(model.parameters(), ("W1", "b1", "W2", "b2"), strict=True):
            parameter.copy_(torch.tensor(g.input(name)))
    x, y = torch.tensor(g.input("x")), torch.tensor(g.input("y"))
    loss_fn = torch.nn.MSELoss(reduction="sum")
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    losses = []
    for step in range(5):
        y_pred = model(x)
        loss = loss_fn(y_pred, y)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            g.check(**{f"grad_{n}": p.grad for n, p in zip(("W1", "b1", "W2", "b2"), model.parameters(), strict=True)})
        optimizer.step()
    g.check(losses=losses)


def test_regularised_loss(golden: Any) -> None:
    g = golden("G52")
    w1, w2 = (torch.tensor(g.input(n), requires_grad=True) for n in ("W1", "W2"))
    x = torch.tensor(g.input("x"))

    def data_loss() -> Any:
        return -torch.log(torch.sigmoid(w2 @ torch.sigmoid(w1 @ x)))[g.input("y")]

    g.check(data_loss=data_loss())
    loss = data_loss() + g.input("lam") * (w1.norm() + w2.norm())
    loss.backward()
    g.check(loss_norm=loss, grad_W1_norm=w1.grad, grad_W2_norm=w2.grad)
    w1.grad = w2.grad = None
    loss = data_loss() + g.input("lam") * (w1.pow(2).sum() + w2.pow(2).sum())
    loss.backward()
    g.check(loss_squared=loss, grad_W1_squared=w1.grad, grad_W2_squared=w2.grad)


# ----- lecture 0: the training loop -------------------------------------------------------------------
def test_training_loop_listing() -> None:
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 3)
    loss_function = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
    trainloader = [(torch.randn(8, 4), torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])) for _ in range(3)]
    before = sum(loss_function(model(x), y).item() for x, y in trainloader)
    for _epoch in range(20):
        for inputs, targets in trainloader:
            optimizer.zero_grad()
            outputs = model(inputs)
            loss = loss_function(outputs, targets)
            loss.backward()
            optimizer.step()
    assert sum(loss_function(model(x), y).item() for x, y in trainloader) < before
    assert model.forward(inputs).shape == model(inputs).shape


def test_cross_entropy_takes_logits(golden: Any) -> None:
    g = golden("G28")
    logits = torch.tensor(g.input("logits"), requires_grad=True)
    targets = torch.tensor(g.entry["inputs"]["targets"])
    loss = torch.nn.CrossEntropyLoss()(logits, targets)
    loss.backward()
    g.check(mean=loss, grad_mean=logits.grad, sum=torch.nn.CrossEntropyLoss(reduction="sum")(logits, targets))
    twice = torch.nn.CrossEntropyLoss()(torch.softmax(logits, -1), targets)
    g.check(double_softmax_value=twice)


def test_squared_errors(golden: Any) -> None:
    g = golden("G29")
    prediction, target = (torch.tensor(g.input(n)) for n in ("yhat", "y"))
    prediction.requires_grad_()
    for reduction in ("sum", "mean"):
        prediction.grad = None
        loss = torch.nn.MSELoss(reduction=reduction)(prediction, target)
        loss.backward()
        g.check(**{reduction: loss, f"grad_{reduction}": prediction.grad})


# ----- lecture 3: the lab ------------------------------------------------------------------------------
def lab_forward(params: dict[str, Any], x: Any) -> dict[str, Any]:
    h_tilde = torch.mm(x, params["Wh"].T) + params["bh"].T
    h = torch.tanh(h_tilde)
    y_tilde = torch.mm(h, params["Wy"].T) + params["by"].T
    exp = torch.exp(y_tilde)
    return {"h": h, "y_tilde": y_tilde, "yhat": exp / exp.sum(dim=1, keepdim=True)}


def lab_backward(params: dict[str, Any], outputs: dict[str, Any], x: Any, targets: Any) -> dict[str, Any]:
    bsize = targets.shape[0]
    delta_y = outputs["yhat"] - targets
    delta_h = (1 - torch.pow(outputs["h"], 2)) * torch.mm(delta_y, params["Wy"])
    grads = {
        "Wy": torch.mm(delta_y.T, outputs["h"]),
        "by": delta_y.sum(0, keepdim=True).T,
        "Wh": torch.mm(delta_h.T, x),
        "bh": delta_h.sum(dim=0, keepdim=True).T,
    }
    grads["Wy"] /= bsize
    grads["by"] /= bsize
    grads["Wh"] /= bsize
    grads["bh"] /= bsize
    return grads


def test_gradients_by_hand_equal_autograd(golden: Any) -> None:
    g = golden("G09")
    names = ("Wh", "bh", "Wy", "by")
    params = {n: torch.tensor(g.input(n)) for n in names}
    x, targets = torch.tensor(g.input("X")), torch.tensor(g.input("Y"))
    outputs = lab_forward(params, x)
    g.check(h=outputs["h"], y_tilde=outputs["y_tilde"], yhat=outputs["yhat"])
    by_hand = lab_backward(params, outputs, x, targets)
    g.check(**{f"grad_{n}": by_hand[n] for n in names})
    for n in names:
        params[n].requires_grad = True
    loss = -(targets * torch.log(lab_forward(params, x)["yhat"])).sum(dim=1).mean()
    loss.backward()
    g.check(loss_mean=loss, **{f"grad_{n}": params[n].grad for n in names})
    eta = 0.1
    with torch.no_grad():
        params["Wy"] -= eta * params["Wy"].grad
        params["by"] -= eta * params["by"].grad
        params["Wh"] -= eta * params["Wh"].grad
        params["bh"] -= eta * params["bh"].grad
    for n in names:
        assert params[n].is_leaf
        params[n].grad.zero_()
        assert float(params[n].grad.abs().sum()) == 0.0
    loss = -(targets * torch.log(lab_forward(params, x)["yhat"])).sum(dim=1).mean()
    g.check(loss_after_one_step_eta_0_1=loss)


def test_first_sample_alone(golden: Any) -> None:
    g = golden("G10")
    params = {n: torch.tensor(g.input(n), requires_grad=True) for n in ("Wh", "bh", "Wy", "by")}
    x = torch.tensor(g.input("x")).reshape(1, 2)
    outputs = lab_forward(params, x)
    loss = -torch.log(outputs["yhat"])[0, 0]
    loss.backward()
    g.check(loss=loss, delta_y=outputs["yhat"].detach()[0] - np.array([1.0, 0.0]))
    g.check(**{f"grad_{n}": p.grad for n, p in params.items()})


def test_factories_of_the_lab() -> None:
    torch.manual_seed(1)
    weights = torch.randn(5, 2) * 0.3
    weights.requires_grad = True
    assert weights.is_leaf
    bias = torch.zeros(5, 1, requires_grad=True)
    assert bias.requires_grad and bias.shape == (5, 1) and bias.dtype == torch.float32
    torch.manual_seed(1)
    np.testing.assert_array_equal((torch.randn(5, 2) * 0.3).numpy(), weights.detach().numpy())


def test_perceptron_has_zero_gradient(golden: Any) -> None:
    g = golden("G20")
    w, b, x = g.input("w"), g.input("b"), g.input("x")

    def perceptron(x: Any) -> Any:
        return np.heaviside(x @ w + b, 0.0)

    g.check(M=perceptron(x), dM_dx=egrad(perceptron)(x), dM_dL=egrad(lambda s: np.heaviside(s, 0.0))(x @ w + b))


def test_xor_through_hidden_features(golden: Any) -> None:
    g = golden("G56")
    hidden = torch.relu(torch.tensor(g.input("x")) @ torch.tensor(g.input("W")) + torch.tensor(g.input("c")))
    g.check(hidden=hidden, output=hidden @ torch.tensor(g.input("w")) + g.input("b"))


def test_initialisation_bounds(golden: Any) -> None:
    g = golden("G42")
    torch.manual_seed(0)
    for pair, expected in g.expected.items():
        fan_in, fan_out = map(int, pair.split("x"))
        weight = torch.empty(fan_out, fan_in)
        nn.init.xavier_uniform_(weight)
        bound = expected["glorot_uniform_bound"]
        assert bound * 0.8 < float(abs(weight).max()) <= bound
        np.testing.assert_allclose(bound**2 / 3, expected["glorot_var"], rtol=1e-12)
        wide = torch.empty(400 * fan_out // fan_out, fan_in)
        nn.init.kaiming_normal_(wide)
        np.testing.assert_allclose(float(wide.var()), expected["he_var"], rtol=0.2)


def test_binary_cross_entropy(golden: Any) -> None:
    g = golden("G27")
    logits = torch.tensor(g.input("logits"), requires_grad=True)
    loss = torch.nn.BCEWithLogitsLoss(reduction="none")(logits, torch.tensor(g.input("targets")))
    loss.sum().backward()
    g.check(bce_logits=loss, dbce_dlogit=logits.grad)
    for p, y in ((0.8, 1), (0.8, 0), (0.3, 1), (0.3, 0)):
        value, slope = wg.value_and_grad(lambda p, y=y: -(y * np.log(p) + (1 - y) * np.log(1 - p)))(p)
        g.check(**{f"bce_p{p}_y{y}": value, f"dbce_dp_p{p}_y{y}": slope})
