"""Scores of pairs in blocks that follow the genome, each element read as seldom as memory allows."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from epidyn import windows
from epidyn.elements import Codes, Ints, Role
from epidyn.genome import Genome
from epidyn.model import Model
from epidyn.progress import Advance
from epidyn.scan.plan import Plan
from epidyn.scoring import Logits, check_batch_size, refuse_unfinite
from epidyn.stems import DEFAULT_STEM_MEMORY


class BlockScorer:
    """Scores blocks of a plan's pairs.

    Stems of enhancers are computed in runs of ``batch_size`` neighbours and kept while they fit into
    ``stem_memory``; those of promoters are kept for one block. What is computed together depends on the plan
    alone, not on what was scored before: so a block's scores are the same bits in a call that begins with it, on
    one machine with the same threads. (:class:`epidyn.stems.StemCache` computes together what is missing at the
    moment, and libraries round a batch of another size otherwise.)

    Parameters
    ----------
    model, genome, plan
        What scores, and what.
    batch_size
        Windows encoded, and pairs scored, at once; at least 1.
    stem_memory
        Bytes for stems of enhancers; at least one run is kept.

    Attributes
    ----------
    encoded
        Elements read so far; one that had to be dropped and is needed again counts again.
    """

    def __init__(
        self, model: Model, genome: Genome, plan: Plan, *, batch_size: int, stem_memory: int = DEFAULT_STEM_MEMORY
    ) -> None:
        check_batch_size(batch_size)
        self._scorer, self._genome, self._batch_size = model.scorer, genome, batch_size
        self._elements: dict[Role, pd.DataFrame] = {"enhancer": plan.enhancers, "promoter": plan.promoters}
        self._starts: dict[Role, Ints] = {role: self._window_starts(role) for role in self._elements}
        run_bytes = batch_size * self._scorer.stem_bytes["enhancer"]
        self._enhancer_run = lru_cache(maxsize=max(1, stem_memory // run_bytes))(self._encode_run)
        self.encoded = 0

    def logits(self, enhancer: Ints, promoter: Ints, advance: Advance) -> Logits:
        """Score a block.

        Parameters
        ----------
        enhancer, promoter
            The pairs as numbers in the plan, int64 (n,), at least one.
        advance
            Told of each batch of pairs.

        Returns
        -------
        float32 (n,), in the order given.

        Raises
        ------
        ModelFileError
            If a score is no finite number.
        """
        first = int(promoter.min())
        promoters = self._promoters(first, int(promoter.max()) + 1)
        order = np.lexsort((promoter, enhancer))  # neighbours share stems
        logits = np.empty(len(order), dtype=np.float32)
        for at in range(0, len(order), self._batch_size):
            batch = order[at : at + self._batch_size]
            enhancers = torch.stack([self._enhancer(number) for number in enhancer[batch].tolist()])
            rows = torch.from_numpy(promoter[batch] - first).to(promoters.device)
            logits[batch] = self._scorer.score(enhancers, promoters.index_select(0, rows))
            advance(len(batch))
        refuse_unfinite(logits)
        return logits

    def _enhancer(self, number: int) -> Tensor:
        run, place = divmod(number, self._batch_size)
        return self._enhancer_run(run)[place]

    def _encode_run(self, run: int) -> Tensor:
        first = run * self._batch_size
        return self._encode("enhancer", first, min(first + self._batch_size, len(self._starts["enhancer"])))

    def _promoters(self, first: int, last: int) -> Tensor:
        starts = range(first, last, self._batch_size)
        return torch.cat([self._encode("promoter", at, min(at + self._batch_size, last)) for at in starts])

    def _encode(self, role: Role, first: int, last: int) -> Tensor:
        self.encoded += last - first
        return self._scorer.encode(role, self._codes(role, first, last))

    def _codes(self, role: Role, first: int, last: int) -> Codes:
        """Return the windows of neighbouring elements as base codes, uint8 (last - first, length)."""
        length = self._scorer.lengths[role]
        chroms = self._elements[role]["chrom"].iloc[first:last].tolist()
        starts = self._starts[role][first:last].tolist()
        return np.stack(
            [self._genome.fetch(chrom, at, at + length) for chrom, at in zip(chroms, starts, strict=True)]
        )

    def _window_starts(self, role: Role) -> Ints:
        elements = self._elements[role]
        sizes = elements["chrom"].map(self._genome.sizes).to_numpy(dtype=np.int64)
        start, end = (elements[name].to_numpy() for name in ("start", "end"))
        return windows.central(start, end, self._scorer.lengths[role], sizes)
