"""Perturb a few bases of an element and score the pair again, exactly, at a fraction of the whole network's cost.

A changed base reaches the six 6-mers that hold it, the kernels that hold those, and the pooled positions that hold
those: about 7 of 194 at the published sizes. Only these are computed again, for many perturbations at once, and
laid into a copy of the element's stem; the other element's stem is used as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from epidyn.elements import Codes, Ints, Role
from epidyn.errors import ConfigError, ShapeError
from epidyn.genome.codes import LETTERS, N
from epidyn.kmers import K
from epidyn.nn import EpiDynFusion
from epidyn.nn.embedding import tokenize
from epidyn.nn.stem import Stem
from epidyn.scoring import check_batch_size, evaluating

DEFAULT_WIDTH = 6
DEFAULT_STEP = 3
BASES = 4

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Perturbations:
    """Replacements of a run of bases in one window, one row each.

    Attributes
    ----------
    offset
        First replaced base, counted in the window, int64 (n,).
    bases
        What is put there, base codes, uint8 (n, width).
    """

    offset: Ints
    bases: Codes

    def __len__(self) -> int:
        return len(self.offset)

    @property
    def width(self) -> int:
        """How many bases each replaces."""
        return int(self.bases.shape[1])

    def apply(self, codes: Codes) -> Codes:
        """Return the window (length,) with each replacement made, uint8 (n, length)."""
        changed = np.repeat(codes[None], len(self), axis=0)
        np.put_along_axis(changed, self.offset[:, None] + np.arange(self.width), self.bases, axis=1)
        return changed


def masks(
    length: int, width: int = DEFAULT_WIDTH, step: int = DEFAULT_STEP, *, other: Codes | None = None
) -> Perturbations:
    """Replace ``width`` bases at every ``step``-th position; a last mask ends where the window ends.

    They are replaced by N, or by what stands in the same place of ``other``, base codes (length,).

    Raises
    ------
    ConfigError
        If ``width`` is not between 1 and ``length``, or ``step`` below 1.
    """
    if not 1 <= width <= length:
        raise ConfigError(f"--width is {width}; it must be between 1 and the window's {length} bases.")
    if step < 1:
        raise ConfigError(f"--step is {step}; it must be 1 or more.")
    offset = np.arange(0, length - width + 1, step, dtype=np.int64)
    if offset[-1] + width < length:
        offset = np.append(offset, length - width)
    if other is None:
        return Perturbations(offset, np.full((len(offset), width), N, dtype=np.uint8))
    return Perturbations(offset, other[offset[:, None] + np.arange(width)])


def substitutions(codes: Codes) -> Perturbations:
    """Replace each base of a window (length,) by each of the three others, in ACGT order; an N is left out."""
    at, base = np.nonzero((np.arange(BASES) != codes[:, None]) & (codes < BASES)[:, None])
    return Perturbations(at.astype(np.int64), base.astype(np.uint8)[:, None])


def letters(bases: Codes) -> list[str]:
    """Return the letters of rows of base codes (n, width)."""
    return ["".join(LETTERS[code] for code in row) for row in bases.tolist()]


class PairScan:
    """One pair, scored as it is and with either element perturbed.

    Parameters
    ----------
    network
        On any device and of any precision; evaluation mode is set while it computes and put back.
    codes
        The pair's windows, uint8 (length,) for each role.
    batch_size
        Perturbations scored at once; memory follows it. The result does not depend on it, save for rounding.

    Attributes
    ----------
    logit
        Of the pair as it is.
    """

    def __init__(self, network: EpiDynFusion, codes: dict[Role, Codes], *, batch_size: int = 64) -> None:
        check_batch_size(batch_size)
        self._network = network
        self._codes = codes
        self._batch_size = batch_size
        device = network.output.weight.device
        given = {role: torch.from_numpy(np.array(each))[None].to(device) for role, each in codes.items()}
        with evaluating(network):
            self._stems: dict[Role, Tensor] = {
                "enhancer": network.encode_enhancer(given["enhancer"]),
                "promoter": network.encode_promoter(given["promoter"]),
            }
            self.logit = float(network.score(self._stems["enhancer"], self._stems["promoter"]))

    def logits(self, role: Role, perturbations: Perturbations) -> Floats:
        """Return the logit of the pair with each perturbation of one element, float64 (n,).

        Raises
        ------
        ShapeError
            If a perturbation leaves the window.
        """
        length = len(self._codes[role])
        offset = perturbations.offset
        if len(offset) and (offset.min() < 0 or offset.max() + perturbations.width > length):
            raise ShapeError(f"a perturbation leaves the {role} window of {length} bases.")
        scores = [self._scores(role, batch) for batch in self._batches(perturbations)]
        return np.concatenate(scores) if scores else np.empty(0)

    def _batches(self, perturbations: Perturbations) -> Iterator[Perturbations]:
        for at in range(0, len(perturbations), self._batch_size):
            batch = slice(at, at + self._batch_size)
            yield Perturbations(perturbations.offset[batch], perturbations.bases[batch])

    def _scores(self, role: Role, batch: Perturbations) -> Floats:
        with evaluating(self._network):
            perturbed, differing = self._perturbed_stems(role, batch)
            stems = {**self._stems, role: perturbed}
            logits = self._network.score(stems["enhancer"], stems["promoter"], differing)
            scores: Floats = logits.double().cpu().numpy()
        return scores

    def _perturbed_stems(self, role: Role, batch: Perturbations) -> tuple[Tensor, slice]:
        """Return the element's stem under each perturbation, (n, channels, positions), and where these can differ.

        The latter counts in the positions of both elements, the enhancer's first.
        """
        stem, table = self._parts(role)
        reference = self._stems[role]
        first, count = reached(stem, batch.offset, batch.width, reference.shape[2])
        slices = _slices(self._codes[role], batch, first * stem.pool, count * stem.pool + _kernel(stem) - 1)
        tokens = tokenize(torch.from_numpy(slices))[:, K - 1 :].to(reference.device)
        again = stem.from_tokens(tokens, table)
        where = torch.from_numpy(first[:, None] + np.arange(count)).to(reference.device)
        perturbed = reference.repeat(len(batch), 1, 1)
        before = self._stems["enhancer"].shape[2] if role == "promoter" else 0
        differing = slice(before + int(first.min()), before + int(first.max()) + count)
        return perturbed.scatter_(2, where[:, None].expand_as(again), again), differing

    def _parts(self, role: Role) -> tuple[Stem, Tensor]:
        """Return the stem and the k-mer table of a role."""
        network = self._network
        if role == "enhancer":
            return network.enhancer_stem, network.enhancer_kmers.table.weight
        return network.promoter_stem, (network.promoter_kmers or network.enhancer_kmers).table.weight


def reached(stem: Stem, offset: Ints, width: int, positions: int) -> tuple[Ints, int]:
    """Return which pooled positions a change of ``width`` bases can reach.

    Base ``b`` is in tokens ``b`` to ``b + 5``, token ``t`` in convolved positions ``t - kernel + 1`` to ``t``,
    and those in the pooled position that is their quotient by the pool's width.

    Parameters
    ----------
    stem
        The element's stem.
    offset
        First changed base of each change, int64 (n,).
    width
        How many bases change.
    positions
        Pooled positions of the whole window.

    Returns
    -------
    first
        The first of ``count`` neighbouring positions that hold all that are reached, int64 (n,).
    count
        The same for all changes, so that they are computed together.
    """
    convolved = width + K - 1 + _kernel(stem) - 1
    count = min((convolved + stem.pool - 2) // stem.pool + 1, positions)
    first = np.clip((offset - _kernel(stem) + 1) // stem.pool, 0, positions - count)
    return first, count


def _kernel(stem: Stem) -> int:
    return stem.convolution.weight.shape[2]


def _slices(codes: Codes, batch: Perturbations, first: Ints, length: int) -> Codes:
    """Return perturbed base codes from five before token ``first`` on, uint8 (n, length + 5).

    In front of the window stands N, so that the tokens there are the zeros that the network pads with.
    """
    padded = np.concatenate([np.full(K - 1, N, dtype=np.uint8), codes])
    slices: Codes = padded[first[:, None] + np.arange(length + K - 1)]
    at = batch.offset[:, None] + np.arange(batch.width) + K - 1 - first[:, None]
    row, column = np.nonzero((at >= 0) & (at < slices.shape[1]))
    slices[row, at[row, column]] = batch.bases[row, column]
    return slices
