"""Stems in bounded memory: what is held, what is dropped, and in which order pairs need them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from epidyn import Genome
from epidyn.elements import ROLES, ElementStore, Role, WindowRequest
from epidyn.errors import ConfigError
from epidyn.stems import MEGABYTE, StemCache, Windows, blocks

LENGTH = 6  # of both roles, so that a window of one may have the bases of one of the other


class Bases:
    """An enhancer's stem is its bases, a promoter's their negatives and a last value; with what it encoded."""

    def __init__(self, stem_bytes: int = 4 * (LENGTH + 1)) -> None:
        self.stem_bytes: dict[Role, int] = {"enhancer": 4 * LENGTH, "promoter": stem_bytes}
        self.batches: list[tuple[Role, int]] = []

    def encode(self, role: Role, codes: np.ndarray) -> Tensor:
        self.batches.append((role, len(codes)))
        stems = torch.from_numpy(codes.astype(np.float32))
        return stems if role == "enhancer" else torch.cat([-stems, torch.full((len(codes), 1), 9.0)], dim=1)


@pytest.fixture(scope="module")
def windows() -> dict[Role, Windows]:
    """Twenty windows of each role, the same ones."""
    chrom, start = np.array(["chr1"] * 20, dtype=object), 8 * np.arange(20)
    codes = np.random.default_rng(0).integers(0, 4, 170, dtype=np.uint8)
    request = WindowRequest(chrom, start, start + LENGTH, start, start, LENGTH)
    store = ElementStore.fill(Genome.from_dict({"chr1": codes}), dict.fromkeys(ROLES, request))
    return {role: Windows(store, role, store.positions(role, np.arange(20), start)) for role in ROLES}


def hold(
    stems: StemCache,
    windows: dict[Role, Windows],
    enhancers: list[int],
    promoters: list[int],
    batch_size: int = 64,
) -> None:
    """Hold these, and see that they are what they ought to be."""
    which = dict(zip(ROLES, (np.array(each, dtype=np.int64) for each in (enhancers, promoters)), strict=True))
    slots = stems.hold(windows, which, batch_size=batch_size)
    for role, length in zip(ROLES, (LENGTH, LENGTH + 1), strict=True):
        if len(which[role]):
            expected = Bases().encode(role, windows[role].codes(which[role]))
            assert expected.shape == (len(which[role]), length)
            assert torch.equal(stems.gather(role, slots[role]), expected)


def test_roles_do_not_mix(windows: dict[Role, Windows]):
    assert len(windows["enhancer"]) == len(windows["promoter"]) == 20
    assert not set(windows["enhancer"].keys) & set(windows["promoter"].keys)
    encoder = Bases()
    hold(StemCache(encoder), windows, [0, 1, 2], [1, 2, 3, 4])
    assert encoder.batches == [("enhancer", 3), ("promoter", 4)]


def test_what_was_used_longest_ago_is_dropped(windows: dict[Role, Windows]):
    encoder = Bases()
    stems = StemCache(encoder, 8 * 4 * (LENGTH + 1))
    hold(stems, windows, [0, 1, 2, 3, 4], [])
    hold(stems, windows, [0, 1], [7, 8, 9])  # full; 2, 3 and 4 are the oldest
    hold(stems, windows, [11, 12], [7])  # instead of 2 and 3
    encoder.batches.clear()
    hold(stems, windows, [0, 1, 4, 11, 12], [7, 8, 9])
    assert encoder.batches == []
    assert (stems.encoded, stems.again, len(stems)) == (10, 0, 8)
    hold(stems, windows, [3, 5], [])
    assert (stems.encoded, stems.again, len(stems)) == (12, 1, 8)


@given(
    held=st.lists(
        st.tuples(*[st.lists(st.integers(0, 19), max_size=size, unique=True) for size in (5, 4)]), max_size=12
    ),
    room=st.integers(9, 50),
    batch_size=st.integers(1, 6),
)
def test_stems_are_right_and_few_whatever_was_held_before(
    windows: dict[Role, Windows], held: list[tuple[list[int], list[int]]], room: int, batch_size: int
):
    encoder = Bases()
    stems = StemCache(encoder, room * 4 * (LENGTH + 1))
    met: set[tuple[str, int]] = set()
    for enhancers, promoters in held:
        hold(stems, windows, enhancers, promoters, batch_size)
        met |= {("enhancer", number) for number in enhancers} | {("promoter", number) for number in promoters}
        assert len(stems) <= room
    assert stems.encoded == sum(count for _, count in encoder.batches)
    assert stems.encoded - stems.again == len(met)
    assert max([count for _, count in encoder.batches], default=0) <= batch_size
    if room >= 40:
        assert stems.again == 0


@pytest.mark.parametrize("memory", [0, -5, 7 * 4 * (LENGTH + 1)])
def test_refuses_memory_for_less_than_a_few(memory: int):
    with pytest.raises(ConfigError, match=r"--stem-memory is .* megabytes; for this model it must be 1 or more\."):
        StemCache(Bases(), memory)


def test_memory_that_is_not_there_is_said(windows: dict[Role, Windows]):
    huge = 1 << 57
    stems = StemCache(Bases(huge), 16 * huge)
    with pytest.raises(ConfigError, match=r"no memory for .* megabytes of stems on cpu\. .* lower --stem-memory"):
        hold(stems, windows, [0], [])


def test_memory_grows_with_need(windows: dict[Role, Windows]):
    stems = StemCache(Bases(), 100 * MEGABYTE)
    hold(stems, windows, [0, 1, 2], [], batch_size=2)
    assert stems._pool.shape == (4, LENGTH + 1)


PAIRS = st.integers(1, 15).flatmap(
    lambda promoters: st.lists(st.integers(0, 20 * promoters - 1), max_size=80).map(
        lambda pairs: np.divmod(np.array(pairs, dtype=np.int64), promoters)
    )
)


@given(pairs=PAIRS, room=st.integers(2, 40))
def test_blocks_are_every_pair_once_with_room_for_its_stems(pairs: tuple[np.ndarray, np.ndarray], room: int):
    numbers = {role: np.unique(each, return_inverse=True)[1] for role, each in zip(ROLES, pairs, strict=True)}
    seen, several = [], list(blocks(numbers, room))
    for block in several:
        assert sum(map(len, block.windows.values())) <= room
        for role in ROLES:
            assert np.array_equal(block.windows[role], np.unique(block.windows[role]))
            assert np.isin(numbers[role][block.pairs], block.windows[role]).all()
        seen += block.pairs.tolist()
    assert sorted(seen) == list(range(len(pairs[0])))
    assert (len(several) == 1) or sum(len(np.unique(each)) for each in numbers.values()) > room
