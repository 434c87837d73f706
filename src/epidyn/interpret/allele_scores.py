"""Scores of pairs with and without an allele."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from epidyn.elements import ROLES, Codes, Ints, Role
from epidyn.genome import Genome
from epidyn.interpret.allele_windows import PairWindows, Placed, with_allele
from epidyn.model import Model
from epidyn.stems import DEFAULT_STEM_MEMORY

ALLELE = ("chrom", "position", "id", "ref", "alt")
SCORES = tuple(f"{of}_{score}" for score in ("logit", "probability") for of in ("reference", "alternate"))
CHANGES = ("logit_change", "probability_change")
_NAMES = ("enhancer_name", "promoter_name", "gene")


class PairScorer:
    """Scores pairs with and without an allele; what does not change is computed once while memory lasts."""

    def __init__(self, model: Model, pairs: pd.DataFrame, genome: Genome, batch_size: int) -> None:
        self._model, self._genome, self._batch_size = model, genome, batch_size
        self._windows = PairWindows(model, pairs, genome)
        self._pairs = pairs.index.to_numpy()
        self._of_distance = model.distance_logits(pairs)
        self.names = [name for name in _NAMES if name in pairs]
        self._named = pairs[self.names].astype(str).to_numpy()
        self._reference = np.full(len(pairs), np.nan, dtype=np.float32)  # of windows, once it is known
        room = max(DEFAULT_STEM_MEMORY // max(model.scorer.stem_bytes.values()), 2 * batch_size)
        self._stem = lru_cache(maxsize=room)(self._encode_reference)

    def touched(self, chrom: str, start: int, gone: int) -> tuple[dict[Role, Ints], Ints]:
        """Return the windows of each role that a change is inside of, and the rows of their pairs."""
        touched = {role: self._windows.touched(role, chrom, start, gone) for role in ROLES}
        rows = [self._windows.rows(role, numbers) for role, numbers in touched.items()]
        return touched, np.unique(np.concatenate(rows))

    def rows(self, batch: list[Placed]) -> Iterator[list[Any]]:
        """Yield a row for each allele and pair: allele, pair, role, names, ``SCORES`` and ``CHANGES``."""
        changed = self._encode_changed(batch)
        which = [(number, row) for number, placed in enumerate(batch) for row in placed.rows.tolist()]
        self._know_references(sorted({row for _, row in which}))
        alternate = np.concatenate(
            [
                self._score(
                    [self._stems(number, row, changed) for number, row in which[at : at + self._batch_size]]
                )
                for at in range(0, len(which), self._batch_size)
            ]
        )
        of_pair = [row for _, row in which]
        reference = self._reference[of_pair] + self._of_distance[of_pair]
        alternate += self._of_distance[of_pair]
        scores = [reference, alternate, *(self._model.probabilities(each) for each in (reference, alternate))]
        for place, (number, row) in enumerate(which):
            placed, numbers = batch[number], [float(each[place]) for each in scores]
            inside = [role for role in ROLES if self._windows.number[role][row] in placed.touched[role]]
            changes = [numbers[1] - numbers[0], numbers[3] - numbers[2]]
            yield [
                *(getattr(placed.allele, name) for name in ALLELE),
                self._pairs[row],
                "both" if len(inside) == 2 else inside[0],
                *self._named[row],
                *(f"{number:.7g}" for number in (*numbers, *changes)),
            ]

    def _encode_changed(self, batch: list[Placed]) -> dict[tuple[int, Role, int], Tensor]:
        """Return the stem of each touched window with its allele, by allele, role and window."""
        found: dict[tuple[int, Role, int], Tensor] = {}
        for role in ROLES:
            keys = [
                (number, window) for number, each in enumerate(batch) for window in each.touched[role].tolist()
            ]
            for at in range(0, len(keys), self._batch_size):
                several = keys[at : at + self._batch_size]
                codes = np.stack([self._changed_codes(role, batch[number], window) for number, window in several])
                stems = self._model.scorer.encode(role, codes)
                found |= {
                    (number, role, window): stem for (number, window), stem in zip(several, stems, strict=True)
                }
        return found

    def _changed_codes(self, role: Role, placed: Placed, window: int) -> Codes:
        start, size = int(self._windows.start[role][window]), self._windows.lengths[role]
        return with_allele(self._genome, placed.chrom, start, size, placed.start, placed.gone, placed.come)

    def _encode_reference(self, role: Role, window: int) -> Tensor:
        start, size = int(self._windows.start[role][window]), self._windows.lengths[role]
        codes = self._genome.fetch(str(self._windows.chrom[role][window]), start, start + size)
        return self._model.scorer.encode(role, codes[None])[0]

    def _stems(
        self, number: int, row: int, changed: Mapping[tuple[int, Role, int], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return both stems of a pair under an allele; under none if ``changed`` is empty."""
        found = []
        for role in ROLES:
            window = int(self._windows.number[role][row])
            stem = changed.get((number, role, window))
            found.append(self._stem(role, window) if stem is None else stem)
        return found[0], found[1]

    def _know_references(self, rows: Iterable[int]) -> None:
        unknown = [row for row in rows if np.isnan(self._reference[row])]
        for at in range(0, len(unknown), self._batch_size):
            several = unknown[at : at + self._batch_size]
            self._reference[several] = self._score([self._stems(0, row, {}) for row in several])

    def _score(self, stems: list[tuple[Tensor, Tensor]]) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            enhancer, promoter = (torch.stack(each) for each in zip(*stems, strict=True))
        return self._model.scorer.score(enhancer, promoter)
