"""What a model of motif pairs reads of one element: a score for each motif, and the share of G and C."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from epidyn.kmers import N_CODE
from epidyn.matrices import BACKGROUND, Matrix
from epidyn.motif_scores import MotifScanner, SitesCount

Codes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

COMPOSITION = "G+C"
_C, _G = 1, 2
_UNKNOWN = BACKGROUND[_C] + BACKGROUND[_G]  # the share of an element of N


class ElementFeatures:
    """Numbers that describe elements.

    Parameters
    ----------
    matrices
        The motifs.
    sites
        How many of an element's best sites are added up, 1 to 4, or ``all``.
    composition
        Whether the share of G and C is one of the numbers, the last.

    Attributes
    ----------
    names
        What each number is of: ids of matrices, ``G+C``.
    """

    def __init__(self, matrices: Sequence[Matrix], *, sites: SitesCount, composition: bool) -> None:
        self.names = [each.id for each in matrices] + [COMPOSITION] * composition
        self._scanner = MotifScanner([each.log_odds() for each in matrices], sites=sites) if matrices else None
        self._composition = composition

    def motif_scores(self, codes: Codes) -> Floats:
        """Return scores for the motifs, float32 (n, motifs), of base codes, uint8 (n, length)."""
        return (
            np.empty((len(codes), 0), dtype=np.float32) if self._scanner is None else self._scanner.scores(codes)
        )

    def __call__(self, codes: Codes, scores: Floats | None = None) -> Floats:
        """Return the numbers of elements, float32 (n, names), of their base codes, uint8 (n, length).

        ``scores`` are those for the motifs, where they are known.
        """
        columns = [self.motif_scores(codes) if scores is None else scores]
        if self._composition:
            columns.append(self.composition(codes)[:, None])
        return np.hstack(columns)

    @staticmethod
    def composition(codes: Codes) -> Floats:
        """Return the share of G and C among the known bases, float32 (n,); the genome's where none is known."""
        known = (codes < N_CODE).sum(axis=1)
        share = np.isin(codes, (_C, _G)).sum(axis=1) / np.maximum(known, 1)
        return np.asarray(np.where(known > 0, share, _UNKNOWN), dtype=np.float32)
