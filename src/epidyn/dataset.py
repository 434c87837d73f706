"""Pairs and elements as torch datasets.

Batches of base codes, addressed by number, in an order that is a function of seed and epoch alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytorch_lightning as lightning
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from epidyn import windows
from epidyn.elements import ROLES, Change, ElementStore, Ints, Role, WindowRequest, locate, refuse_windows_outside
from epidyn.errors import SplitError
from epidyn.genome import Genome, reverse_complement
from epidyn.splits import Split, draw_samples

# Streams of random numbers that share one seed.
_ORDER, _FLIPS = 0, 1


@dataclass(frozen=True)
class Samples:
    """What a loader draws from: one entry a window pair, (n,) each.

    Attributes
    ----------
    row
        Row of the pair table, int64.
    enhancer, promoter
        Positions of the windows in the store, int64.
    label
        0 or 1, float32.
    """

    row: Ints
    enhancer: Ints
    promoter: Ints
    label: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.row)

    def where(self, chosen: npt.NDArray[np.bool_]) -> Samples:
        """Return the entries for which ``chosen``, bool (n,), holds."""
        return Samples(self.row[chosen], self.enhancer[chosen], self.promoter[chosen], self.label[chosen])


@dataclass(frozen=True)
class SplitData:
    """A store with the samples of each part; ``copies`` is the number of shifted copies that was used."""

    store: ElementStore
    train: Samples
    validation: Samples
    test: Samples
    copies: int


class WindowSettings(TypedDict):
    """What :func:`split_data` takes beside table, genome and split."""

    lengths: dict[Role, int]
    copies: int | Literal["balanced"]
    step: int
    validation_fraction: float
    seed: int
    change: Change | None


def balanced_copies(labels: npt.NDArray[np.generic], most: int = windows.DEFAULT_COPIES) -> int:
    """Return how many copies of each positive balance the labels: round(negatives / positives), at most ``most``.

    Of a whole table, so that the split does not decide: 20 for every table of TargetFinder. Where one copy would
    do, 0: no oversampling.
    """
    positives = int((labels == 1).sum())
    copies = min(most, round((len(labels) - positives) / max(positives, 1)))
    return copies if copies > 1 else 0


def split_data(
    pairs: pd.DataFrame,
    genome: Genome,
    split: Split,
    *,
    lengths: dict[Role, int],
    copies: int | Literal["balanced"],
    step: int = windows.DEFAULT_STEP,
    validation_fraction: float,
    seed: int,
    change: Change | None = None,
) -> SplitData:
    """Read the elements of a split table and lay out its samples.

    Positives of training and validation are ``copies`` shifted copies, all of a pair on one side (unless the split
    draws validation among samples); negatives and test pairs have their central window. ``change`` is what
    :meth:`epidyn.elements.ElementStore.fill` takes.

    Raises
    ------
    ChromosomeError, IntervalError
        If the genome lacks a chromosome, or an element lies wholly outside its own.
    SplitError
        If validation among samples leaves it without both labels.
    """
    labels = pairs["label"].to_numpy()
    seen = np.isin(split.parts, ("train", "validation"))
    if copies == "balanced":
        copies = balanced_copies(labels[split.parts != "unused"])
    shifts = seen & (labels == 1)
    located = locate(pairs, genome)
    starts = {
        role: _starts(pairs, role, located[role].size, lengths[role], shifts, copies, step) for role in ROLES
    }
    requests = {
        role: WindowRequest(
            located[role].chrom,
            pairs[f"{role}_start"].to_numpy(),
            pairs[f"{role}_end"].to_numpy(),
            starts[role].low,
            starts[role].high,
            lengths[role],
        )
        for role in ROLES
    }
    refuse_windows_outside(pairs, requests, {role: located[role].size for role in ROLES})
    store = ElementStore.fill(genome, requests, change)
    samples = {
        part: _samples(store, labels, split.rows(part), starts, shifts) for part in ("train", "validation", "test")
    }
    if split.validation == "samples":
        held_out = draw_samples(samples["train"].label, validation_fraction, seed=seed)
        samples["validation"] = samples["train"].where(held_out)
        samples["train"] = samples["train"].where(~held_out)
        if len(np.unique(samples["validation"].label)) < 2:
            raise SplitError(
                f"{validation_fraction:.0%} of {len(held_out)} window pairs leaves validation (samples) without "
                "both labels. Give more pairs, more copies, or a larger validation_fraction."
            )
    return SplitData(store, samples["train"], samples["validation"], samples["test"], copies)


@dataclass(frozen=True)
class Plan:
    """One batch: which samples, and which of their windows are reverse-complemented; (batch,) each."""

    samples: Ints
    flip: dict[Role, npt.NDArray[np.bool_]]


class EpochPlans(Sampler[Plan]):
    """The batches of one epoch, a function of (seed, epoch) alone, from batch ``start`` to before ``stop``.

    So a resumed run need only remember epoch and batch. Under several devices ``batch_size`` counts all of them,
    and ``device``, (rank, number of devices), takes its share of each batch. When shuffling (training), a last
    batch with fewer than two samples a device, which batch norm cannot take, is left out.
    """

    def __init__(
        self,
        samples: int,
        batch_size: int,
        *,
        seed: int = 0,
        epoch: int = 0,
        start: int = 0,
        stop: int | None = None,
        shuffle: bool = False,
        flips: bool = False,
        device: tuple[int, int] = (0, 1),
    ) -> None:
        self.samples, self.batch_size = samples, batch_size
        self.seed, self.epoch = seed, epoch
        self.shuffle, self.flips = shuffle, flips
        self.rank, self.world = device
        whole = batches_per_epoch(samples, batch_size, smallest=2 * self.world if shuffle else 1)
        self.batches = range(start, whole if stop is None else min(whole, stop))

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Plan]:
        order = np.arange(self.samples)
        if self.shuffle:
            order = np.random.default_rng([self.seed, _ORDER, self.epoch]).permutation(self.samples)
        flip = np.zeros((self.samples, len(ROLES)), dtype=bool)
        if self.flips:
            flip = np.random.default_rng([self.seed, _FLIPS, self.epoch]).random(flip.shape) < 0.5
        for batch in self.batches:
            chosen = order[batch * self.batch_size : (batch + 1) * self.batch_size][self.rank :: self.world]
            yield Plan(chosen, {role: flip[chosen, column] for column, role in enumerate(ROLES)})


def batches_per_epoch(samples: int, batch_size: int, *, smallest: int) -> int:
    """Return how many batches an epoch has; a last one of fewer than ``smallest`` samples does not count."""
    whole, rest = divmod(samples, batch_size)
    return whole + (rest >= smallest)


def samples_in(steps: int, samples: int, batch_size: int, *, smallest: int) -> int:
    """Return how many samples the first ``steps`` batches of training have; see :func:`batches_per_epoch`."""
    batches = batches_per_epoch(samples, batch_size, smallest=smallest)
    epochs, rest = divmod(steps, batches)
    return epochs * min(samples, batches * batch_size) + rest * batch_size


class WindowDataset(Dataset[dict[str, Tensor]]):
    """Batches of base codes.

    ``dataset[plan]`` is a dict of enhancer and promoter, uint8 (batch, length), and label, float32 (batch,).
    """

    def __init__(self, store: ElementStore, samples: Samples) -> None:
        self.store, self.samples = store, samples

    def __getitem__(self, plan: Plan) -> dict[str, Tensor]:
        batch = {"label": torch.from_numpy(self.samples.label[plan.samples])}
        for role in ROLES:
            codes = self.store.codes(role, getattr(self.samples, role)[plan.samples])
            turned = plan.flip[role]
            if turned.any():
                codes[turned] = reverse_complement(codes[turned])
            batch[role] = torch.from_numpy(codes)
        return batch


class PairDataModule(lightning.LightningDataModule):
    """Training and validation batches of a split.

    The training loader is made anew for each epoch; :meth:`go_to` says which epoch, and which of its batches.
    ``pin_memory`` lets batches be copied to a GPU while it computes.
    """

    def __init__(
        self, data: SplitData, *, batch_size: int, seed: int, rc_augment: bool, pin_memory: bool = False
    ) -> None:
        super().__init__()
        self.pin_memory = pin_memory
        self.data, self.batch_size, self.seed, self.rc_augment = data, batch_size, seed, rc_augment
        self.go_to(0)

    def go_to(self, epoch: int, start: int = 0, stop: int | None = None) -> None:
        """Let the next training loader yield batches ``start`` to before ``stop`` of ``epoch``."""
        self._epoch, self._start, self._stop = epoch, start, stop

    def train_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """Return the shuffled batches of the epoch at hand."""
        plans = EpochPlans(
            len(self.data.train),
            self.batch_size,
            seed=self.seed,
            epoch=self._epoch,
            start=self._start,
            stop=self._stop,
            shuffle=True,
            flips=self.rc_augment,
            device=self._device(),
        )
        return self._loader(self.data.train, plans)

    def val_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """Return the validation samples in order."""
        plans = EpochPlans(len(self.data.validation), self.batch_size, device=self._device())
        return self._loader(self.data.validation, plans)

    def _device(self) -> tuple[int, int]:
        """Return rank and number of devices."""
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    def _loader(self, samples: Samples, plans: EpochPlans) -> DataLoader[dict[str, Tensor]]:
        return DataLoader(
            WindowDataset(self.data.store, samples),
            sampler=plans,
            batch_size=None,
            pin_memory=self.pin_memory,
            # One of its own: otherwise each pass over the loader would draw from torch's global generator.
            generator=torch.Generator(),
        )


@dataclass(frozen=True)
class _Starts:
    """Window starts of one role: the central one of each row, and the shifted ones of the rows that have them."""

    central: Ints  # (n,)
    shifted: Ints  # (rows that shift, copies)
    low: Ints  # (n,)
    high: Ints  # (n,)


def _starts(
    pairs: pd.DataFrame,
    role: Role,
    sizes: Ints,
    length: int,
    shifts: npt.NDArray[np.bool_],
    copies: int,
    step: int,
) -> _Starts:
    start, end = pairs[f"{role}_start"].to_numpy(), pairs[f"{role}_end"].to_numpy()
    central = windows.central(start, end, length, sizes)
    shifted = windows.training(start[shifts], end[shifts], length, sizes[shifts], copies, step)
    low, high = central.copy(), central.copy()
    # A positive is never asked for its central window in training, but costs nothing: it lies among the copies.
    low[shifts], high[shifts] = windows.reach(start[shifts], end[shifts], length, sizes[shifts], copies, step)
    return _Starts(central, shifted, low, high)


def _samples(
    store: ElementStore,
    labels: npt.NDArray[np.generic],
    rows: Ints,
    starts: dict[Role, _Starts],
    shifts: npt.NDArray[np.bool_],
) -> Samples:
    place = np.cumsum(shifts) - 1  # row -> row of the shifted starts
    moved, still = rows[shifts[rows]], rows[~shifts[rows]]
    copies = starts["enhancer"].shifted.shape[1]
    every = np.concatenate([np.repeat(moved, copies), still])
    positions = {
        role: store.positions(
            role,
            every,
            np.concatenate([starts[role].shifted[place[moved]].ravel(), starts[role].central[still]]),
        )
        for role in ROLES
    }
    return Samples(every, positions["enhancer"], positions["promoter"], labels[every].astype(np.float32))
