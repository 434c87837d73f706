"""How the terms of motif pairs may be chosen: `python benchmarks/term_choice.py --out DIR [--seeds N]`.

Pairs are simulated and scored as in `motif_pairs.py` (3,000 for training, 500 for validation, 1,000 on two
chromosomes held out), under the pairing rule, the presence rule, and half of each. Each way reads the same 1,000
screened products and all single scores, standardised over the training part, and what it leaves open is chosen by
the log loss on the validation part:

- relaxed lasso: what `epidyn.motif_pairs.fit` does; and the same with the distance as a term, and without G+C
- lasso: its terms with its own weights, 14 penalties
- elastic net: half and a tenth of the penalty squared, 14 penalties each
- ridge: all columns, five penalties
- stability selection (Meinshausen and Bühlmann 2010; complementary halves, Shah and Samworth 2013): the first 30
  columns that enter the lasso's path on each of 50 halves; those in a share of the halves of 0.4 to 0.9 are fitted
- sparse factors, no single scores: up to 12 products of a weighted sum of 5, 15 or 50 scores of the enhancer and
  one of the promoter, from the covariance of products and label (truncated power method, Yuan and Zhang 2013, and
  deflation), fitted by logistic regression
- boosted trees: 300 products and all single scores, 31 leaves, stopped by the validation part

Printed, and in DIR/term_choice.csv: AUROC on the held-out chromosomes for each seed, and the mean. One thread.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from skglm.datafits import Logistic
from skglm.penalties import L1_plus_L2
from skglm.solvers import ProxNewton
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from epidyn import metrics, progress
from epidyn.files import write_table
from epidyn.matrices import load_matrices
from epidyn.motif_pairs import SCREENED, Sample, fit
from motif_pairs import Features, auroc, known_matrices, scored

RULES = {
    "pairing": {"pairing": 1.0},
    "presence": {"presence": 1.0},
    "half": {"pairing": 0.5, "presence": 0.5},
}
PENALTIES = np.geomspace(1, 0.03, 14)
FACTORED, RANKS = (5, 15, 50), 12
HALVES, ENTER, SHARES = 50, 30, (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Data:
    """Columns, (pairs, columns), the products first, and labels of training, validation and test part."""

    products: int
    columns: list[np.ndarray]
    labels: list[np.ndarray]


def standardised(values: np.ndarray, over: np.ndarray) -> np.ndarray:
    """Return columns less the mean of these rows, over their spread; 0 where it is none."""
    spread = over.std(axis=0)
    return np.asarray((values - over.mean(axis=0)) / np.where(spread > 1e-6, spread, np.inf))


def elements(features: Features, train: Sample) -> Features:
    """Return scores standardised over the distinct elements of the training part."""
    rows = (train.enhancer, train.promoter)
    each = [standardised(of, of[np.unique(at)]) for of, at in zip(features, rows, strict=True)]
    return each[0], each[1]


def covariances(scores: Features, train: Sample) -> np.ndarray:
    """Return the covariance with the label, times the pairs, of each product, (features, features)."""
    centred = train.label - train.label.mean()
    return np.asarray((scores[0][train.enhancer] * centred[:, None]).T @ scores[1][train.promoter])


def lay_out(scores: Features, parts: list[Sample]) -> Data:
    """Return the products of greatest covariance with the label, the strongest first, then all single scores."""
    covariance = np.abs(covariances(scores, parts[0]))
    first, second = np.unravel_index(
        np.argsort(-covariance, axis=None, kind="stable")[:SCREENED], covariance.shape
    )
    columns = []
    for part in parts:
        left, right = scores[0][part.enhancer], scores[1][part.promoter]
        columns.append(np.hstack([left[:, first] * right[:, second], left, right]).astype(np.float64))
    columns = [np.asfortranarray(standardised(each, columns[0])) for each in columns]
    return Data(len(first), columns, [each.label for each in parts])


def path(columns: np.ndarray, label: np.ndarray, ratio: float) -> Iterator[tuple[np.ndarray, float]]:
    """Yield weights and intercept under falling penalties; ``ratio`` is the share of the L1 part."""
    sign = np.where(label > 0, 1.0, -1.0)
    greatest = np.abs(columns.T @ (label - label.mean()) / len(label)).max() / ratio
    state = np.zeros(columns.shape[1] + 1)
    solver = ProxNewton(fit_intercept=True, tol=1e-4, warm_start=True, max_iter=100)
    for penalty in PENALTIES:
        start = columns @ state[:-1] + state[-1]
        state, _, _ = solver.solve(columns, sign, Logistic(), L1_plus_L2(penalty * greatest, ratio), state, start)
        yield state[:-1].copy(), float(state[-1])


def chosen(data: Data, models: list[Callable[[np.ndarray], np.ndarray]]) -> float:
    """Return the test AUROC of the model, columns to logits, that has the lowest loss on the validation part."""
    losses = [log_loss(data.labels[1], 1 / (1 + np.exp(-model(data.columns[1])))) for model in models]
    return metrics.auroc(data.labels[2], models[int(np.argmin(losses))](data.columns[2]))


def linear(weights: np.ndarray, intercept: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return logits as a function of columns."""
    return lambda columns: columns @ weights + intercept


def refitted(data: Data, support: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return the logistic regression on some columns, almost without a penalty."""
    if not len(support):
        return lambda columns: np.zeros(len(columns))
    return LogisticRegression(max_iter=1000).fit(data.columns[0][:, support], data.labels[0]).decision_function


def penalised(data: Data, *ratios: float) -> float:
    """The lasso (ratio 1) or elastic net, with its own weights."""
    found = [each for ratio in ratios for each in path(data.columns[0], data.labels[0], ratio)]
    return chosen(data, [linear(*each) for each in found])


def ridge(data: Data) -> float:
    """Logistic regression on all columns."""
    fits = [LogisticRegression(C=strength, max_iter=2000) for strength in (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)]
    return chosen(data, [each.fit(data.columns[0], data.labels[0]).decision_function for each in fits])


def stability(data: Data) -> float:
    """Columns that many halves of the training part ask for, fitted on all of it."""
    rng = np.random.default_rng(0)
    often = np.zeros(data.columns[0].shape[1])
    for _ in range(HALVES // 2):
        for half in np.array_split(rng.permutation(len(data.labels[0])), 2):
            entered = np.zeros(0, dtype=np.int64)
            for weights, _ in path(np.asfortranarray(data.columns[0][half]), data.labels[0][half], 1.0):
                new = np.setdiff1d(np.flatnonzero(weights), entered)
                entered = np.concatenate([entered, new[np.argsort(-np.abs(weights[new]))]])
                if len(entered) >= ENTER:
                    break
            often[entered[:ENTER]] += 1
    models = []
    for share in SHARES:
        support = np.flatnonzero(often >= share * HALVES)
        model = refitted(data, support)
        models.append(
            (lambda columns, of=support, by=model: by(columns[:, of])) if len(support) else model  # type: ignore
        )
    return chosen(data, models)


def factors(scores: Features, parts: list[Sample]) -> float:
    """Products of sparse weighted sums of either element's scores."""
    labels = [part.label for part in parts]
    fits: list[Callable[[np.ndarray], np.ndarray]] = []
    columns = [np.empty((len(part.label), 0)) for part in parts]
    for kept in FACTORED:
        rest, found = covariances(scores, parts[0]), []
        for rank in range(1, RANKS + 1):
            left, right = leading(rest, kept)
            rest = rest - (left @ rest @ right) * np.outer(left, right)
            found.append([(scores[0][p.enhancer] @ left) * (scores[1][p.promoter] @ right) for p in parts])
            held = [np.stack(each, axis=1) for each in zip(*found, strict=True)]
            first = columns[0].shape[1]
            columns = [np.hstack([a, standardised(b, held[0])]) for a, b in zip(columns, held, strict=True)]
            these = np.arange(first, first + rank)
            model = LogisticRegression(max_iter=1000).fit(columns[0][:, these], labels[0])
            fits.append(lambda every, of=these, by=model: by.decision_function(every[:, of]))  # type: ignore
    return chosen(Data(0, columns, labels), fits)


def leading(matrix: np.ndarray, kept: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first pair of singular vectors that have so many entries each."""
    right = np.linalg.svd(matrix)[2][0]
    for _ in range(50):
        left = few(matrix @ right, kept)
        right = few(matrix.T @ left, kept)
    return left, right


def few(vector: np.ndarray, kept: int) -> np.ndarray:
    """Return a vector of length 1 of the greatest entries."""
    cut = np.where(np.abs(vector) >= np.sort(np.abs(vector))[-min(kept, len(vector))], vector, 0.0)
    return np.asarray(cut / np.linalg.norm(cut))


def boosted(data: Data) -> float:
    """Gradient-boosted trees."""
    columns = np.r_[0 : min(300, data.products), data.products : data.columns[0].shape[1]]
    best, least = 0.5, np.inf
    for rate in (0.03, 0.1):
        model = HistGradientBoostingClassifier(learning_rate=rate, max_iter=300, random_state=0)
        model.fit(data.columns[0][:, columns], data.labels[0])
        stages = [each[:, 1] for each in model.staged_predict_proba(data.columns[1][:, columns])]
        losses = [log_loss(data.labels[1], each) for each in stages]
        if min(losses) < least:
            least = min(losses)
            tested = list(model.staged_predict_proba(data.columns[2][:, columns]))[int(np.argmin(losses))]
            best = metrics.auroc(data.labels[2], tested[:, 1])
    return best


def ours(features: Features, parts: list[Sample]) -> dict[str, float]:
    """What the package does, and its terms that can be switched."""
    test = parts[2]
    bare = tuple(np.ascontiguousarray(each[:, :-1]) for each in features)  # G+C is the last
    terms = fit(features, *parts[:2])[0]
    # No simulated rule knows of a distance: drawn, so that it must be found to say nothing.
    rng = np.random.default_rng(0)
    far = [replace(part, distance=10 ** rng.uniform(3.5, 6, len(part.label))) for part in parts]
    with_distance = fit(features, *far[:2])[0]
    rows = (test.enhancer, test.promoter)
    logits = with_distance.logits(*(with_distance.standardised(at, features[at][rows[at]]) for at in (0, 1)))
    logits = logits + with_distance.of_distance(far[2].distance)
    return {
        "relaxed lasso": auroc(terms, features, test),
        "with a distance that says nothing": metrics.auroc(test.label, logits),
        "without G+C": auroc(fit(bare, *parts[:2])[0], bare, test),
    }


WAYS: dict[str, Callable[[Data], float]] = {
    "lasso": lambda data: penalised(data, 1.0),
    "elastic net": lambda data: penalised(data, 0.5, 0.9),
    "ridge": ridge,
    "stability selection": stability,
    "boosted trees": boosted,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--quick", action="store_true", help="one seed, few pairs: that it runs, not what it finds"
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    progress.quiet()
    given.out.mkdir(parents=True, exist_ok=True)
    matrices = known_matrices() if given.quick else load_matrices(collections=["CORE"])
    found = []
    for seed in range(1 if given.quick else given.seeds):
        for rule, settings in RULES.items():
            features, parts, _ = scored(settings, seed, matrices, given.quick)
            scores = elements(features, parts[0])
            data = lay_out(scores, parts)
            values = {**ours(features, parts), **{name: way(data) for name, way in WAYS.items()}}
            values["sparse factors"] = factors(scores, parts)
            found += [{"rule": rule, "seed": seed, "way": name, "auroc": value} for name, value in values.items()]
            print(rule, seed, *(f"{name} {value:.3f}" for name, value in values.items()), sep=", ", flush=True)
            write_table(given.out / "term_choice.csv", pd.DataFrame(found), "%.4f")
    table = pd.DataFrame(found).pivot_table(index="way", columns="rule", values="auroc", sort=False)
    print(table.round(3).to_string())


if __name__ == "__main__":
    main()
