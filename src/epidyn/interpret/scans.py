"""One pair, scored as it is and with bases of either element replaced, whatever kind of model scores it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch

from epidyn.averaging import AveragedScorer
from epidyn.elements import ROLES, Codes, Role
from epidyn.interpret.mutagenesis import Floats, PairScan, Perturbations
from epidyn.scoring import NetworkScorer, Scorer, check_batch_size


class Scan(Protocol):
    """A pair that can be perturbed.

    Attributes
    ----------
    logit
        Of the pair as it is.
    """

    logit: float

    def logits(self, role: Role, perturbations: Perturbations) -> Floats:
        """Return the logit of the pair with each perturbation of one element, float64 (n,)."""
        ...


class WindowScan:
    """Scores each perturbed window as a whole; for models that read an element fast, and to compare others with.

    Parameters
    ----------
    scorer
        Of any kind.
    codes
        The pair's windows, uint8 (length,) for each role.
    batch_size
        Perturbations scored at once.
    """

    def __init__(self, scorer: Scorer, codes: dict[Role, Codes], *, batch_size: int = 64) -> None:
        check_batch_size(batch_size)
        self._scorer, self._codes, self._batch_size = scorer, codes, batch_size
        self._stems = {role: scorer.encode(role, codes[role][None]) for role in ROLES}
        self.logit = float(scorer.score(self._stems["enhancer"], self._stems["promoter"])[0])

    def logits(self, role: Role, perturbations: Perturbations) -> Floats:
        """Return the logit of the pair with each perturbation of one element, float64 (n,)."""
        found = [np.empty(0)]
        for at in range(0, len(perturbations), self._batch_size):
            several = slice(at, at + self._batch_size)
            batch = Perturbations(perturbations.offset[several], perturbations.bases[several])
            stems = {each: torch.cat([self._stems[each]] * len(batch)) for each in ROLES}
            stems[role] = self._scorer.encode(role, batch.apply(self._codes[role]))
            found.append(self._scorer.score(stems["enhancer"], stems["promoter"]).astype(np.float64))
        return np.concatenate(found)


class AveragedScan:
    """Averages the scans of two models as their scores are averaged; see :class:`WindowScan`."""

    def __init__(self, scorer: AveragedScorer, codes: dict[Role, Codes], *, batch_size: int = 64) -> None:
        self._mixture = scorer.mixture
        self._network = PairScan(scorer.network.network, codes, batch_size=batch_size)
        self._motif_pairs = WindowScan(scorer.motif_pairs, codes, batch_size=batch_size)
        self.logit = float(self._mixture(np.array(self._network.logit), np.array(self._motif_pairs.logit)))

    def logits(self, role: Role, perturbations: Perturbations) -> Floats:
        """Return the logit of the pair with each perturbation of one element, float64 (n,)."""
        scans = (self._network, self._motif_pairs)
        return self._mixture(*(scan.logits(role, perturbations) for scan in scans))


def make_scan(scorer: Scorer, codes: dict[Role, Codes], *, batch_size: int = 64) -> Scan:
    """Return the scan of a pair by a model; the fast one of its kind, if there is one."""
    if isinstance(scorer, NetworkScorer):
        return PairScan(scorer.network, codes, batch_size=batch_size)
    if isinstance(scorer, AveragedScorer):
        return AveragedScan(scorer, codes, batch_size=batch_size)
    return WindowScan(scorer, codes, batch_size=batch_size)
