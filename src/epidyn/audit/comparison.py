"""How much of a model's score the baselines reach on the same pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from epidyn.audit.baselines import Baseline, Rows
from epidyn.audit.features import Features, Floats, Ints
from epidyn.audit.scoring import blocks_of
from epidyn.elements import ROLES
from epidyn.errors import PairTableError, SplitError
from epidyn.metrics import Bootstrap, Comparison, Interval
from epidyn.pairs import REQUIRED, chromosomes, one_spelling
from epidyn.scores import ranking

_CURE = "Give the table that the model was trained and tested on."


@dataclass(frozen=True)
class BaselineOnScores:
    """A baseline on the model's pairs, trained on other rows of the table.

    Attributes
    ----------
    scores
        ``auroc`` and ``aupr`` with intervals.
    explained
        Its AUPR above the prevalence as a share of the model's, from 0 to 1; None if the model's interval reaches
        down to the prevalence.
    compared
        Model minus baseline, ``auroc`` and ``aupr``.
    """

    name: str
    reads_sequence: bool
    scores: dict[str, Interval]
    explained: float | None
    compared: dict[str, Comparison]


@dataclass(frozen=True)
class ModelScores:
    """A model's predictions and the baselines on the same pairs.

    Attributes
    ----------
    source
        The scores file.
    pairs, positives, prevalence
        Of the scored pairs.
    folds
        How many the scores say they come from, 1 if they say nothing.
    trained_on
        Pairs that the baselines were trained on; with several folds the fewest.
    scores
        The model's ``auroc`` and ``aupr`` with intervals.
    baselines
        In the order of the audit.
    best
        Name of the baseline with the highest AUPR among those that read no sequence.
    """

    source: str
    pairs: int
    positives: int
    prevalence: float
    folds: int
    trained_on: int
    scores: dict[str, Interval]
    baselines: list[BaselineOnScores]
    best: str

    @property
    def unexplained(self) -> str | None:
        """Why no share of the model's AUPR is given as explained, in one sentence, or None."""
        aupr = self.scores["aupr"]
        if aupr.low > self.prevalence:
            return None
        return (
            f"No share is explained: the interval of the model's AUPR ({aupr.low:.3f} to {aupr.high:.3f}) reaches "
            f"down to chance ({self.prevalence:.3f})."
        )

    def best_baseline(self) -> BaselineOnScores:
        """Return the baseline called ``best``."""
        return next(each for each in self.baselines if each.name == self.best)


def compare_with_model(
    pairs: pd.DataFrame,
    features: Features,
    scores: pd.DataFrame,
    baselines: Sequence[Baseline],
    *,
    draws: int,
    seed: int,
) -> ModelScores:
    """Compare a model's scores with baselines that are trained on the rest of the table.

    Scores of the whole table with a column ``fold`` that keeps chromosomes whole, as a cross-validation pools
    them, are taken fold by fold: for each the baselines are trained on the pairs that it lacks.

    Parameters
    ----------
    pairs, features
        The whole table.
    scores
        As :func:`epidyn.scores.read_scores` returns it, of some rows of the table.
    baselines
        At least one that reads no sequence.
    draws, seed
        Of the bootstrap.

    Raises
    ------
    PairTableError
        If a scored pair is not in the table, or has another label there.
    SplitError
        If what is scored, or what is left to train the baselines on, does not have both labels.
    """
    source = str(scores.attrs.get("source", "the scores"))
    label = scores["label"].to_numpy(dtype=np.int64)
    predicted = _predict(pairs, features, scores, baselines, source)
    model = ranking(scores).to_numpy(dtype=np.float64)
    blocks = blocks_of(features.chrom[predicted.rows])
    drawn = Bootstrap(label, [model, *predicted.scores], blocks=blocks, draws=draws, seed=seed)
    own, prevalence = drawn.intervals(0), float(label.mean())
    found = []
    for place, baseline in enumerate(baselines, start=1):
        theirs = drawn.intervals(place)
        explained = _explained(theirs["aupr"], own["aupr"], prevalence)
        compared = drawn.compare(0, place)
        found.append(BaselineOnScores(baseline.name, baseline.reads_sequence, theirs, explained, compared))
    best = max((each for each in found if not each.reads_sequence), key=lambda each: each.scores["aupr"].value)
    return ModelScores(
        source,
        len(label),
        int(label.sum()),
        prevalence,
        len(predicted.trained_on),
        min(predicted.trained_on),
        own,
        found,
        best.name,
    )


@dataclass(frozen=True)
class _Predicted:
    """The scored rows of the table (n,), each baseline's scores (baselines, n), training pairs of each fold."""

    rows: Rows
    scores: Floats
    trained_on: list[int]


def _predict(
    pairs: pd.DataFrame, features: Features, scores: pd.DataFrame, baselines: Sequence[Baseline], source: str
) -> _Predicted:
    """Train the baselines on the pairs that each fold of the scores lacks, and predict the fold."""
    label = scores["label"].to_numpy(dtype=np.int64)
    key = [*REQUIRED, *(["cell_line"] if "cell_line" in pairs and "cell_line" in scores else [])]
    test, predicted = _match(pairs, scores, key, source), np.empty((len(baselines), len(scores)))
    whole, asked = (pd.MultiIndex.from_frame(one_spelling(table)[key]) for table in (pairs, scores))
    trained_on = []
    for part in _folds(scores, covers=bool(whole.isin(asked).all())):
        train = np.flatnonzero(~whole.isin(asked[part]))
        _require_both_labels(label, features.label[train], source)
        trained_on.append(len(train))
        for place, baseline in enumerate(baselines):
            predicted[place, part] = baseline.predict(features, train, test[part])
    return _Predicted(test, predicted, trained_on)


def _explained(theirs: Interval, own: Interval, prevalence: float) -> float | None:
    """Return which share of a model's AUPR above the prevalence is theirs; None if the model may have none."""
    if own.low <= prevalence:
        return None
    return min(max((theirs.value - prevalence) / (own.value - prevalence), 0.0), 1.0)


def _folds(scores: pd.DataFrame, *, covers: bool) -> list[Rows]:
    """Return the rows of each fold, ascending; all rows as one unless the scores are a cross-validation's.

    A user's own column ``fold`` proves nothing: a cross-validation's holds the whole table, and chromosomes whole.
    """
    if not covers or "fold" not in scores or scores["fold"].isna().any():
        return [np.arange(len(scores))]
    if (scores.groupby(chromosomes(scores))["fold"].nunique() > 1).any():
        return [np.arange(len(scores))]
    return [np.sort(rows) for rows in scores.groupby("fold", sort=False).indices.values()]


def _match(pairs: pd.DataFrame, scores: pd.DataFrame, key: list[str], source: str) -> Rows:
    """Return for each row of ``scores`` a row of the table with the same pair, by its ``key``, and label."""
    whole, asked = (pd.MultiIndex.from_frame(one_spelling(table)[key]) for table in (pairs, scores))
    unknown = np.flatnonzero(~asked.isin(whole))
    if len(unknown):
        raise PairTableError(
            f"{source}: {len(unknown)} of {len(scores)} scored pairs are not in the audited table (rows count "
            f"from 0). {_CURE}",
            [_shown(scores, row) for row in unknown.tolist()],
        )
    whole_labelled, asked_labelled = (
        pd.MultiIndex.from_frame(one_spelling(table)[[*key, "label"]]) for table in (pairs, scores)
    )
    first = np.flatnonzero(~whole_labelled.duplicated())
    found = whole_labelled[first].get_indexer(asked_labelled)
    other = np.flatnonzero(found < 0)
    if len(other):
        raise PairTableError(
            f"{source}: {len(other)} of {len(scores)} scored pairs have another label in the audited table (rows "
            f"count from 0). {_CURE}",
            [f"{_shown(scores, row)}: label {scores['label'].iloc[row]}" for row in other.tolist()],
        )
    return first[found]


def _shown(pairs: pd.DataFrame, row: int) -> str:
    at = pairs.iloc[row]
    elements = (f"{role} {at[f'{role}_chrom']}:{at[f'{role}_start']}-{at[f'{role}_end']}" for role in ROLES)
    return f"row {row}: {', '.join(elements)}"


def _require_both_labels(scored: Ints, rest: Ints, source: str) -> None:
    if not len(rest):
        raise SplitError(
            f"{source} holds every pair of the audited table, so nothing is left to train the baselines on. Give "
            "the scores of a test part, the predictions of a cross-validation with their column 'fold', or the "
            "whole table that the model was trained and tested on."
        )
    for label, where in ((scored, f"the {len(scored)} pairs of {source}"), (rest, "the pairs that it lacks")):
        if len(np.unique(label)) < 2:
            raise SplitError(
                f"{where} all have label {label[0]}; both 0 and 1 are needed, in {source} and in the {len(rest)} "
                f"pairs of the audited table that it lacks, on which the baselines are trained. {_CURE}"
            )
