"""Pictures of what the lectures talk about; each function draws into `ax` (a new figure by default) and returns it.

Needs matplotlib: ``pip install "wengert[plot]"``. In a notebook a new figure appears by itself; in a program call
``matplotlib.pyplot.show()``, or save it: ``wg.plot.activation("tanh").figure.savefig("tanh.png")``.
"""

from __future__ import annotations

from wengert.plot.counting import call_counts
from wengert.plot.functions import activation, derivatives, error_valley, jacobian_map
from wengert.plot.models import (
    activation_histograms,
    confusion_table,
    decision_regions,
    filters,
    initialization,
    latent_space,
    weight_histograms,
)
from wengert.plot.surfaces import LANDSCAPES, contour, gradient_noise, loss_surface, paths
from wengert.plot.training import Live, schedules, training_curves

__all__ = [
    "LANDSCAPES",
    "Live",
    "activation",
    "activation_histograms",
    "call_counts",
    "confusion_table",
    "contour",
    "decision_regions",
    "derivatives",
    "error_valley",
    "filters",
    "gradient_noise",
    "initialization",
    "jacobian_map",
    "latent_space",
    "loss_surface",
    "paths",
    "schedules",
    "training_curves",
    "weight_histograms",
]
