"""Stems: what a model reads of one element alone, computed once an element while memory lasts.

Pairs share elements, and the stem is the costly part of a pair. :class:`StemCache` keeps stems, and :func:`blocks`
orders pairs so that few are computed again where not all fit.
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from epidyn import progress
from epidyn.elements import ROLES, Codes, ElementStore, Ints, Role
from epidyn.errors import ConfigError
from epidyn.genome import reverse_complement

MEGABYTE = 1 << 20
DEFAULT_STEM_MEMORY = 1024 * MEGABYTE

_LEAST_ROOM = 8
_PASSING_SHARE = 8  # a tile leaves one part in so many to the other side
_HASHED_AT_ONCE = 1024


class Encoder(Protocol):
    """The part of a model that reads one element."""

    @property
    def stem_bytes(self) -> dict[Role, int]:
        """Bytes of one stem; the values are of one type in both roles."""
        ...

    def encode(self, role: Role, codes: Codes) -> Tensor:
        """Base codes, uint8 (n, length), to stems (n, ...)."""
        ...


class Windows:
    """The distinct windows of one role that a call meets, told apart by their bases.

    Parameters
    ----------
    store, role
        Where the windows are.
    positions
        Positions in the store, int64 (n,); any of them may recur.
    turned
        Mean their reverse complements.

    Attributes
    ----------
    keys
        One digest a distinct window, which no window of the other role has; in order of position.
    number
        Which distinct window each position is, int64 (n,).
    """

    def __init__(self, store: ElementStore, role: Role, positions: Ints, *, turned: bool = False) -> None:
        self.role = role
        self._store, self._turned = store, turned
        self._positions, place = np.unique(positions, return_inverse=True)
        known: dict[bytes, int] = {}
        number = np.empty(len(self._positions), dtype=np.int64)
        for at in range(0, len(number), _HASHED_AT_ONCE):
            several = slice(at, at + _HASHED_AT_ONCE)
            digests = (
                hashlib.blake2b(codes.tobytes(), digest_size=16, person=role.encode()).digest()
                for codes in self.codes(np.arange(len(number))[several])
            )
            number[several] = [known.setdefault(digest, len(known)) for digest in digests]
        self._positions = self._positions[np.unique(number, return_index=True)[1]]
        self.keys = list(known)
        self.number: Ints = number[place]

    def __len__(self) -> int:
        return len(self.keys)

    def codes(self, which: Ints) -> Codes:
        """Return base codes of distinct windows by their numbers, int64 (m,), as uint8 (m, length)."""
        codes = self._store.codes(self.role, self._positions[which])
        return reverse_complement(codes) if self._turned else codes


class StemCache:
    """Stems of distinct windows in bounded memory; those that were used longest ago are dropped.

    Windows are known by their bases, so one cache serves any number of stores. It is of use for one encoder with
    one set of weights on one device, which is where the stems are.

    Parameters
    ----------
    encoder
        What computes stems; kept as an attribute.
    memory
        Bytes that all stems may take together; taken as they are needed. While the space for them doubles, up to
        half as much again is in use.

    Attributes
    ----------
    room
        Stems that fit, of either role.
    encoded, again
        Stems computed so far, and how many of them had been computed, and dropped, before.

    Raises
    ------
    ConfigError
        If ``memory`` is too little for a few stems.
    """

    def __init__(self, encoder: Encoder, memory: int = DEFAULT_STEM_MEMORY) -> None:
        self.encoder = encoder
        self._slot_bytes = max(encoder.stem_bytes.values())
        self.room = memory // self._slot_bytes
        if self.room < _LEAST_ROOM:
            least = -(-_LEAST_ROOM * self._slot_bytes // MEGABYTE)
            raise ConfigError(
                f"--stem-memory is {memory / MEGABYTE:g} megabytes; for this model it must be {least} or more."
            )
        self.encoded = self.again = 0
        self._pool = torch.empty(0)  # (slots, values of the larger stem); grows to as many slots as there is room
        self._shapes: dict[Role, tuple[int, ...]] = {}
        self._slots: OrderedDict[bytes, int] = OrderedDict()  # of each key; the longest unused first
        # 64 bits of the key of every window ever met, sorted: all that grows with the number of elements.
        self._met = np.empty(0, dtype=np.uint64)

    def __len__(self) -> int:
        return len(self._slots)

    def hold(
        self, windows: Mapping[Role, Windows], which: Mapping[Role, Ints], *, batch_size: int
    ) -> dict[Role, Ints]:
        """Compute what is missing of these stems, dropping others for it.

        Parameters
        ----------
        windows
            The windows of each role.
        which
            Those whose stems are needed, by their numbers, int64 (m,), each once; there must be room for all.
        batch_size
            Windows encoded at once.

        Returns
        -------
        Their slots, int64 (m,), until the next call.
        """
        missing = {role: self._missing(windows[role], numbers) for role, numbers in which.items()}
        with progress.bar("Encoding elements", sum(map(len, missing.values()))) as advance:
            for role, numbers in missing.items():
                keys = [windows[role].keys[number] for number in numbers.tolist()]
                self._count(keys)
                for at in range(0, len(keys), batch_size):
                    batch = slice(at, at + batch_size)
                    self._add(role, keys[batch], windows[role].codes(numbers[batch]))
                    advance(len(keys[batch]))
        return {
            role: np.array([self._slots[windows[role].keys[number]] for number in numbers.tolist()], np.int64)
            for role, numbers in which.items()
        }

    def gather(self, role: Role, slots: Ints) -> Tensor:
        """Return the stems of one role in these slots, int64 (n,), as (n, ...)."""
        shape = self._shapes[role]
        stems = self._pool[:, : math.prod(shape)]
        return stems.index_select(0, torch.from_numpy(slots).to(stems.device)).view(len(slots), *shape)

    def _missing(self, windows: Windows, numbers: Ints) -> Ints:
        """Return the windows whose stems are not held; the others become the last to be dropped."""
        held = np.array([windows.keys[number] in self._slots for number in numbers.tolist()], dtype=np.bool_)
        for number in numbers[held].tolist():
            self._slots.move_to_end(windows.keys[number])
        missing: Ints = numbers[~held]
        return missing

    def _add(self, role: Role, keys: list[bytes], codes: Codes) -> None:
        stems = self.encoder.encode(role, codes)
        self._shapes[role] = tuple(stems.shape[1:])
        self._grow(min(len(self) + len(keys), self.room), stems)
        for key in keys:
            self._slots[key] = len(self) if len(self) < self.room else self._slots.popitem(last=False)[1]
        slots = torch.tensor([self._slots[key] for key in keys], device=stems.device)
        self._pool[:, : math.prod(self._shapes[role])].index_copy_(
            0, slots, stems.reshape(len(keys), math.prod(self._shapes[role]))
        )

    def _grow(self, slots: int, like: Tensor) -> None:
        """Have at least this many slots for values like these; grows by doubling."""
        if slots <= len(self._pool):
            return
        slots = min(max(slots, 2 * len(self._pool)), self.room)
        try:
            pool = like.new_empty(slots, self._slot_bytes // like.element_size())
        except RuntimeError as error:  # torch.OutOfMemoryError is one
            megabytes = f"{slots * self._slot_bytes // MEGABYTE:,} megabytes"
            raise ConfigError(
                f"there is no memory for {megabytes} of stems on {like.device}. Set a lower --stem-memory."
            ) from error
        if len(self._pool):
            pool[: len(self._pool)] = self._pool
        self._pool = pool

    def _count(self, keys: list[bytes]) -> None:
        hashes = np.frombuffer(b"".join(key[:8] for key in keys), dtype=np.uint64)
        self.encoded += len(hashes)
        self.again += int(np.isin(hashes, self._met).sum())
        self._met = np.union1d(self._met, hashes)


@dataclass(frozen=True)
class Block:
    """Pairs for whose stems there is room at once.

    Attributes
    ----------
    windows
        Numbers of the windows to hold, of each role, int64 (m,), sorted; those of the pairs, maybe others.
    pairs
        Numbers of the pairs, int64 (n,), in an order in which they may be scored.
    """

    windows: dict[Role, Ints]
    pairs: Ints


def blocks(numbers: Mapping[Role, Ints], room: int) -> Iterator[Block]:
    """Divide pairs into blocks whose stems fit, so that few stems are needed by more than one block.

    If there is room for all, that is one block. If not, the windows of one side are cut into tiles that fill most
    of it. A tile stays while the other side passes through the rest: then a stem of the tiled side is computed
    once, and one of the other side once for each tile that it has pairs in. The side that costs less is cut.

    Parameters
    ----------
    numbers
        Each pair's window of either role, int64 (n,): from 0, no number left out. Neighbours should be neighbours
        in the genome, as those share partners.
    room
        Stems held at once, at least 2.

    Yields
    ------
    Block
        Each pair is in one block.
    """
    counts = {role: int(numbers[role].max(initial=-1)) + 1 for role in ROLES}
    if sum(counts.values()) <= room:
        yield Block({role: np.arange(counts[role]) for role in ROLES}, np.arange(len(numbers[ROLES[0]])))
        return
    share = max(1, room // _PASSING_SHARE)
    cuts = []
    for tiled, passing in (ROLES, ROLES[::-1]):
        tile = numbers[tiled] // (room - share)
        visits = np.unique(tile * counts[passing] + numbers[passing])
        cuts.append((counts[tiled] + len(visits), tiled, passing, tile))
    _, tiled, passing, tile = min(cuts, key=itemgetter(0))
    order = np.lexsort((numbers[tiled], numbers[passing], tile))
    for of_tile in np.split(order, np.flatnonzero(np.diff(tile[order])) + 1):
        held = np.unique(numbers[tiled][of_tile])
        passed, nth = np.unique(numbers[passing][of_tile], return_inverse=True)
        starts = np.arange(0, len(passed), share)
        for start, pairs in zip(starts, np.split(of_tile, np.searchsorted(nth, starts[1:])), strict=True):
            yield Block({tiled: held, passing: passed[start : start + share]}, pairs)
