"""From a logit to a probability that holds: at another prevalence, and after calibration on labelled pairs."""

from __future__ import annotations

import math
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from epidyn.errors import ConfigError, MetricError

Method = Literal["platt", "isotonic"]
# With fewer pairs of a label a calibration follows chance.
LEAST_PAIRS = 20

Floats = npt.NDArray[np.floating]


class Calibration(BaseModel):
    """A map from a model's logit to log-odds that hold at the prevalence of the pairs it was fitted on.

    Attributes
    ----------
    method
        ``platt``: slope times logit plus intercept. ``isotonic``: a rising line through ``logits`` and
        ``probabilities``, flat outside.
    pairs, positives
        What it was fitted on.
    brier_before, brier_after
        Brier score on these pairs.
    scores, model
        Name and digest of the scores it was fitted on, and the digest of the model file that it was fitted for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Method
    slope: float | None = None
    intercept: float | None = None
    logits: list[float] | None = None
    probabilities: list[float] | None = None
    pairs: int = Field(ge=2 * LEAST_PAIRS)
    positives: int = Field(ge=LEAST_PAIRS)
    brier_before: float
    brier_after: float
    scores: dict[str, str] | None = None
    model: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.method == "platt" and (self.slope is None or self.intercept is None):
            raise ValueError("a Platt calibration needs slope and intercept")
        if self.method == "isotonic" and not (
            self.logits and self.probabilities and len(self.logits) == len(self.probabilities)
        ):
            raise ValueError("an isotonic calibration needs logits and probabilities, as many of each")
        return self

    @property
    def prevalence(self) -> float:
        """Share of interacting pairs at which the calibrated probabilities hold."""
        return self.positives / self.pairs

    def log_odds(self, logits: Floats) -> npt.NDArray[np.float64]:
        """Return calibrated log-odds of a model's logits, any shape."""
        wide = np.asarray(logits, dtype=np.float64)
        if self.method == "platt":
            assert self.slope is not None
            assert self.intercept is not None
            return self.slope * wide + self.intercept
        assert self.logits is not None
        probability = np.interp(wide, self.logits, np.asarray(self.probabilities, dtype=np.float64))
        # No number of pairs shows that a probability is 0 or 1: half a pair is granted.
        least = 0.5 / (self.pairs + 1)
        bounded = np.clip(probability, least, 1 - least)
        odds: npt.NDArray[np.float64] = np.log(bounded / (1 - bounded))
        return odds


def sigmoid(logits: Floats) -> npt.NDArray[np.float32]:
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


def fit_calibration(logits: Floats, labels: npt.NDArray[np.integer], method: Method = "platt") -> Calibration:
    """Fit a calibration to labelled pairs that the model was not trained on.

    Parameters
    ----------
    logits
        The model's own, finite, shape (n,).
    labels
        0 or 1, (n,), at least 20 of each.
    method
        ``platt``: a logistic regression on the logit, two numbers, for hundreds of pairs. ``isotonic``: the rising
        step function of least squared error, for thousands.

    Raises
    ------
    MetricError
        If there are too few pairs of a label, or higher logits do not interact more.
    """
    positives = int(np.sum(labels))
    if min(positives, len(labels) - positives) < LEAST_PAIRS:
        raise MetricError(
            f"calibration needs {LEAST_PAIRS} pairs of each label or more; there are {positives} positive and "
            f"{len(labels) - positives} negative ones. Score more pairs."
        )
    fitted = _platt(logits, labels) if method == "platt" else _isotonic(logits, labels)
    before = sigmoid(logits)
    draft = Calibration(
        method=method,
        **fitted,
        pairs=len(labels),
        positives=positives,
        brier_before=_brier(before, labels),
        brier_after=0.0,
    )
    return draft.model_copy(update={"brier_after": _brier(sigmoid(draft.log_odds(logits)), labels)})


def _platt(logits: Floats, labels: npt.NDArray[np.integer]) -> dict[str, float]:
    from sklearn.linear_model import LogisticRegression

    regression = LogisticRegression(C=np.inf, max_iter=1000).fit(np.asarray(logits)[:, None], labels)
    slope, intercept = float(regression.coef_[0, 0]), float(regression.intercept_[0])
    if slope <= 0:
        raise MetricError(
            f"of these pairs those with higher logits interact less (slope {slope:.3g}): the model does not rank "
            "them, and no calibration mends that."
        )
    return {"slope": slope, "intercept": intercept}


def _isotonic(logits: Floats, labels: npt.NDArray[np.integer]) -> dict[str, list[float]]:
    from sklearn.isotonic import IsotonicRegression

    regression = IsotonicRegression(out_of_bounds="clip").fit(logits, labels)
    knots, values = regression.X_thresholds_, regression.y_thresholds_
    if values[0] == values[-1]:
        raise MetricError("of these pairs those with higher logits do not interact more: there is nothing to fit.")
    return {"logits": knots.tolist(), "probabilities": values.tolist()}


def _brier(probabilities: Floats, labels: npt.NDArray[np.integer]) -> float:
    return float(np.mean((np.asarray(probabilities, dtype=np.float64) - labels) ** 2))
