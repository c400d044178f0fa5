"""SPEC 9 to 12: gradient descent, optimizers, learning-rate rules and stopping, with the lectures' numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

import wengert as wg
from wengert import nn, optim
from wengert.train import RelativeDrop, Reporter, accuracy, fit
from wengert.train.metrics import predicted_classes

SCALE = np.array([10.0, 1.0])


def descend(g: Any, make: Any, steps: int, change: Any = None) -> list[np.ndarray]:
    """The path on f = (10 x² + y²) / 2."""
    p = nn.Parameter(g.input("theta0"))
    optimizer = make([p])
    path = []
    for k in range(steps):
        if change:
            optimizer.param_groups[0]["lr"] = change(k)
        optimizer.zero_grad()
        (0.5 * SCALE * p * p).sum().backward()
        optimizer.step()
        path.append(p.detach().numpy().copy())
    return path


def test_gradient_descent(golden: Any) -> None:
    g = golden("G34")
    g.check(theta=descend(g, lambda p: optim.SGD(p, lr=g.input("lr")), 5))


def test_momentum_both_forms(golden: Any) -> None:
    g = golden("G35")
    for rate_inside in (False, True):
        path = descend(g, lambda p, r=rate_inside: optim.SGD(p, lr=0.05, momentum=0.9, rate_inside=r), 5)
        g.check(theta=path)
    g = golden("G36")

    def end(rate_inside: bool) -> Any:
        def make(p):
            return optim.SGD(p, lr=0.05, momentum=0.9, rate_inside=rate_inside)

        return descend(g, make, 4, lambda k: 0.05 if k < 2 else 0.005)[-1]

    g.check(slide_form=end(True), torch_form=end(False))


def test_adagrad_divides_by_the_root_of_the_sum_of_squares(golden: Any) -> None:
    g = golden("G37")
    g.check(theta=descend(g, lambda p: optim.Adagrad(p, lr=g.input("lr"), eps=g.input("delta")), 5))


def test_batches_of_every_size(golden: Any) -> None:
    g = golden("G38")
    x, y, w = g.input("X"), g.input("y"), g.input("w")
    batch = np.array(g.entry["inputs"]["batch"])

    def squares(w, x, y):
        return (x @ w - y) ** 2

    def total(rows):
        return wg.grad(lambda w: squares(w, x[rows], y[rows]).sum())(w)

    def mean(rows):
        return wg.grad(lambda w: squares(w, x[rows], y[rows]).mean())(w)

    pairs = [[i, j] for i in range(4) for j in range(i)]
    g.check(
        per_sample=wg.vmap(wg.grad(squares), (None, 0, 0))(w, x, y),
        full_sum=total(slice(None)),
        full_mean=mean(slice(None)),
        batch_mean=mean(batch),
        batch_sum=total(batch),
        n_over_B_sum=len(x) / len(batch) * total(batch),
        mean_over_all_batches_of_2_of_batch_mean=np.mean([mean(np.array(p)) for p in pairs], axis=0),
    )


def test_step_size_two_over_the_curvature() -> None:
    for lr, falls in ((0.19, True), (0.21, False)):  # the largest curvature is 10
        p = nn.Parameter(np.array([1.0, -2.0]))
        optimizer = optim.SGD([p], lr=lr)
        for _ in range(100):
            p.grad = SCALE * p.detach().numpy()
            optimizer.step()
        assert bool(np.abs(p.detach().numpy()).max() < 1) is falls


def test_newton_doubles_the_digits(golden: Any) -> None:
    g = golden("G44")
    found = optim.newton_root(lambda x: x**2 - 2, g.input("x0"), tol=0.0, maxiter=6)
    g.check(x=found.path)
    errors = np.abs(np.array(found.path) - np.sqrt(2))
    np.testing.assert_allclose(errors[1:5] / errors[:4] ** 2, g.expected["ratio"][:4], rtol=1e-4)
    assert abs(errors[4] / errors[3] ** 2 - g.expected["limit"]) < 0.01


def test_newton_diverges_though_the_derivative_is_never_zero(golden: Any) -> None:
    g = golden("G45")
    found = optim.newton_root(np.arctan, g.input("x0"), maxiter=4)
    g.check(x=found.path)
    assert not found.success
    # From the critical start Newton jumps to and fro between x and -x.
    cycle = optim.newton_root(lambda x: 2 * x - (1 + x * x) * np.arctan(x), 1.5)
    g.check(critical_start=cycle.x)
    assert optim.newton_root(np.arctan, 1.39).success
    with np.errstate(all="ignore"):
        assert not optim.newton_root(np.arctan, 1.393).success


def test_newton_in_two_dimensions(golden: Any) -> None:
    g = golden("G46")
    found = optim.newton_minimize(lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2, g.input("x0"))
    g.check(x=found.path[1:7])
    assert found.success and found.kind == "minimum"


def test_newton_finds_saddle_points_too(golden: Any) -> None:
    g = golden("G64")
    found = optim.newton_minimize(lambda x: x[0] ** 2 - x[1] ** 2, g.input("x0"))
    g.check(x1=found.x, hessian_eigenvalues=found.eigenvalues[::-1])
    assert (found.kind, found.success, found.nit) == ("saddle point", False, 1)


def schedules(g: Any) -> dict[str, Any]:
    def optimizer():
        return optim.SGD([nn.Parameter([1.0])], lr=g.input("alpha0"))

    tau = g.input("tau")
    return {
        "time_based_recursive": optim.RecursiveTimeBasedLR(optimizer(), tau),
        "time_based_usual": optim.TimeBasedLR(optimizer(), tau),
        "exponential": optim.ExponentialLR(optimizer(), np.exp(-tau)),
    }


def test_learning_rate_schedules(golden: Any) -> None:
    g = golden("G39")
    found = schedules(g)
    start = optim.SGD([nn.Parameter([1.0])], lr=g.input("alpha0"))
    found["step"] = optim.StepLR(start, g.input("step_every"), g.input("step_factor"))
    g.check(**{name: schedule.curve(6)[1:] for name, schedule in found.items()})
    for schedule in found.values():
        for _ in range(5):
            schedule.step()
    assert {name: s.get_last_lr()[0] for name, s in found.items()} == {name: s.curve(6)[5] for name, s in found.items()}


def test_the_slides_schedules_break_the_condition_on_the_sum(golden: Any) -> None:
    g = golden("G40")
    found = schedules(g)
    usual = np.array(found["time_based_usual"].curve(1001)[1:])
    g.check(
        sum_exponential=sum(found["exponential"].curve(200)[1:]),
        sum_time_based_recursive=sum(found["time_based_recursive"].curve(200)[1:]),
        partial_sum_usual_1e3=usual.sum(),
    )
    assert {name: bool(optim.robbins_monro(s)) for name, s in found.items()} == {
        "time_based_recursive": False,
        "time_based_usual": True,
        "exponential": False,
    }


def test_plateau(golden: Any) -> None:
    g = golden("G41")
    optimizer = optim.SGD([nn.Parameter([1.0])], lr=g.input("start"))
    rule = optim.ReduceLROnPlateau(optimizer, "max", g.input("factor"), patience=g.input("n") - 1, threshold=0.0)
    rates = []
    for value in g.input("val_accuracy"):
        rule.step(value)
        rates.append(optimizer.param_groups[0]["lr"])
    g.check(lr_after_epoch=rates)


def test_the_best_epoch_is_kept_not_the_last(golden: Any) -> None:
    g = golden("G58")
    given = g.input("dev_acc_per_epoch")
    model = nn.Linear(1, 2)
    seen: list[np.ndarray] = []

    def dev_accuracy(_scores: Any, _labels: Any) -> float:
        if not model.training:
            seen.append(model.state_dict()["weight"])
            return float(given[len(seen) - 1])
        return 0.0

    data = np.ones((4, 1), np.float32), np.array([0, 1, 1, 1])
    history = fit(model, data, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1), len(given),
                  validation=data, metrics={"accuracy": dev_accuracy}, report=Reporter())  # fmt: skip
    g.check(kept_epoch_index=history.best_epoch - 1, best_val=history.best_score)
    assert history.best_epoch - 1 != g.wrong["kept_epoch_index"]
    np.testing.assert_array_equal(model.state_dict()["weight"], seen[history.best_epoch - 1])  # a copy, not an alias
    assert (seen[-1] != seen[history.best_epoch - 1]).any()


def test_accuracy(golden: Any) -> None:
    g = golden("G59")
    g.check(pred=predicted_classes(g.input("scores")), accuracy=accuracy(g.input("scores"), g.input("y")))


def test_relative_drop_over_a_window(golden: Any) -> None:
    g = golden("G61")
    rule = RelativeDrop(g.input("window"), g.input("min_rel_drop"))
    errors = list(g.input("errors"))
    g.check(stop_index=rule.first(errors), drops=rule.drops(errors))


def test_normalisation_is_fitted_on_the_training_part(golden: Any) -> None:
    g = golden("G60")
    x = g.input("X")
    g.check(standardised=wg.data.Standardizer().fit(x)(x), minmax=wg.data.MinMax().fit(x)(x))
