"""Samples against windows fetched one by one, and the order of batches."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from epidyn import windows
from epidyn.dataset import (
    EpochPlans,
    PairDataModule,
    Plan,
    Samples,
    SplitData,
    WindowDataset,
    balanced_copies,
    batches_per_epoch,
    samples_in,
    split_data,
)
from epidyn.elements import ROLES, Role
from epidyn.errors import ChromosomeError, IntervalError, SplitError
from epidyn.genome import Genome, decode
from epidyn.pairs import read_pairs
from epidyn.splits import Split, make_split
from tests.conftest import needs_data
from tests.pairs.tables import UNHURRIED

rng = np.random.default_rng(11)
SIZES = {"chr1": 1931, "chr2": 1277}
GENOME = Genome.from_dict({name: rng.integers(0, 5, size) for name, size in SIZES.items()}, name="toy")
LENGTHS: dict[Role, int] = {"enhancer": 31, "promoter": 19}
STEP = 3
PARTS = ["train"] * 14 + ["validation"] * 6 + ["test"] * 5 + ["unused"] * 2


@pytest.fixture(scope="module")
def pairs() -> pd.DataFrame:
    """27 pairs that share 9 enhancers and 5 promoters, some at the very ends of their chromosome."""
    draw = np.random.default_rng(3)
    chrom = draw.choice(["1", "chr2"], 27)
    size = np.where(chrom == "1", SIZES["chr1"], SIZES["chr2"])
    table = pd.DataFrame({"label": np.array([0, 1, 0] * 9, dtype=np.int8)})
    for role, distinct, width in (("enhancer", 9, 47), ("promoter", 5, 28)):
        number = draw.integers(0, distinct, 27)
        start = number * (size - 9) // (distinct - 1)
        table[f"{role}_chrom"] = chrom
        table[f"{role}_start"] = start
        table[f"{role}_end"] = start + 1 + number * width % 53
    return table.set_index(np.arange(27)[::-1] + 400)


SPLIT = Split(np.random.default_rng(4).permutation(np.array(PARTS, dtype=object)), "column", "column")


def toy_data(pairs: pd.DataFrame, split: Split = SPLIT, **changes) -> SplitData:
    settings = {"lengths": LENGTHS, "copies": 4, "step": STEP, "validation_fraction": 0.2, "seed": 1}
    return split_data(pairs, GENOME, split, **{**settings, **changes})


def window(chrom: str, start: int, length: int) -> str:
    """Fetch base by base; N outside the chromosome."""
    size = GENOME.sizes[GENOME.resolve(chrom)]
    places = range(start, start + length)
    return "".join(decode(GENOME.fetch(chrom, at, at + 1)) if 0 <= at < size else "N" for at in places)


def slow_samples(pairs: pd.DataFrame, rows: np.ndarray, copies: int, *, oversampled: bool) -> Counter:
    """Row, label and both windows of each sample, by the rule, one at a time."""
    found: Counter = Counter()
    for row in rows:
        pair = pairs.iloc[row]
        shifts = oversampled and pair["label"] == 1 and copies > 0
        for copy in range(copies if shifts else 1):
            both = []
            for role in ROLES:
                chrom, start, end = (pair[f"{role}_{part}"] for part in ("chrom", "start", "end"))
                where = (start, end, LENGTHS[role], GENOME.sizes[GENOME.resolve(chrom)])
                first = windows.shifted(*where, copies, STEP)[copy] if shifts else windows.central(*where)
                both.append(window(chrom, int(first), LENGTHS[role]))
            found[int(row), float(pair["label"]), *both] += 1
    return found


def fast_samples(data: SplitData, samples: Samples) -> Counter:
    texts = [[decode(codes) for codes in data.store.codes(role, getattr(samples, role))] for role in ROLES]
    return Counter(zip(samples.row.tolist(), samples.label.tolist(), *texts, strict=True))


@pytest.mark.parametrize("copies", [0, 1, 4, 7])
def test_samples_are_the_rule_row_by_row(pairs: pd.DataFrame, copies: int):
    data = toy_data(pairs, copies=copies)
    assert data.copies == copies
    for part in ("train", "validation", "test"):
        samples = getattr(data, part)
        slow = slow_samples(pairs, SPLIT.rows(part), copies, oversampled=part != "test")
        assert slow
        assert fast_samples(data, samples) == slow
        assert samples.label.dtype == np.float32
        assert len(samples) == len(samples.row) == slow.total()
    assert any("N" in key[2] for key in fast_samples(data, data.train))


def test_copies_of_a_pair_move_together(pairs: pd.DataFrame):
    data = toy_data(pairs, copies=7)
    for row in set(data.train.row[data.train.label == 1].tolist()):
        mine = data.train.row == row
        assert mine.sum() == 7
        for role in ROLES:
            assert (np.diff(getattr(data.train, role)[mine]) == STEP).all()


def test_a_table_may_have_no_test_part_and_no_positive_in_it(pairs: pd.DataFrame):
    parts = np.where(SPLIT.parts == "test", "unused", SPLIT.parts)
    assert len(toy_data(pairs, Split(parts, "column", "column")).test) == 0
    parts[pairs["label"].to_numpy() == 1] = "unused"
    data = toy_data(pairs, Split(parts, "column", "column"))
    assert set(data.train.label.tolist()) == {0.0}


def test_balanced_copies_are_of_the_whole_table(pairs: pd.DataFrame):
    labels = pairs["label"].to_numpy()
    train = labels[SPLIT.rows("train")]
    assert toy_data(pairs, copies="balanced").copies == balanced_copies(train) > 1
    assert balanced_copies(train) == round((train == 0).sum() / (train == 1).sum())


@pytest.mark.parametrize(
    ("positives", "negatives", "copies"),
    [(10, 200, 20), (10, 204, 20), (10, 900, 20), (10, 72, 7), (10, 16, 2), (10, 14, 0), (10, 3, 0), (0, 30, 20)],
)
def test_balanced_copies(positives: int, negatives: int, copies: int):
    assert balanced_copies(np.array([1] * positives + [0] * negatives)) == copies


def test_validation_among_samples_is_a_part_of_the_training_samples(pairs: pd.DataFrame):
    parts = np.where(SPLIT.parts == "validation", "train", SPLIT.parts)
    split = Split(parts, "random", "samples")
    data = toy_data(pairs, split)
    slow = slow_samples(pairs, split.rows("train"), 4, oversampled=True)
    assert fast_samples(data, data.train) + fast_samples(data, data.validation) == slow
    for label in (0.0, 1.0):
        of_label = sum(count for key, count in slow.items() if key[1] == label)
        assert (data.validation.label == label).sum() == int(0.2 * of_label)
    assert set(data.validation.row.tolist()) & set(data.train.row.tolist())
    assert (toy_data(pairs, split).validation.row == data.validation.row).all()
    other = toy_data(pairs, split, seed=2).validation
    assert (other.enhancer != data.validation.enhancer).any()


def test_validation_among_samples_needs_both_labels(pairs: pd.DataFrame):
    split = Split(np.full(27, "train", dtype=object), "random", "samples")
    with pytest.raises(SplitError, match=r"5% of 54 window pairs .* without both labels"):
        toy_data(pairs, split, validation_fraction=0.05)


def test_a_genome_that_does_not_fit_is_told_before_reading(pairs: pd.DataFrame):
    with pytest.raises(ChromosomeError, match="holds chr1, chr2"):
        toy_data(pairs.assign(enhancer_chrom="chr7"))
    with pytest.raises(IntervalError, match="27 elements"):
        toy_data(pairs.assign(promoter_start=5000, promoter_end=5001))


@needs_data
def test_published_sizes_after_oversampling(data: Path):
    pairs = read_pairs(data / "targetfinder" / "NHEK.csv.gz")
    split = make_split(pairs, "random", "samples", seed=1)
    made = split_data(
        pairs,
        Genome.open("random:hg19"),
        split,
        lengths=LENGTHS,
        copies="balanced",
        validation_fraction=0.05,
        seed=1,
    )
    seen = np.concatenate([made.train.label, made.validation.label])
    assert made.copies == 20
    assert ((seen == 1).sum(), (seen == 0).sum()) == (23240, 23040)
    assert ((made.test.label == 1).sum(), (made.test.label == 0).sum()) == (129, 2560)
    held_out = made.validation.label
    assert ((held_out == 1).sum(), (held_out == 0).sum()) == (1162, 1152)


def order(plans: EpochPlans) -> list[list[int]]:
    return [plan.samples.tolist() for plan in plans]


SHAPES = {"samples": st.integers(1, 60), "batch_size": st.integers(2, 17)}


@UNHURRIED
@given(**SHAPES, seed=st.integers(0, 5), epoch=st.integers(0, 5))
def test_an_epoch_is_every_sample_once(samples: int, batch_size: int, seed: int, epoch: int):
    plans = EpochPlans(samples, batch_size, seed=seed, epoch=epoch, shuffle=True)
    batches = order(plans)
    flat = [sample for batch in batches for sample in batch]
    dropped = 1 if samples % batch_size == 1 else 0
    assert len(set(flat)) == len(flat) == samples - dropped
    assert set(flat) <= set(range(samples))
    assert len(batches) == len(plans)
    assert all(len(batch) == batch_size for batch in batches[:-1])
    assert all(len(batch) >= 2 for batch in batches)


@UNHURRIED
@given(**SHAPES)
def test_without_shuffling_all_samples_come_in_order(samples: int, batch_size: int):
    plans = EpochPlans(samples, batch_size)
    assert [sample for batch in order(plans) for sample in batch] == list(range(samples))
    assert len(plans) == -(-samples // batch_size)
    assert not any(plan.flip[role].any() for plan in plans for role in ROLES)


def test_an_epoch_is_a_function_of_seed_and_epoch():
    def batches(seed: int, epoch: int) -> list[list[int]]:
        return order(EpochPlans(53, 8, seed=seed, epoch=epoch, shuffle=True))

    assert batches(1, 2) == batches(1, 2)
    distinct = [batches(seed, epoch) for seed in range(3) for epoch in range(4)]
    assert all(one != other for number, one in enumerate(distinct) for other in distinct[:number])
    plans = EpochPlans(53, 8, seed=1, shuffle=True)
    assert order(plans) == order(plans)


def plan_values(plans: EpochPlans) -> list[list[object]]:
    return [[plan.samples.tolist(), *(plan.flip[role].tolist() for role in ROLES)] for plan in plans]


@UNHURRIED
@given(**SHAPES, start=st.integers(0, 35), length=st.integers(0, 35), world=st.integers(1, 3))
def test_any_stretch_of_an_epoch_is_that_of_the_whole(
    samples: int, batch_size: int, start: int, length: int, world: int
):
    settings = {"seed": 3, "epoch": 2, "shuffle": True, "flips": True, "device": (world - 1, world)}
    whole = plan_values(EpochPlans(samples, batch_size, **settings))
    stretch = EpochPlans(samples, batch_size, start=start, stop=start + length, **settings)
    assert plan_values(stretch) == whole[start : start + length]
    assert len(stretch) == len(whole[start : start + length])
    assert plan_values(EpochPlans(samples, batch_size, start=start, **settings)) == whole[start:]


@UNHURRIED
@given(**SHAPES, world=st.integers(1, 3), shuffle=st.booleans())
def test_devices_divide_each_batch(samples: int, batch_size: int, world: int, shuffle: bool):
    settings = {"seed": 3, "shuffle": shuffle, "flips": shuffle}
    alone = list(EpochPlans(samples, batch_size, **settings))
    shares = [list(EpochPlans(samples, batch_size, device=(rank, world), **settings)) for rank in range(world)]
    together = list(zip(*shares, strict=True))
    assert 0 <= len(alone) - len(together) <= 1
    for whole, parts in zip(alone, together, strict=False):
        sizes = [len(part.samples) for part in parts]
        assert sum(sizes) == len(whole.samples)
        assert max(sizes) - min(sizes) <= 1
        assert not shuffle or batch_size < 2 * world or min(sizes) >= 2
        flips = dict(zip(whole.samples.tolist(), whole.flip["promoter"].tolist(), strict=True))
        got = [zip(part.samples.tolist(), part.flip["promoter"].tolist(), strict=True) for part in parts]
        assert dict(chain.from_iterable(got)) == flips
    if len(together) < len(alone):
        assert shuffle
        assert len(alone[-1].samples) < 2 * world


@pytest.mark.parametrize(
    ("samples", "smallest", "batches"),
    [(24, 2, 3), (25, 2, 3), (25, 1, 4), (26, 2, 4), (27, 4, 3), (0, 1, 0), (5, 2, 1)],
)
def test_a_last_batch_that_is_too_small_does_not_count(samples: int, smallest: int, batches: int):
    assert batches_per_epoch(samples, 8, smallest=smallest) == batches


def test_about_half_the_windows_flip_and_each_role_for_itself():
    flips = {
        role: np.concatenate([plan.flip[role] for plan in EpochPlans(3000, 64, seed=1, shuffle=True, flips=True)])
        for role in ROLES
    }
    assert all(0.46 < flip.mean() < 0.54 for flip in flips.values())
    assert 0.46 < (flips["enhancer"] == flips["promoter"]).mean() < 0.54
    assert not any(plan.flip[role].any() for plan in EpochPlans(300, 64, seed=1, shuffle=True) for role in ROLES)


def test_flips_do_not_change_the_order_and_differ_between_epochs():
    def flipped(epoch: int) -> dict[int, bool]:
        plans = EpochPlans(300, 64, seed=1, epoch=epoch, shuffle=True, flips=True)
        assert order(plans) == order(EpochPlans(300, 64, seed=1, epoch=epoch, shuffle=True))
        return {
            sample: turned
            for plan in plans
            for sample, turned in zip(plan.samples.tolist(), plan.flip["enhancer"].tolist(), strict=True)
        }

    assert flipped(0) == flipped(0)
    assert flipped(0) != flipped(1)


def test_flipped_windows_are_the_other_strand(pairs: pd.DataFrame):
    data = toy_data(pairs)
    dataset = WindowDataset(data.store, data.train)
    chosen = np.array([5, 0, 7, 3])
    turned = {"enhancer": np.array([True, False, True, False]), "promoter": np.array([False, False, True, True])}
    straight = dataset[Plan(chosen, dict.fromkeys(ROLES, np.zeros(4, dtype=bool)))]
    batch = dataset[Plan(chosen, turned)]
    assert batch["label"].tolist() == straight["label"].tolist() == data.train.label[chosen].tolist()
    for role in ROLES:
        for flip, got, was in zip(turned[role], batch[role], straight[role], strict=True):
            text = decode(was.numpy())
            other = text[::-1].translate(str.maketrans("ACGT", "TGCA"))
            assert decode(got.numpy()) == (other if flip else text)
            assert other != text


def module(pairs: pd.DataFrame, *, rc_augment: bool = False) -> PairDataModule:
    return PairDataModule(toy_data(pairs), batch_size=8, seed=5, rc_augment=rc_augment)


@pytest.mark.parametrize("loader", ["train_dataloader", "val_dataloader"])
def test_batches_are_tensors_of_codes_and_labels(pairs: pd.DataFrame, loader: str):
    for batch in getattr(module(pairs, rc_augment=True), loader)():
        assert set(batch) == {"enhancer", "promoter", "label"}
        count = len(batch["label"])
        assert batch["label"].shape == (count,)
        assert batch["label"].dtype == torch.float32
        for role in ROLES:
            assert batch[role].shape == (count, LENGTHS[role])
            assert batch[role].dtype == torch.uint8


def texts(batches) -> list[tuple]:
    return [
        (decode(enhancer.numpy()), decode(promoter.numpy()), float(label))
        for batch in batches
        for enhancer, promoter, label in zip(batch["enhancer"], batch["promoter"], batch["label"], strict=True)
    ]


def test_loaders_yield_every_sample(pairs: pd.DataFrame):
    loaders = module(pairs)
    for part, batches in (("train", loaders.train_dataloader()), ("validation", loaders.val_dataloader())):
        samples = getattr(loaders.data, part)
        assert len(samples) % 8 != 1
        wanted = Counter()
        for (_, label, enhancer, promoter), count in fast_samples(loaders.data, samples).items():
            wanted[enhancer, promoter, label] += count
        assert Counter(texts(batches)) == wanted
        assert len(batches) == -(-len(samples) // 8)


def test_validation_comes_in_order_every_time(pairs: pd.DataFrame):
    loader = module(pairs, rc_augment=True).val_dataloader()
    assert texts(loader) == texts(loader)
    labels = [label for *_, label in texts(loader)]
    assert labels == toy_data(pairs).validation.label.tolist()


@pytest.mark.parametrize("rc_augment", [False, True])
def test_training_goes_on_in_the_middle_of_an_epoch(pairs: pd.DataFrame, rc_augment: bool):
    whole = module(pairs, rc_augment=rc_augment)
    whole.go_to(3)
    epoch = [texts([batch]) for batch in whole.train_dataloader()]
    resumed = module(pairs, rc_augment=rc_augment)
    resumed.go_to(3, start=1, stop=3)
    assert [texts([batch]) for batch in resumed.train_dataloader()] == epoch[1:3]
    resumed.go_to(3, start=3)
    assert [texts([batch]) for batch in resumed.train_dataloader()] == epoch[3:]
    resumed.go_to(4)
    assert texts(resumed.train_dataloader()) != [sample for batch in epoch for sample in batch]


def test_loaders_draw_from_no_global_generator(pairs: pd.DataFrame):
    loaders = module(pairs, rc_augment=True)
    before, numbers = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    for batches in (loaders.train_dataloader(), loaders.val_dataloader()):
        assert len(list(batches)) == len(batches)
    assert torch.equal(torch.get_rng_state(), before)
    assert (np.random.get_state()[1] == numbers).all()  # noqa: NPY002


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize(("samples", "batch_size"), [(90, 13), (27, 13), (26, 13), (30, 7), (35, 8)])
def test_samples_in_steps_are_those_of_the_plans(samples: int, batch_size: int, devices: int):
    sizes = []
    for epoch in range(3):
        shares = (
            EpochPlans(samples, batch_size, epoch=epoch, shuffle=True, device=(rank, devices))
            for rank in range(devices)
        )
        sizes += [sum(len(plan.samples) for plan in batch) for batch in zip(*shares, strict=True)]
    for steps in range(len(sizes) + 1):
        assert samples_in(steps, samples, batch_size, smallest=2 * devices) == sum(sizes[:steps])
