"""Bases shuffled so that every dinucleotide occurs as often as before, and nothing else is left of the sequence.

A shuffle is a random Euler path (Altschul and Erickson 1985, Mol. Biol. Evol. 2:526). Draw which base follows the
last occurrence of each base but the final one, so that these last steps lead to the final base from everywhere;
put the other successors of each base in random order; walk. With four bases there are at most 64 choices of last
steps, so one is drawn by its exact weight. Thousands of sequences walk at a time, a step of all of them at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from epidyn import progress
from epidyn.elements import Codes, Ints

BASES = 4
_AT_ONCE = 2**23  # bases that walk together; what that takes of memory is about 250 MB

# Each choice of the base that follows the last A, C, G and T, (256, 4).
_CHOICES = np.stack(np.meshgrid(*[np.arange(BASES)] * BASES, indexing="ij"), axis=-1).reshape(-1, BASES)


def _lead_to_final() -> npt.NDArray[np.bool_]:
    """Return whether the steps of a choice lead from every base to the final one, bool (256, 4 final bases)."""
    final = np.arange(BASES)[:, None]
    at = np.tile(np.arange(BASES), (len(_CHOICES), BASES, 1))
    for _ in range(BASES):
        onward = np.take_along_axis(_CHOICES[:, None, :], at, axis=-1)
        at = np.where(at == final, at, onward)
    leads: npt.NDArray[np.bool_] = (at == final).all(axis=-1)
    return leads


_LEAD = _lead_to_final()


@dataclass(frozen=True)
class SequenceShuffle:
    """Shuffles stored elements; what becomes of one depends on the seed and its own bases alone."""

    seed: int

    def __call__(self, bases: Codes, starts: Ints, lengths: Ints) -> None:
        """Shuffle elements in place, the bases from ``starts`` on; what is no base (N) stays where it is.

        Parameters
        ----------
        bases
            Base codes, uint8 (total,).
        starts, lengths
            Of the elements, which do not overlap, int64 (n,) each.
        """
        stretches, seeds = [], []
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
            element = bases[start : start + length]
            digest = int.from_bytes(hashlib.blake2b(element.tobytes(), digest_size=8).digest(), "little")
            for number, stretch in enumerate(_without_n(element)):
                stretches.append(stretch)
                seeds.append((self.seed, digest, number))
        with progress.bar("Shuffling sequences", sum(map(len, stretches))) as advance:
            for batch in _batches([len(stretch) for stretch in stretches]):
                generators = [np.random.default_rng(seeds[number]) for number in batch]
                shuffled = shuffle_dinucleotides([stretches[number] for number in batch], generators)
                for number, codes in zip(batch, shuffled, strict=True):
                    stretches[number][:] = codes
                    advance(len(codes))


def shuffle_dinucleotides(sequences: Sequence[Codes], generators: Sequence[np.random.Generator]) -> list[Codes]:
    """Shuffle sequences, each a draw among all sequences with its dinucleotides, all equally likely.

    First and last base follow from the dinucleotides, and stay.

    Parameters
    ----------
    sequences
        Base codes below 4, uint8 (length,), at least one base each; lengths may differ.
    generators
        One for each sequence.
    """
    lengths = np.array([len(sequence) for sequence in sequences])
    codes = np.zeros((len(sequences), max(2, lengths.max())), dtype=np.uint8)
    for row, sequence in zip(codes, sequences, strict=True):
        row[: len(sequence)] = sequence
    is_step = np.arange(codes.shape[1] - 1) < (lengths - 1)[:, None]
    steps = np.where(is_step, codes[:, :-1] * BASES + codes[:, 1:], BASES**2)  # (sequences, steps); 16 is none
    counts = _count(steps)
    last = _draw_last_steps(counts, codes[np.arange(len(codes)), lengths - 1], generators)
    walked = _walk(codes[:, 0], counts, _ordered_successors(steps, lengths, last, generators))
    return [each[:length] for each, length in zip(walked, lengths.tolist(), strict=True)]


def _count(steps: npt.NDArray[np.uint8]) -> Ints:
    """Return how often each base follows each, int64 (sequences, base, following base)."""
    kinds = BASES**2 + 1
    numbered = np.arange(len(steps))[:, None] * kinds + steps
    counts: Ints = np.bincount(numbered.ravel(), minlength=len(steps) * kinds).reshape(-1, kinds)
    return counts[:, :-1].reshape(-1, BASES, BASES)


def _draw_last_steps(counts: Ints, final: Codes, generators: Sequence[np.random.Generator]) -> Ints:
    """Return the last step from each base, base * 4 + following base or -1 for none, int64 (sequences, 4)."""
    has_last = counts.sum(axis=-1) > 0
    has_last[np.arange(len(final)), final] = False
    # A base without a last step has one way, which counts once: straight to the final base.
    ways = np.where(has_last[..., None], counts, np.eye(BASES, dtype=np.int64)[final][:, None, :])
    weights = _LEAD[:, final].T * np.prod(
        [ways[:, base, _CHOICES[:, base]] for base in range(BASES)], axis=0, dtype=np.float64
    )
    below = np.cumsum(weights, axis=1)
    drawn = np.array([generator.random() for generator in generators]) * below[:, -1]
    choice = _CHOICES[(below <= drawn[:, None]).sum(axis=1)]
    return np.where(has_last, np.arange(BASES) * BASES + choice, -1)


def _ordered_successors(
    steps: npt.NDArray[np.uint8], lengths: Ints, last: Ints, generators: Sequence[np.random.Generator]
) -> Codes:
    """Return what follows A, then C, G, T, each in random order with its last step last; uint8 (sequences, steps).

    Sorts numbers that hold, from the highest bits down, the base, a random number and the base that follows.
    """
    ones = np.uint64(2**60 - 1)
    chance = np.full(steps.shape, ones)
    for row, length, generator in zip(chance, lengths.tolist(), generators, strict=True):
        row[: length - 1] = generator.integers(ones, size=length - 1, dtype=np.uint64)
    for base in range(BASES):
        # Steps of one kind are alike: the first of the kind becomes the last of its base.
        rows = np.flatnonzero(last[:, base] >= 0)
        chance[rows, (steps[rows] == last[rows, base, None]).argmax(axis=1)] = ones
    kind = np.minimum(steps, BASES**2 - 1).astype(np.uint64)
    keys = (kind >> np.uint64(2) << np.uint64(62)) | (chance << np.uint64(2)) | (kind & np.uint64(3))
    keys.sort(axis=1)
    return np.asarray(keys & np.uint64(3), dtype=np.uint8)


def _walk(first: Codes, counts: Ints, successors: Codes) -> Codes:
    """Follow the successors from the first base on, each used once; uint8 (sequences, steps + 1).

    A sequence that has come to its end walks on until the longest has; what it finds is not looked at.
    """
    count, steps = successors.shape
    leaving = counts.sum(axis=-1)
    next_place = (np.cumsum(leaving, axis=1) - leaving + np.arange(count)[:, None] * steps).ravel()
    flat = successors.ravel()
    walked = np.empty((steps + 1, count), dtype=np.uint8)
    walked[0] = first
    mine = np.arange(count) * BASES
    for step in range(steps):
        at = mine + walked[step]
        place = next_place[at]
        next_place[at] = place + 1
        np.take(flat, place, out=walked[step + 1], mode="clip")
    return walked.T


def _without_n(element: Codes) -> list[Codes]:
    """Return the stretches of an element between its runs of N, as views."""
    is_base = np.concatenate([[False], element < BASES, [False]])
    edges = np.flatnonzero(is_base[1:] != is_base[:-1])
    return [element[start:end] for start, end in edges.reshape(-1, 2).tolist()]


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield numbers of sequences of like length, as many as walk together."""
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    batch: list[int] = []
    for number in order:
        if batch and (len(batch) + 1) * lengths[number] > _AT_ONCE:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch
