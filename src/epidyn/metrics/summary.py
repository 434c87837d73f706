"""Scores of predictions."""

from __future__ import annotations

from typing import TypedDict, final

import numpy as np
import numpy.typing as npt

from epidyn.errors import MetricError

Floats = npt.NDArray[np.floating]

# At which recall precision is reported.
RECALLS = (0.1, 0.25, 0.5)


@final
class Summary(TypedDict):
    """What ``evaluate`` reports; AUPR must be compared with ``prevalence``, which a random score reaches.

    ``brier`` is the mean squared difference of probability and label. ``precision_at_recall`` is that of the
    fewest pairs, best first and ties whole, that hold 0.1, 0.25 and 0.5 of the positives;
    ``enrichment_at_recall`` is it over the prevalence.
    """

    auroc: float
    aupr: float
    mcc: float
    f1: float
    precision: float
    recall: float
    threshold: float
    pairs: int
    positives: int
    negatives: int
    prevalence: float
    brier: float
    precision_at_recall: dict[str, float]
    enrichment_at_recall: dict[str, float]


@final
class LabelCounts(TypedDict):
    """What there is to say of pairs with one label, which have no AUROC and no AUPR."""

    pairs: int
    positives: int
    negatives: int
    prevalence: float


class CalibrationCurve(TypedDict):
    """Pairs in bins of rising probability: mean probability, share of positives, number."""

    probability: list[float]
    observed: list[float]
    pairs: list[int]


class Curves(TypedDict):
    """Points of the ROC and of the precision-recall curve."""

    false_positive_rate: list[float]
    true_positive_rate: list[float]
    recall: list[float]
    precision: list[float]


def auroc(labels: npt.ArrayLike, scores: npt.ArrayLike) -> float:
    """Return the area under the ROC curve; ties count half.

    Parameters
    ----------
    labels
        0 or 1, shape (n,); both must occur.
    scores
        Any finite numbers, shape (n,); higher means interacting.

    Raises
    ------
    MetricError
        If only one label is there, or a score is not finite.
    """
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(*checked(labels, scores)))


def aupr(labels: npt.ArrayLike, scores: npt.ArrayLike) -> float:
    """Return the average precision (the sum of precision times step in recall; never the trapezoid).

    Parameters
    ----------
    labels
        0 or 1, shape (n,); both must occur.
    scores
        Any finite numbers, shape (n,); higher means interacting.

    Raises
    ------
    MetricError
        If only one label is there, or a score is not finite.
    """
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(*checked(labels, scores)))


def summarise(
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    threshold: float = 0.5,
    *,
    ranking: npt.ArrayLike | None = None,
) -> Summary:
    """Return all scores of a set of predictions.

    Parameters
    ----------
    labels
        0 or 1, shape (n,); both must occur.
    probabilities
        In [0, 1], shape (n,).
    threshold
        A pair counts as predicted to interact if its probability is at least this.
    ranking
        If given, what AUROC and AUPR rank by instead, for example logits: a float32 probability is exactly 1 from
        a logit of 17 on.

    Raises
    ------
    MetricError
        If only one label is there, or a probability is outside [0, 1].
    """
    from sklearn.metrics import f1_score, matthews_corrcoef, precision_score, recall_score

    truth, scores = checked(labels, probabilities)
    if ((scores < 0) | (scores > 1)).any():
        raise MetricError(f"a probability is {scores[(scores < 0) | (scores > 1)][0]}; it must lie in [0, 1].")
    ranked = scores if ranking is None else ranking
    called = scores >= threshold
    positives = int(truth.sum())
    precisions = precision_at_recall(truth, ranked)
    return {
        "auroc": auroc(truth, ranked),
        "aupr": aupr(truth, ranked),
        "mcc": float(matthews_corrcoef(truth, called)),
        "f1": float(f1_score(truth, called, zero_division=0)),
        "precision": float(precision_score(truth, called, zero_division=0)),
        "recall": float(recall_score(truth, called, zero_division=0)),
        "threshold": threshold,
        "pairs": len(truth),
        "positives": positives,
        "negatives": len(truth) - positives,
        "prevalence": positives / len(truth),
        "brier": brier(truth, scores),
        "precision_at_recall": precisions,
        "enrichment_at_recall": {at: value * len(truth) / positives for at, value in precisions.items()},
    }


def label_counts(labels: npt.ArrayLike) -> LabelCounts:
    """Return the counts of labels, 0 or 1, (n,)."""
    truth = np.asarray(labels)
    positives = int(truth.sum())
    return {
        "pairs": len(truth),
        "positives": positives,
        "negatives": len(truth) - positives,
        "prevalence": positives / len(truth),
    }


def brier(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> float:
    """Return the mean squared difference of probability and label; takes and raises what :func:`auroc` does."""
    truth, values = checked(labels, probabilities)
    return float(np.mean((values - truth) ** 2))


def precision_at_recall(labels: npt.ArrayLike, scores: npt.ArrayLike) -> dict[str, float]:
    """Return the precision at the highest threshold that reaches each of ``RECALLS``, by recall as text.

    Takes and raises what :func:`auroc` does.
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(*checked(labels, scores))
    # Recall falls; its last point, 0 with precision 1, stands for no threshold.
    return {str(least): float(precision[:-1][recall[:-1] >= least][-1]) for least in RECALLS}


def calibration_curve(labels: npt.ArrayLike, probabilities: npt.ArrayLike, bins: int = 10) -> CalibrationCurve:
    """Return how often pairs of like probability interact.

    Parameters
    ----------
    labels, probabilities
        As :func:`summarise`.
    bins
        Bins of as equal numbers of pairs as ties, which stay together, allow; empty ones are left out.
    """
    truth, values = checked(labels, probabilities)
    edges = np.unique(np.quantile(values, np.arange(1, bins) / bins))
    number = np.searchsorted(edges, values, side="right")
    _, number, count = np.unique(number, return_inverse=True, return_counts=True)
    return {
        "probability": (np.bincount(number, weights=values) / count).tolist(),
        "observed": (np.bincount(number, weights=truth) / count).tolist(),
        "pairs": count.tolist(),
    }


def curves(labels: npt.ArrayLike, scores: npt.ArrayLike) -> Curves:
    """Return the points of both curves, recall falling as scikit-learn gives it.

    Takes and raises what :func:`auroc` does.
    """
    from sklearn.metrics import precision_recall_curve, roc_curve

    truth, values = checked(labels, scores)
    false_positive, true_positive, _ = roc_curve(truth, values)
    precision, recall, _ = precision_recall_curve(truth, values)
    return {
        "false_positive_rate": false_positive.tolist(),
        "true_positive_rate": true_positive.tolist(),
        "recall": recall.tolist(),
        "precision": precision.tolist(),
    }


def checked(labels: npt.ArrayLike, scores: npt.ArrayLike) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return labels as int64 and scores as float64, (n,); raises what :func:`auroc` does."""
    truth, values = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    if truth.ndim != 1 or truth.shape != values.shape:
        raise MetricError(f"labels {truth.shape} and scores {values.shape} must be of one length.")
    if not np.isin(truth, (0, 1)).all():
        raise MetricError(f"labels are {np.unique(truth)[:5].tolist()}; only 0 and 1 are allowed.")
    if len(np.unique(truth)) < 2:
        raise MetricError(f"all {len(truth)} labels are the same; AUROC and AUPR need both 0 and 1.")
    if not np.isfinite(values).all():
        raise MetricError(f"{(~np.isfinite(values)).sum()} of {len(values)} scores are not finite.")
    return truth.astype(np.int64), values
