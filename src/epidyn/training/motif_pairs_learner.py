"""A model of motif pairs, learning: scores of all elements, then terms."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from epidyn import metrics, progress
from epidyn.dataset import SplitData
from epidyn.elements import ROLES, Ints, distances, refuse_without_distance
from epidyn.errors import ConfigError, MatrixError
from epidyn.matrices import Matrix, digest, load_matrices, read_meme
from epidyn.motif_pairs import (
    COMPOSITION,
    DISTANCE,
    ElementFeatures,
    MotifPairsConfig,
    MotifPairsScorer,
    Sample,
    ScoreCache,
    Terms,
    fit,
)
from epidyn.stems import Windows
from epidyn.training.checkpoint import Save, TrainingState
from epidyn.training.config import MotifPairsSettings, RunConfig
from epidyn.training.inputs import RunInputs

log = logging.getLogger("epidyn")

_AT_ONCE = 1024  # elements

Part = Literal["train", "validation", "test"]
Features = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


class MotifPairsLearner:
    """Finds terms; see :class:`epidyn.training.learners.Learner`."""

    def __init__(self, config: RunConfig) -> None:
        self._settings = config.motif_pairs
        self._matrices = _matrices(self._settings)
        folder, sites = self._settings.score_cache, self._settings.sites
        self._cache = None if folder is None else ScoreCache(folder, self._matrices, sites=sites)
        self._terms: Terms | None = None
        self.scores: dict[str, float] = {}
        self.origin = {
            "motifs": f"{_source(self._settings)} ({len(self._matrices)}, sha256 {digest(self._matrices)})"
        }

    def restore(self, state: TrainingState) -> None:
        """Do nothing: no state is saved that there is to go on from."""

    def learn(self, inputs: RunInputs, state: TrainingState, save: Save) -> None:
        """Score the elements of training and validation part, and find the terms."""
        began = time.monotonic()
        config = self._config
        read = ElementFeatures(self._matrices, sites=config.sites, composition=config.composition)
        self._tell_of_wide_motifs()
        distance = self.distances(inputs) if config.distance else None
        features, parts = score_elements(read, inputs.data, ("train", "validation"), self._cache, distance)
        log.info("scores of %d elements for %d motifs", sum(map(len, features)), len(self._matrices))
        self._terms, path = fit(features, *parts, screened=self._settings.screened)
        self._report_terms(features, parts[1])
        state.seconds += time.monotonic() - began
        path.insert(0, "epoch", range(1, len(path) + 1))
        path.insert(1, "seconds", round(state.seconds, 3))  # of all penalties together
        state.history = [dict(zip(path.columns[:-1], row, strict=False)) for row in path.to_numpy().tolist()]
        state.epoch, state.best_epoch = len(path), int(path["kept"].argmax()) + 1
        state.best_loss = float(path["val_loss"].min())
        state.precision, state.finished = "32", True

    def _tell_of_wide_motifs(self) -> None:
        """Warn of motifs that an element's window cannot hold."""
        for role, length in (
            ("enhancer", self._config.enhancer_length),
            ("promoter", self._config.promoter_length),
        ):
            wide = [each.id for each in self._matrices if len(each.frequencies) > length]
            if wide:
                log.warning(
                    "motifs wider than the %s's window of %d bases, which have no sites there: %s",
                    *(role, length, ", ".join(wide)),
                )

    def distances(self, inputs: RunInputs) -> npt.NDArray[np.float64]:
        """Return the distance of each row of the table, if it may be a term; otherwise zeros."""
        if not self._settings.distance:
            return np.zeros(len(inputs.pairs))
        refuse_without_distance(inputs.pairs)
        return distances(inputs.pairs)

    def _report_terms(self, features: Features, validation: Sample) -> None:
        """Score the validation part by the terms of motifs alone, and say so where there are others."""
        assert self._terms is not None
        of_motifs = self._terms.among(np.arange(len(self._matrices)))
        self.scores = {
            "motifs_val_auroc": metrics.auroc(validation.label, _logits(of_motifs, features, validation))
        }
        others = len(self._terms.ranked()) - len(of_motifs.ranked())
        if others:
            log.info(
                "%d terms are of composition or distance; without them, validation AUROC %.3f",
                others,
                self.scores["motifs_val_auroc"],
            )

    def scorer(self, state: TrainingState) -> MotifPairsScorer:
        """Return the terms found, with the motifs that they hold."""
        assert self._terms is not None
        return MotifPairsScorer.of(self._config, self._matrices, self._terms)

    def best(self, state: TrainingState) -> dict[str, float]:
        """Return the row of what is kept, and what its terms of motifs alone score."""
        return {**state.best_row(), **self.scores}

    def words(self, state: TrainingState) -> str:
        """Return how many terms there are."""
        assert self._terms is not None
        singles = int((self._terms.singles != 0).sum())
        distance = "" if self._terms.distance is None else ", and the distance"
        return f"products {len(self._terms.pairs)}, single scores {singles}{distance}"

    @property
    def _config(self) -> MotifPairsConfig:
        return MotifPairsConfig(**self._settings.model_dump(include=set(MotifPairsConfig.model_fields)))


def _matrices(settings: MotifPairsSettings) -> list[Matrix]:
    if settings.motifs is None:
        return load_matrices(settings.jaspar_release, settings.jaspar_collections)
    if settings.jaspar_release != MotifPairsSettings().jaspar_release:
        raise ConfigError("motif_pairs.jaspar_release has no effect with motifs of a file. Leave one out.")
    matrices = read_meme(settings.motifs)
    reserved = [each.id for each in matrices if each.id in (COMPOSITION, DISTANCE)]
    if reserved:
        raise MatrixError(
            f"motif file {settings.motifs} has motifs of names that other terms have. Give them other names:",
            reserved,
        )
    return matrices


def _source(settings: MotifPairsSettings) -> str:
    if settings.motifs is not None:
        return Path(settings.motifs).name
    return " ".join([settings.jaspar_release, *settings.jaspar_collections])


def _logits(terms: Terms, features: Features, pairs: Sample) -> npt.NDArray[np.float64]:
    """Return what terms make of pairs; without the distance."""
    rows = (pairs.enhancer, pairs.promoter)
    return terms.logits(*(terms.standardised(role, features[role][rows[role]]) for role in (0, 1)))


def score_elements(
    read: ElementFeatures,
    data: SplitData,
    parts: Sequence[Part],
    cache: ScoreCache | None = None,
    distance: npt.NDArray[np.float64] | None = None,
) -> tuple[Features, list[Sample]]:
    """Score the distinct windows of some parts of a split.

    Parameters
    ----------
    read
        What scores them.
    data
        The split's samples.
    parts
        Which parts.
    cache
        Where motif scores are looked up, and kept.
    distance
        Of each row of the table, if it may be a term.

    Returns
    -------
    tuple of two float32 arrays (windows, features)
        Of enhancers and of promoters.
    list of Sample
        The pairs of each part, as rows of these.
    """
    samples = [getattr(data, part) for part in parts]
    ends = np.cumsum([len(each) for each in samples])[:-1]
    features, rows = {}, {}
    for role in ROLES:
        positions = np.concatenate([getattr(each, role) for each in samples])
        windows = Windows(data.store, role, positions)
        features[role], number = _features(read, windows, cache), windows.number
        rows[role] = np.split(number, ends)
    labels = [each.label.astype(np.int64) for each in samples]
    apart = [None if distance is None else distance[each.row] for each in samples]
    found = [Sample(*each) for each in zip(rows["enhancer"], rows["promoter"], labels, apart, strict=True)]
    return (features["enhancer"], features["promoter"]), found


def _features(read: ElementFeatures, windows: Windows, cache: ScoreCache | None) -> npt.NDArray[np.float32]:
    """Return the features of distinct windows, (windows, features)."""
    features = np.empty((len(windows), len(read.names)), dtype=np.float32)
    new = np.arange(len(windows))
    with progress.bar(f"Scoring {windows.role}s for motifs", len(windows)) as advance:
        if cache is not None:
            known, scores = cache.find(windows.keys)
            for several in _blocks(np.arange(len(known))):
                features[known[several]] = read(windows.codes(known[several]), scores[several])
                advance(len(several))
            new = np.setdiff1d(new, known)
        for several in _blocks(new):
            codes = windows.codes(several)
            scores = read.motif_scores(codes)
            features[several] = read(codes, scores)
            if cache is not None:
                cache.add([windows.keys[number] for number in several], scores)
            advance(len(several))
    return features


def _blocks(numbers: Ints) -> Iterator[Ints]:
    for at in range(0, len(numbers), _AT_ONCE):
        yield numbers[at : at + _AT_ONCE]
