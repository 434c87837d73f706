"""The motifs that can be planted: JASPAR matrices that ship with the package, and drawing from them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from epidyn.matrices import BACKGROUND, read_meme

Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Motif:
    """A matrix.

    Parameters
    ----------
    matrix
        Its JASPAR accession, for example ``MA0476.1``.
    family
        Its class, for example ``AP-1``; a decoy's own name.
    frequencies
        Share of A, C, G, T at each position, shape ``(width, 4)``; rows add up to 1.
    """

    matrix: str
    family: str
    frequencies: npt.NDArray[np.float64]

    def sample(self, rng: np.random.Generator, count: int) -> Codes:
        """Draw ``count`` instances, each position for itself: base codes of shape ``(count, width)``."""
        upper = self.frequencies.cumsum(axis=1)[:, :3]
        drawn = rng.random((count, len(upper), 1))
        codes: Codes = (drawn >= upper).sum(axis=2, dtype=np.uint8)
        return codes

    def relative_score(self, instances: Codes) -> npt.NDArray[np.int64]:
        """Return 1000 times each instance's log-odds score as a share of the best possible, 0 at the lowest.

        Parameters
        ----------
        instances
            Base codes on the strand of the motif, shape ``(count, width)``, drawn by :meth:`sample`.
        """
        odds = self.frequencies / np.array(BACKGROUND)
        log_odds = np.log2(odds, out=np.full_like(odds, -np.inf), where=odds > 0)
        scores = log_odds[np.arange(len(log_odds)), instances].sum(axis=1)
        relative: npt.NDArray[np.float64] = np.maximum(0, scores) / log_odds.max(axis=1).sum()
        return np.rint(1000 * relative).astype(np.int64)


@dataclass(frozen=True)
class MotifSet:
    """All motifs that ship.

    Parameters
    ----------
    enhancer, promoter
        The matrix that an enhancer and a promoter of each class carry, in the order of the classes.
    decoys
        Motifs of no class.
    families
        The family table as it ships: what is planted, and what counts as the same class.
    """

    enhancer: tuple[Motif, ...]
    promoter: tuple[Motif, ...]
    decoys: tuple[Motif, ...]
    families: dict[str, Any]

    def planted(self, number: int, role: str) -> Motif:
        """Return the motif that elements of ``role`` in class ``number`` carry."""
        return self.enhancer[number] if role == "enhancer" else self.promoter[number]


@cache
def load_motifs() -> MotifSet:
    """Read the motifs and the family table that ship with the package.

    They are of JASPAR 2020 CORE vertebrates (CC BY 4.0; Fornes et al., Nucleic Acids Research 48:D87, 2020).
    """
    folder = resources.files("epidyn") / "data"
    with resources.as_file(folder / "simulation_motifs.meme") as path:
        matrices = {each.id: each.frequencies for each in read_meme(path)}
    table = json.loads((folder / "simulation_families.json").read_text(encoding="utf-8"))

    def motif(matrix: str, family: str) -> Motif:
        return Motif(matrix, family, matrices[matrix])

    families = table["families"]
    return MotifSet(
        enhancer=tuple(motif(family["enhancer"], family["name"]) for family in families),
        promoter=tuple(motif(family["promoter"], family["name"]) for family in families),
        decoys=tuple(motif(decoy["matrix"], decoy["name"]) for decoy in table["decoys"]),
        families=table,
    )
