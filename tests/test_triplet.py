"""Triplets of a split: the windows of training, in the published order, read by a loader like the public ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from epidyn import Genome, Model, kmers, windows
from epidyn.controls import SequenceShuffle
from epidyn.dataset import WindowSettings, split_data
from epidyn.elements import ROLES, Role
from epidyn.errors import ChromosomeError, OutputError, PairTableError
from epidyn.genome import decode
from epidyn.nn import EpiDynFusion
from epidyn.pairs import read_pairs, read_triplet
from epidyn.scoring import NetworkScorer
from epidyn.splits import Split, make_split
from epidyn.training import RunConfig, export_triplets
from epidyn.training.inputs import read_inputs
from epidyn.triplet import write_triplets
from tests.cli.conftest import Run, epidyn, listing, refused  # noqa: F401  (a fixture)
from tests.conftest import needs_data
from tests.nn.toys import small_codes, small_config

LENGTHS: dict[Role, int] = {"enhancer": 130, "promoter": 110}
COPIES, STEP = 3, 7
SETTINGS: WindowSettings = {
    "lengths": LENGTHS,
    "copies": COPIES,
    "step": STEP,
    "validation_fraction": 0.1,
    "seed": 3,
    "change": None,
}
BASES = {base: number for number, base in enumerate("ACGT")}


@pytest.fixture(scope="module")
def pairs(simulated: Path) -> pd.DataFrame:
    """Labels in no order."""
    table = read_pairs(simulated / "pairs.csv").sample(frac=1, random_state=1).reset_index(drop=True)
    return table.assign(cell_line="K562")


@pytest.fixture(scope="module")
def genome(simulated: Path) -> Genome:
    return Genome.open(simulated / "genome.fa")


@pytest.fixture(scope="module")
def split(pairs: pd.DataFrame) -> Split:
    return make_split(pairs, "chromosome:chr4", "chromosome:chr3", seed=3)


def public_loader(folder: Path, part: str, line: str, end: str = "") -> tuple[list[str], list[str], npt.NDArray]:
    """Read a part as the public scripts do: every second line is a sequence, numpy takes the labels."""
    enhancers, promoters = (
        (folder / part / f"{line}_{role}{end}.fasta").read_text().splitlines()[1::2] for role in ROLES
    )
    return enhancers, promoters, np.loadtxt(folder / part / f"{line}_label{end}.txt")


def ids(sequences: list[str], length: int) -> npt.NDArray[np.int64]:
    """6-mer numbers, plainly: 1 + base 4, zeros in front up to ``length``."""
    rows = []
    for bases in sequences:
        words = [bases[i : i + 6] for i in range(len(bases) - 5)]
        numbers = [
            0 if "N" in word else 1 + sum(BASES[b] * 4 ** (5 - i) for i, b in enumerate(word)) for word in words
        ]
        rows.append([0] * (length - len(numbers)) + numbers)
    return np.array(rows)


def one_by_one(pairs: pd.DataFrame, genome: Genome, rows: list[int], role: Role, copy: int | None) -> list[str]:
    """Fetch the windows of one role row by row; ``copy`` None: the central one."""
    found, length = [], LENGTHS[role]
    for row in rows:
        chrom, start, end = (pairs[f"{role}_{part}"][row] for part in ("chrom", "start", "end"))
        size = genome.sizes[chrom]
        if copy is None:
            first = int(windows.central(start, end, length, size))
        else:
            first = int(windows.shifted(start, end, length, size, COPIES, STEP)[copy])
        found.append(decode(genome.fetch(chrom, first, first + length)))
    return found


def test_parts_hold_the_windows_of_training_in_the_published_order(tmp_path, pairs, genome, split):
    folder = write_triplets(pairs, genome, split, tmp_path / "data", **SETTINGS)
    assert folder == tmp_path / "data" / "K562"
    labels = pairs["label"].to_numpy()
    for part, place, end in (("train", "train", ""), ("validation", "validation", "_validation")):
        rows = split.rows(part)
        positive, negative = rows[labels[rows] == 1].tolist(), rows[labels[rows] == 0].tolist()
        *sequences, read = public_loader(folder, place, "K562", end)
        assert read.tolist() == [1] * COPIES * len(positive) + [0] * len(negative)
        for role, got in zip(ROLES, sequences, strict=True):
            shifted = [each for copy in range(COPIES) for each in one_by_one(pairs, genome, positive, role, copy)]
            assert got == shifted + one_by_one(pairs, genome, negative, role, None)
    for part, place, end in (("train", "imbltrain", ""), ("test", "test", "_test")):
        rows = split.rows(part)
        ordered = [*rows[labels[rows] == 1].tolist(), *rows[labels[rows] == 0].tolist()]
        *sequences, read = public_loader(folder, place, "K562", end)
        assert read.tolist() == labels[ordered].tolist()
        for role, got in zip(ROLES, sequences, strict=True):
            assert got == one_by_one(pairs, genome, ordered, role, None)
    again = read_pairs(folder / "test" / "K562_pairs_test.csv")
    columns = list(pairs)
    pd.testing.assert_frame_equal(again[columns], pairs.iloc[ordered].reset_index(drop=True))
    headers = (folder / "test" / "K562_enhancer_test.fasta").read_text().splitlines()[::2]
    first = pairs.iloc[ordered[0]]
    assert headers[0] == f">{first.enhancer_chrom}:{first.enhancer_start}-{first.enhancer_end}"


def test_a_plain_loader_trains_on_the_files_alone(tmp_path, pairs, genome, split):
    folder = write_triplets(pairs, genome, split, tmp_path, **SETTINGS)
    tokens, labels = {}, {}
    for part, end in (("train", ""), ("test", "_test")):
        *sequences, labels[part] = public_loader(folder, part, "K562", end)
        tokens[part] = [ids(each, LENGTHS[role]) for each, role in zip(sequences, ROLES, strict=True)]
        assert [each.shape for each in tokens[part]] == [(len(labels[part]), LENGTHS[role]) for role in ROLES]
    data = split_data(pairs, genome, split, **SETTINGS)
    order = np.argsort(-data.test.label, kind="stable")
    for role, read in zip(ROLES, tokens["test"], strict=True):
        positions = getattr(data.test, role)[order]
        np.testing.assert_array_equal(read, kmers.tokenize(data.store.codes(role, positions)))
    counted = {
        part: np.hstack([np.apply_along_axis(np.bincount, 1, each, minlength=4097) for each in tokens[part]])
        for part in tokens
    }
    fitted = LogisticRegression(max_iter=500).fit(counted["train"], labels["train"])
    assert roc_auc_score(labels["test"], fitted.decision_function(counted["test"])) > 0.6


def test_what_is_written_reads_back(tmp_path, pairs, genome, split):
    folder = write_triplets(pairs, genome, split, tmp_path, **SETTINGS)
    table, contigs = read_triplet(
        *(folder / "train" / f"K562_{role}.fasta" for role in ROLES), folder / "train" / "K562_label.txt"
    )
    data = split_data(pairs, genome, split, **SETTINGS)
    assert len(table) == len(data.train)
    assert table["label"].sum() == data.train.label.sum()
    everything = Split(np.full(len(table), "train", dtype=object), "column", "none")
    again = split_data(table, contigs, everything, **{**SETTINGS, "copies": 0})
    for role in ROLES:
        one = data.store.codes(role, getattr(data.train, role))
        other = again.store.codes(role, getattr(again.train, role))
        assert sorted(map(bytes, one)) == sorted(map(bytes, other))


@pytest.mark.parametrize("change", [None, SequenceShuffle(5)])
def test_no_copies_and_controls(tmp_path, pairs, genome, split, change):
    """Without copies the balanced and the imbalanced training set are the same, a control's bases in both."""
    settings: WindowSettings = {**SETTINGS, "copies": 0, "change": change}
    folder = write_triplets(pairs, genome, split, tmp_path, **settings)
    for file in ("K562_enhancer.fasta", "K562_promoter.fasta", "K562_label.txt"):
        assert (folder / "train" / file).read_bytes() == (folder / "imbltrain" / file).read_bytes()
    plain = one_by_one(pairs, genome, split.rows("test").tolist(), "enhancer", None)
    written = public_loader(folder, "test", "K562", "_test")[0]
    assert (sorted(written) == sorted(plain)) is (change is None)


@pytest.mark.parametrize(
    ("lines", "name"),
    [(["K562"] * 2, "K562"), (["a", "b"], "ALL"), (["", ""], "pairs"), (["../my cells"] * 2, "_my_cells")],
)
def test_folder_and_files_are_called_by_the_cell_line(tmp_path, pairs, genome, split, lines, name):
    table = pairs.assign(cell_line=np.resize(lines, len(pairs)))
    folder = write_triplets(table, genome, split, tmp_path / "out", **SETTINGS)
    assert folder == tmp_path / "out" / name
    assert (folder / "train" / f"{name}_enhancer.fasta").is_file()


def test_a_part_without_pairs_has_no_files(tmp_path, pairs, genome, split):
    parts = np.where(split.parts == "test", "unused", split.parts).astype(object)
    folder = write_triplets(pairs, genome, Split(parts, "column", "column"), tmp_path, **SETTINGS)
    assert sorted(path.name for path in folder.iterdir()) == ["imbltrain", "train", "validation"]


def test_an_export_is_replaced_only_by_force_and_alone(tmp_path, pairs, genome, split):
    folder = write_triplets(pairs, genome, split, tmp_path, **SETTINGS)
    (folder / "mine").write_text("kept")
    before = listing(folder)
    with pytest.raises(OutputError, match="not empty"):
        write_triplets(pairs, genome, split, tmp_path, **SETTINGS)
    with pytest.raises(ChromosomeError):
        write_triplets(pairs.assign(enhancer_chrom="chr9"), genome, split, tmp_path, force=True, **SETTINGS)
    assert listing(folder) == before
    write_triplets(pairs, genome, split, tmp_path, force=True, **SETTINGS)
    assert listing(folder) == before


@pytest.mark.parametrize("validation", ["samples", "chromosome:chr3"])
def test_an_exported_run_is_what_the_run_trains_on(tmp_path, toy_config: Callable[..., RunConfig], validation):
    config = toy_config(split={"validation": validation, "validation_fraction": 0.2})
    folder = export_triplets(config, tmp_path)
    inputs = read_inputs(config)
    for part, end in (("train", ""), ("validation", "_validation"), ("test", "_test")):
        samples = getattr(inputs.data, part)
        *sequences, labels = public_loader(folder, part, folder.name, end)
        assert labels.sum() == samples.label.sum()
        for role, got in zip(ROLES, sequences, strict=True):
            expected = map(decode, inputs.data.store.codes(role, getattr(samples, role)))
            assert sorted(got) == sorted(expected)


def command(simulated: Path, out: Path) -> list[object]:
    names = ["--pairs", simulated / "pairs.csv", "--genome", simulated / "genome.fa"]
    lengths = [word for role in ROLES for word in ("--set", f"network.{role}_length={LENGTHS[role]}")]
    return ["train", *names, "--split", "chromosome:chr4", *lengths, "--export-triplets", out]


def test_the_command_trains_nothing(epidyn: Run, simulated: Path, tmp_path: Path):  # noqa: F811
    result = epidyn(*command(simulated, tmp_path / "data"))
    assert result.code == 0
    (folder,) = (tmp_path / "data").iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["imbltrain", "test", "train", "validation"]
    enhancers, promoters, labels = public_loader(folder, "test", folder.name, "_test")
    assert len(enhancers) == len(promoters) == len(labels) == 30
    refused(epidyn(*command(simulated, tmp_path / "data")), "not empty", "--force")
    assert epidyn(*command(simulated, tmp_path / "data"), "--force").code == 0
    for more in (["--out", tmp_path / "run"], ["--continue"]):
        refused(epidyn(*command(simulated, tmp_path / "b"), *more), "--export-triplets trains nothing")
    refused(epidyn("train", "--resume", tmp_path, "--export-triplets", tmp_path), "--resume takes no other option")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_the_split_of_a_run_that_is_there(
    epidyn: Run,  # noqa: F811
    toy_config: Callable[..., RunConfig],
    tmp_path: Path,
):
    (tmp_path / "config.toml").write_text(toy_config(split={"split": "chromosome:chr2"}).to_toml())
    assert epidyn("train", "--config", tmp_path / "config.toml", "--export-triplets", tmp_path / "data").code == 0
    folder = export_triplets(toy_config(split={"split": "chromosome:chr2"}), tmp_path / "again")
    assert listing(folder) == listing(tmp_path / "data" / folder.name)


def test_a_model_scores_a_triplet(tmp_path):
    """The windows of the contigs are the sequences."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        model = Model(NetworkScorer(EpiDynFusion(small_config())))
    codes = [each.numpy() for each in small_codes(batch=9)]
    for role, each in zip(ROLES, codes, strict=True):
        records = (f">{i}\n{decode(bases)}\n" for i, bases in enumerate(each))
        (tmp_path / f"{role}.fasta").write_text("".join(records))
    table, contigs = read_triplet(*(tmp_path / f"{role}.fasta" for role in ROLES))
    np.testing.assert_allclose(model.predict(table, contigs), model.predict_codes(*codes), atol=1e-6)
    other = Genome.from_dict({name: contigs.fetch(name, 0, size) for name, size in contigs.sizes.items()})
    with pytest.raises(PairTableError, match="9 rows cannot be used"):
        model.predict(table, other)


@needs_data
def test_real_pairs_of_a_megabase(tmp_path: Path, data: Path):
    table = read_pairs(data / "hg19" / "chr20_1-2Mb.pairs.csv").drop(columns="cell_line")  # few of each
    split = make_split(table, "random", "samples", seed=1, test_fraction=0.5)
    settings: WindowSettings = {
        **SETTINGS,
        "lengths": {"enhancer": 3000, "promoter": 2000},
        "copies": 20,
        "step": 50,
    }
    with Genome.open(data / "hg19" / "chr20_1-2Mb.fa.gz") as genome:
        folder = write_triplets(table, genome, split, tmp_path, **settings)
    found = {}
    for part, end in (("train", ""), ("validation", "_validation"), ("imbltrain", ""), ("test", "_test")):
        *sequences, labels = public_loader(folder, part, folder.name, end)
        for role, each in zip(ROLES, sequences, strict=True):
            assert len(each) == len(labels)
            assert {len(bases) for bases in each} == {settings["lengths"][role]}
        found[part] = np.array([labels.sum(), (1 - labels).sum()])
    positives, negatives = (int((table["label"] == label).sum()) for label in (1, 0))
    assert found["test"].tolist() == [positives // 2, negatives // 2]
    assert found["imbltrain"].tolist() == [positives - positives // 2, negatives - negatives // 2]
    assert (found["train"] + found["validation"]).tolist() == (found["imbltrain"] * [20, 1]).tolist()
