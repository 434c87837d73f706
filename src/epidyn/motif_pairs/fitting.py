"""Finding the terms: products are screened by how they vary with the label, then a lasso keeps few of all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn import metrics, progress
from epidyn.calibration import sigmoid
from epidyn.motif_pairs.terms import DistanceTerm, Floats, Ints, Terms

SCREENED = 1000
# Penalties as shares of the least that leaves no term, falling; the first leaves none.
PENALTIES = np.geomspace(1, 0.03, 14)
PATIENCE = 3  # penalties without a lower loss on the validation part, after which smaller ones are not tried
RIDGE = 1.0  # inverse strength of the weak L2 penalty with which the terms that are kept are fitted again
_LEAST_SCALE = 1e-6
_TOLERANCE = 1e-4  # of the optimality conditions


@dataclass(frozen=True, eq=False)
class Sample:
    """Labelled pairs.

    Attributes
    ----------
    enhancer, promoter
        The rows of their elements' features, int64 (n,).
    label
        0 or 1, (n,).
    distance
        Between their elements, in bases, float64 (n,), if it may be a term.
    """

    enhancer: Ints
    promoter: Ints
    label: npt.NDArray[np.integer]
    distance: Floats | None = None


def fit(
    features: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]],
    train: Sample,
    validation: Sample,
    *,
    screened: int = SCREENED,
) -> tuple[Terms, pd.DataFrame]:
    """Find the terms that tell interacting pairs.

    Features are standardised over the distinct elements of the training part. The ``screened`` products of one of
    the enhancer and one of the promoter that covary most with the label, either sign, join the single features,
    and, where the sample has it, the logarithm of the distance.
    Logistic regression with an L1 penalty, each column standardised, says for a series of penalties which terms to
    keep, and these are fitted again almost without a penalty (the relaxed lasso, Meinshausen 2007), since what
    makes the choice sparse makes the weights too small. The model of lowest log loss on the validation part is
    taken, which may be one without terms. Nothing but that choice sees the validation part. Probabilities hold at
    the training part's share of positives.

    Parameters
    ----------
    features
        Of enhancers and of promoters, float32 (elements, features), as many features of either.
    train, validation
        Pairs of them; both labels must be in each.
    screened
        Products that are not dropped before the fit.

    Returns
    -------
    Terms
        Over all features; those of weight 0 are left out of the products.
    DataFrame
        A row for each penalty: ``penalty``, ``singles``, ``pairs`` (terms kept; the distance is none of either),
        ``val_loss`` (as if positives had the training part's share), ``val_auroc``, ``val_aupr``, ``kept`` (the
        one that was taken).

    Raises
    ------
    ValueError
        If a part has one label only.
    """
    from sklearn.metrics import log_loss  # takes its time to load

    for part in (train, validation):
        if len(np.unique(part.label)) != 2:
            raise ValueError("both labels are needed in either part.")
    used = (np.unique(train.enhancer), np.unique(train.promoter))
    center = np.stack(
        [each[rows].mean(axis=0, dtype=np.float64) for each, rows in zip(features, used, strict=True)]
    )
    scale = np.stack([each[rows].std(axis=0, dtype=np.float64) for each, rows in zip(features, used, strict=True)])
    scale = np.where(scale > _LEAST_SCALE, scale, np.inf)  # what never varies says nothing
    empty = Terms(center, scale, np.zeros_like(center), np.empty((0, 2), np.int64), np.empty(0), 0.0)
    elements = [empty.standardised(role, each).astype(np.float32) for role, each in enumerate(features)]
    enhancer, promoter = elements[0][train.enhancer], elements[1][train.promoter]
    pairs = _screen(enhancer, promoter, train.label, screened)
    line, apart = _distance(train)
    columns, middle, spread = _columns(enhancer, promoter, pairs, apart)
    held = elements[0][validation.enhancer], elements[1][validation.promoter]
    # As if positives had the share that training knows: a held-out chromosome may have another.
    share = train.label.mean()
    positive = validation.label == 1
    balance = np.where(positive, share / positive.sum(), (1 - share) / (~positive).sum())
    rows: list[dict[str, float]] = []
    best, least = empty, np.inf
    for penalty, support in _supports(columns, train.label):
        weights, intercept = _refit(columns, train.label, support)
        terms = _unfold(empty, pairs, weights / spread, intercept - float(weights @ (middle / spread)), line)
        logits = terms.logits(held[0].astype(np.float64), held[1].astype(np.float64))
        if validation.distance is not None:
            logits += terms.of_distance(validation.distance)
        loss = float(log_loss(validation.label, sigmoid(logits).astype(np.float64), sample_weight=balance))
        counts = {"singles": int((terms.singles != 0).sum()), "pairs": len(terms.pairs)}
        scores = {
            "val_loss": loss,
            "val_auroc": metrics.auroc(validation.label, logits),
            "val_aupr": metrics.aupr(validation.label, logits),
        }
        rows.append({"penalty": penalty, **counts, **scores})
        if loss < least:
            best, least = terms, loss
        if len(rows) - 1 - int(np.argmin([row["val_loss"] for row in rows])) >= PATIENCE:
            break
    path = pd.DataFrame(rows)
    path["kept"] = path.index == path["val_loss"].argmin()
    return best, path


def _screen(
    enhancer: npt.NDArray[np.float32],
    promoter: npt.NDArray[np.float32],
    label: npt.NDArray[np.integer],
    count: int,
) -> Ints:
    """Return the products that covary most with the label, (count, 2), the strongest first."""
    centred = (label - label.mean()).astype(np.float32)
    covariance = np.abs((enhancer * centred[:, None]).T @ promoter)
    order = np.argsort(-covariance, axis=None, kind="stable")[:count]
    return np.stack(np.unravel_index(order, covariance.shape), axis=1).astype(np.int64)


def _distance(train: Sample) -> tuple[DistanceTerm | None, Floats | None]:
    """Return how distances are standardised, with weight 1, and those of the pairs; None where there are none."""
    if train.distance is None:
        return None, None
    known = DistanceTerm.logarithm(train.distance)
    spread = float(known.std())
    line = DistanceTerm(float(known.mean()), spread if spread > _LEAST_SCALE else np.inf, 1.0)
    return line, line(train.distance)


def _columns(
    enhancer: npt.NDArray[np.float32],
    promoter: npt.NDArray[np.float32],
    pairs: Ints,
    distance: Floats | None,
) -> tuple[Floats, Floats, Floats]:
    """Return products, single features of either role, distance, standardised; and their means and spreads."""
    count, single = len(pairs), enhancer.shape[1]
    columns = np.empty((len(enhancer), count + 2 * single + (distance is not None)), order="F")
    for at, (first, second) in enumerate(pairs):
        columns[:, at] = enhancer[:, first] * promoter[:, second]
    columns[:, count : count + single] = enhancer
    columns[:, count + single : count + 2 * single] = promoter
    if distance is not None:
        columns[:, -1] = distance
    middle, spread = np.empty(columns.shape[1]), np.empty(columns.shape[1])
    for at in range(columns.shape[1]):
        column = columns[:, at]
        middle[at], spread[at] = column.mean(), column.std()
        if spread[at] < _LEAST_SCALE:
            spread[at] = np.inf
        column -= middle[at]
        column /= spread[at]
    return columns, middle, spread


def _supports(columns: Floats, label: npt.NDArray[np.integer]) -> Iterator[tuple[float, Ints]]:
    """Yield each of ``PENALTIES`` with the columns that a lasso keeps under it."""
    from skglm.datafits import Logistic
    from skglm.penalties import L1
    from skglm.solvers import ProxNewton

    sign = np.where(label > 0, 1.0, -1.0)
    gradient = columns.T @ (label - label.mean()) / len(label)
    least = float(np.abs(gradient).max())  # the least penalty that leaves no term
    share = float(label.mean())
    state = np.zeros(columns.shape[1] + 1)
    state[-1] = np.log(share / (1 - share))
    solver = ProxNewton(fit_intercept=True, tol=_TOLERANCE, warm_start=True, max_iter=100)
    with progress.bar("Fitting terms", len(PENALTIES)) as advance:
        for penalty in PENALTIES:
            start = columns @ state[:-1] + state[-1]
            state, _, _ = solver.solve(columns, sign, Logistic(), L1(float(penalty) * least), state, start)
            advance(1)
            yield float(penalty), np.flatnonzero(state[:-1])


def _refit(columns: Floats, label: npt.NDArray[np.integer], support: Ints) -> tuple[Floats, float]:
    """Return the weights of all columns, (columns,), 0 but for ``support``, and the intercept."""
    from sklearn.linear_model import LogisticRegression

    weights = np.zeros(columns.shape[1])
    if not len(support):
        share = float(label.mean())
        return weights, float(np.log(share / (1 - share)))
    fitted = LogisticRegression(C=RIDGE, max_iter=1000).fit(columns[:, support], label)
    weights[support] = fitted.coef_[0]
    return weights, float(fitted.intercept_[0])


def _unfold(empty: Terms, pairs: Ints, weights: Floats, intercept: float, line: DistanceTerm | None) -> Terms:
    """Return the terms of the weights of products, then of single features, then of the distance, if it is one."""
    count, single = len(pairs), empty.singles.shape[1]
    kept = np.flatnonzero(weights[:count])
    singles = weights[count : count + 2 * single].reshape(2, -1)
    distance = None if line is None or not weights[-1] else line._replace(weight=float(weights[-1]))
    return Terms(empty.center, empty.scale, singles, pairs[kept], weights[kept], intercept, distance)
