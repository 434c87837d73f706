"""From a logit to a probability that holds: at another prevalence, and after calibration on labelled pairs."""

from __future__ import annotations

import math
from typing import Literal, Self, get_args

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from epidyn import metrics
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

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    method: Method
    slope: float | None = Field(None, gt=0)
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
        if self.method == "isotonic":
            logits, probabilities = self.logits or [], self.probabilities or []
            if not logits or len(logits) != len(probabilities):
                raise ValueError("an isotonic calibration needs logits and probabilities, as many of each")
            if sorted(set(logits)) != logits or sorted(probabilities) != probabilities:
                raise ValueError("the logits and probabilities of an isotonic calibration must rise")
            if probabilities[0] < 0 or probabilities[-1] > 1:
                raise ValueError("the probabilities of an isotonic calibration must lie from 0 to 1")
        if self.positives > self.pairs - LEAST_PAIRS:
            raise ValueError(f"positives must be fewer than the pairs by {LEAST_PAIRS} or more")
        return self

    @property
    def prevalence(self) -> float:
        """Share of interacting pairs at which the calibrated probabilities hold."""
        return self.positives / self.pairs

    def words(self) -> str:
        """Return the map in words."""
        if self.method == "platt":
            return f"Platt, log-odds = {self.slope:.4g} logit {self.intercept:+.4g}"
        logits, probabilities = self.logits or [], self.probabilities or []
        return (
            f"isotonic, {len(logits)} points from probability {probabilities[0]:.4g} at logit {logits[0]:.4g} to "
            f"{probabilities[-1]:.4g} at {logits[-1]:.4g}"
        )

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


def fit_calibration(logits: Floats, labels: npt.NDArray[np.integer], method: str = "platt") -> Calibration:
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
    ConfigError
        If there is no such method.
    MetricError
        If there are too few pairs of a label, higher logits do not interact more, or one logit separates the
        labels, which leaves Platt's slope without bounds.
    """
    if method not in get_args(Method):
        raise ConfigError(f"--method {method!r} is unknown; allowed are {', '.join(get_args(Method))}.")
    positives = int(np.sum(labels))
    if min(positives, len(labels) - positives) < LEAST_PAIRS:
        raise MetricError(
            f"calibration needs {LEAST_PAIRS} pairs of each label or more; there are {positives} positive and "
            f"{len(labels) - positives} negative ones. Score more pairs."
        )
    wide = np.asarray(logits, dtype=np.float64)
    # Where this holds, neither fit would rise.
    if np.ptp(wide) == 0 or wide[labels == 1].mean() <= wide[labels == 0].mean():
        raise MetricError(
            "of these pairs those with higher logits do not interact more often: the model does not rank them, "
            "and no calibration mends that."
        )
    fitted = _platt(wide, labels) if method == "platt" else _isotonic(wide, labels)
    draft = Calibration(
        method=method,
        **fitted,
        pairs=len(labels),
        positives=positives,
        brier_before=metrics.brier(labels, sigmoid(wide)),
        brier_after=0.0,
    )
    return draft.model_copy(update={"brier_after": metrics.brier(labels, sigmoid(draft.log_odds(wide)))})


def _platt(logits: Floats, labels: npt.NDArray[np.integer]) -> dict[str, float]:
    from sklearn.linear_model import LogisticRegression

    if logits[labels == 0].max() <= logits[labels == 1].min():
        raise MetricError(
            "one logit separates the labels of these pairs, so Platt's slope has no bounds. Score more pairs, or "
            "use --method isotonic."
        )
    unit = logits.std()  # the solver's tolerance is for numbers about 1
    regression = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-8)
    regression.fit(logits[:, np.newaxis] / unit, labels)
    return {"slope": float(regression.coef_[0, 0] / unit), "intercept": float(regression.intercept_[0])}


def _isotonic(logits: Floats, labels: npt.NDArray[np.integer]) -> dict[str, list[float]]:
    from sklearn.isotonic import IsotonicRegression

    regression = IsotonicRegression(out_of_bounds="clip").fit(logits, labels)
    return {"logits": regression.X_thresholds_.tolist(), "probabilities": regression.y_thresholds_.tolist()}
