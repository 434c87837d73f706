"""One pair, scored as it is and with bases of either element replaced, whatever kind of model scores it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch

from epidyn.elements import ROLES, Codes, Role
from epidyn.interpret.mutagenesis import Floats, PairScan, Perturbations
from epidyn.model import Model
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


_SCANS: dict[str, Callable[[Model, dict[Role, Codes], int], Scan]] = {
    NetworkScorer.kind: lambda model, codes, size: PairScan(model.network, codes, batch_size=size),
}


def make_scan(model: Model, codes: dict[Role, Codes], *, batch_size: int = 64) -> Scan:
    """Return the scan of a pair by a model; the fast one of its kind, if there is one."""
    fast = _SCANS.get(model.scorer.kind)
    return (
        WindowScan(model.scorer, codes, batch_size=batch_size) if fast is None else fast(model, codes, batch_size)
    )
