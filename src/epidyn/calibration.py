"""From a logit that was trained at one prevalence to a probability at another."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from epidyn.errors import ConfigError


def sigmoid(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Return probabilities as float32, without overflow for large logits; shape as given."""
    wide = np.asarray(logits, dtype=np.float64)
    small = np.exp(-np.abs(wide))
    return np.where(wide >= 0, 1 / (1 + small), small / (1 + small)).astype(np.float32)


def prevalence_shift(trained: float, wanted: float) -> float:
    """Return what to add to a logit so that it holds at prevalence ``wanted`` instead of ``trained``.

    Copies of positives balance the training set; reality is not balanced. By Bayes' rule the log-odds move by
    logit(wanted) - logit(trained).

    Raises
    ------
    ConfigError
        If either is not strictly between 0 and 1.
    """
    for name, value in (("training prevalence", trained), ("--prevalence", wanted)):
        if not 0 < value < 1:
            raise ConfigError(f"{name} is {value}; it must lie between 0 and 1, both excluded.")
    return math.log(wanted / (1 - wanted)) - math.log(trained / (1 - trained))
