"""What differs between kinds of models while they are trained, behind one small interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from epidyn.scoring import Scorer
from epidyn.training.both_learner import BothLearner
from epidyn.training.checkpoint import Save, TrainingState
from epidyn.training.config import RunConfig
from epidyn.training.inputs import RunInputs
from epidyn.training.motif_pairs_learner import MotifPairsLearner
from epidyn.training.network_learner import NetworkLearner


class Learner(Protocol):
    """One kind of model on its way from samples to what scores; made from a :class:`RunConfig`.

    Attributes
    ----------
    origin
        What it starts from, in words, under the name of that field of :class:`epidyn.model.Provenance`.
    """

    origin: dict[str, str]

    def restore(self, state: TrainingState) -> None:
        """Take up a state that was saved; raises ModelFileError if it is of another model."""
        ...

    def learn(self, inputs: RunInputs, state: TrainingState, save: Save) -> None:
        """Train from where ``state`` is to the end: its history, best row (``best_epoch``) and seconds.

        ``save`` is called with each state that :meth:`restore` can go on from; a kind that is done in a minute
        calls it never.
        """
        ...

    def scorer(self, state: TrainingState) -> Scorer:
        """Return what scored best on the validation part, on the CPU."""
        ...

    def best(self, state: TrainingState) -> dict[str, float]:
        """Return what that scored there: ``val_loss``, ``val_auroc``, ``val_aupr``, and what else is known."""
        ...

    def words(self, state: TrainingState) -> str:
        """Return what was kept, in words."""
        ...


_LEARNERS: dict[str, Callable[[RunConfig], Learner]] = {
    "network": NetworkLearner,
    "motif-pairs": MotifPairsLearner,
    "both": BothLearner,
}


def make_learner(config: RunConfig) -> Learner:
    """Return the learner of a run's kind of model.

    Raises
    ------
    EpidynError
        As what it starts from, k-mer vectors, a model or motifs, cannot be used.
    """
    return _LEARNERS[config.training.model](config)
