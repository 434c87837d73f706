"""Network and motif pairs, learning one after the other, and then how to average them."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from epidyn import metrics
from epidyn.averaging import AveragedScorer, Mixture, fit_mixture
from epidyn.dataset import SplitData
from epidyn.scoring import Logits, Scorer, window_logits
from epidyn.training.checkpoint import Save, TrainingState
from epidyn.training.config import RunConfig
from epidyn.training.inputs import RunInputs, of_other_settings
from epidyn.training.motif_pairs_learner import MotifPairsLearner
from epidyn.training.network_learner import NetworkLearner

log = logging.getLogger("epidyn")


class BothLearner:
    """Trains both; see :class:`epidyn.training.learners.Learner`.

    The motif pairs, which take a minute, are not kept in a checkpoint but found again after a kill.
    """

    def __init__(self, config: RunConfig) -> None:
        self._settings, self._config_of_pairs = config.training, config.of_motif_pairs()
        self._network = NetworkLearner(config)
        self._pairs = MotifPairsLearner(self._config_of_pairs)
        self._mixture: Mixture | None = None
        self._scores: dict[str, float] = {}
        self.origin = self._network.origin | self._pairs.origin

    def restore(self, state: TrainingState) -> None:
        """Take up the network's weights."""
        self._network.restore(state)

    def learn(self, inputs: RunInputs, state: TrainingState, save: Save) -> None:
        """Find the terms, train the network, and choose lines and weight on the validation part."""
        pairs, whole = of_other_settings(inputs, self._config_of_pairs), TrainingState()
        self._pairs.learn(pairs, whole, lambda _: None)
        state.seconds += whole.seconds
        if not state.network_finished:
            self._network.learn(inputs, state, lambda now: save(_unfinished(now)))
        self._choose(pairs, state, whole, prevalence=float(inputs.data.train.label.mean(dtype=np.float64)))
        state.finished = True

    def _choose(self, inputs: RunInputs, state: TrainingState, whole: TrainingState, *, prevalence: float) -> None:
        """Fit the mixture on the validation part, each pair once."""
        data = inputs.data
        labels = data.validation.label.astype(np.int64)
        distance = self._pairs.distances(inputs)[data.validation.row]
        network, pairs = (
            self._logits(scorer, data) + scorer.of_distance(distance)
            for scorer in (self._network.scorer(state), self._pairs.scorer(whole))
        )
        self._mixture, loss = fit_mixture(network, pairs, labels, prevalence=prevalence)
        averaged = self._mixture(network, pairs)
        self._scores = {
            "val_loss": loss,
            "val_auroc": metrics.auroc(labels, averaged),
            "val_aupr": metrics.aupr(labels, averaged),
            "network_val_auroc": metrics.auroc(labels, network),
            "motif_pairs_val_auroc": metrics.auroc(labels, pairs),
            "weight": self._mixture.weight,
            **self._pairs.scores,
        }

    def _logits(self, scorer: Scorer, data: SplitData) -> Logits:
        part = data.validation
        return window_logits(
            scorer, data.store, part.enhancer, part.promoter, batch_size=self._settings.batch_size
        )

    def scorer(self, state: TrainingState) -> Scorer:
        """Return both; the network alone if training ended before they were averaged."""
        network = self._network.scorer(state)
        if self._mixture is None:
            return network
        return AveragedScorer(network, self._pairs.scorer(state), self._mixture)

    def best(self, state: TrainingState) -> dict[str, float]:
        """Return the scores of what is kept on the validation part."""
        return {**self._network.best(state), **self._scores}

    def words(self, state: TrainingState) -> str:
        """Return what was kept of either, and the weight."""
        weight = "" if self._mixture is None else f"; weight of the network {self._mixture.weight:.2f}"
        return f"{self._network.words(state)}; {self._pairs.words(state)}{weight}"


def _unfinished(state: TrainingState) -> TrainingState:
    """Return a state whose network may be finished, while the run is not: the average is still to come."""
    return replace(state, finished=False, network_finished=state.finished)
