"""Bad input to train: refused before a run folder holds anything."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
import torch

import epidyn.training
from epidyn.training.config import RunConfig
from tests.cli.conftest import (
    BAD_TABLES,
    FOREIGN_TABLES,
    GENOMES_AT_FAULT,
    Inputs,
    Result,
    Run,
    good_table,
    listing,
    refused,
    write,
)
from tests.nn.toys import SMALL

# A table of 60 pairs has too few for the default share of validation pairs.
SPLIT = ["--split", "chromosome:chr3", "--validation", "chromosome:chr2"]


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(tomli_w.dumps({"network": SMALL, "training": {"max_steps": 1, "copies": 1}}))
    return path


@pytest.fixture
def train(epidyn: Run, inputs: Inputs, work: Path, toml: Path):
    """Run train with good options, those in ``changes`` replaced (None: left out), and ``more`` behind them."""

    def run(*more: object, **changes: object) -> Result:
        given = {"pairs": inputs.pairs, "genome": inputs.genome, "out": work / "run", "config": toml, **changes}
        options = [(f"--{name.replace('_', '-')}", value) for name, value in given.items() if value is not None]
        return epidyn("train", *(word for option in options for word in option), *SPLIT, *more)

    return run


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[RunConfig]:
    """What reaches the library, which then does nothing."""
    configs: list[RunConfig] = []
    monkeypatch.setattr(epidyn.training, "train", lambda config, out, force: configs.append(config))
    return configs


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--conv", "winograd"], ("--conv", "'winograd'", "'auto', 'direct', 'fft'")),
        (["--precision", "64"], ("--precision", "'64'", "'auto', '32', 'bf16'")),
        (["--set", "training.conv=winograd"], ("training.conv", "'auto', 'direct' or 'fft'")),
        (["--set", "network.enhancer_length=14"], ("enhancer_length (14) is too short", "at least")),
        (["--compile", "--accelerator", "cpu"], ("--compile is for a GPU",)),
    ],
)
def test_refuses_to_compute_in_unknown_ways(train, work: Path, options: list[str], words: tuple[str, ...]):
    refused(train(*options), *words)
    assert listing(work) == {}


# Files


@pytest.mark.parametrize(("content", "words"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_refuses_a_bad_table(train, tmp_path: Path, work: Path, content: bytes | None, words: tuple[str, ...]):
    pairs = write(tmp_path / "bad" / "pairs.csv", content)
    refused(train(pairs=pairs), str(pairs), *words)
    assert listing(work) == {}


@pytest.mark.parametrize(("content", "words"), FOREIGN_TABLES.values(), ids=FOREIGN_TABLES)
def test_refuses_a_table_of_another_genome(
    train, tmp_path: Path, work: Path, content: bytes, words: tuple[str, ...]
):
    refused(train(pairs=write(tmp_path / "bad" / "pairs.csv", content)), "genome.fa", *words)
    assert listing(work) == {}


@pytest.mark.parametrize(("content", "words"), GENOMES_AT_FAULT.values(), ids=GENOMES_AT_FAULT)
def test_refuses_a_bad_genome(train, tmp_path: Path, work: Path, content: bytes | None, words: tuple[str, ...]):
    genome = write(tmp_path / "bad" / "genome.fa", content)
    before = listing(genome.parent)
    refused(train(genome=genome), "genome.fa", *words)
    assert listing(work) == {}
    assert listing(genome.parent) == before


def test_refuses_a_truncated_bgzip_genome(train, work: Path, bgzip_without_end: Path):
    refused(train(genome=bgzip_without_end), str(bgzip_without_end), "truncated bgzip")
    assert listing(work) == {}


def test_refuses_a_table_without_labels(train, tmp_path: Path, work: Path):
    lines = [line.rpartition(",")[0] for line in good_table().splitlines()]
    pairs = write(tmp_path / "bad" / "pairs.csv", "\n".join(lines).encode())
    refused(train(pairs=pairs), str(pairs), "no label column", "labels 0 and 1")
    assert listing(work) == {}


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("split", ["random", "chromosome:chr3"])
@pytest.mark.parametrize("validation", ["auto", "pairs"])
def test_refuses_a_table_with_one_label(
    train, tmp_path: Path, work: Path, split: str, validation: str, label: int
):
    lines = [f"{line.rpartition(',')[0]},{label}" for line in good_table().splitlines()[1:]]
    pairs = write(tmp_path / "bad" / "pairs.csv", "\n".join([good_table().splitlines()[0], *lines]).encode())
    refused(train("--split", split, "--validation", validation, pairs=pairs), "label", "both 0 and 1")
    assert listing(work) == {}


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        (np.zeros((4096, 7)), ("(4096, 7)", "(4097, dimensions)")),
        (np.zeros((7, 4097)), ("(7, 4097)",)),
        (np.zeros(4097), ("(4097,)",)),
        (np.zeros((4097, 9)), ("9 dimensions", "vector_size")),
        (np.full((4097, 7), np.nan), ("not finite",)),
        (np.full((4097, 7), "x"), ("numbers are needed",)),
        (np.full((4097, 1), None), ("cannot be read",)),
    ],
    ids=["rows", "turned", "one axis", "dimensions", "nan", "text", "objects"],
)
def test_refuses_vectors_of_another_shape(
    train, tmp_path: Path, work: Path, vectors: np.ndarray, words: tuple[str, ...]
):
    path = tmp_path / "vectors.npy"
    np.save(path, vectors, allow_pickle=True)
    refused(train(kmer_vectors=path), *words)
    assert listing(work) == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ("does not exist",)),
        (b"", ("is empty",)),
        (b"AAAAAA 0.1 0.2\n", ("neither .npy nor word2vec",)),
        (b"2 3\nAAAAAA 0.1 0.2 0.3\nAAAAAC 1 2\n", ("line 3", "3 numbers")),
        (b"1 3\nAAAAAA 0.1 0.2 0.3\n", ("lack 4095 of the 4096",)),
        (b"\x93NUMPY\x01\x00", ("cannot be read",)),
    ],
)
def test_refuses_files_without_vectors(
    train, tmp_path: Path, work: Path, content: bytes | None, words: tuple[str, ...]
):
    path = write(tmp_path / "bad" / "vectors.dat", content)
    refused(train(kmer_vectors=path), str(path), *words)
    assert listing(work) == {}


# A model to start from


def test_refuses_to_start_from_a_truncated_model(train, inputs: Inputs, tmp_path: Path, work: Path):
    path = write(tmp_path / "bad" / "m.safetensors", inputs.model.read_bytes()[:-1])
    refused(train(init=path), str(path), "truncated", "Copy it again")
    assert listing(work) == {}


def test_refuses_to_start_from_a_later_format(train, inputs: Inputs, tmp_path: Path, work: Path):
    content = inputs.model.read_bytes()
    assert content.count(b'"format":"1"') == 1
    path = write(tmp_path / "bad" / "m.safetensors", content.replace(b'"format":"1"', b'"format":"2"'))
    refused(train(init=path), str(path), "its format is 2", "Install a newer one")
    assert listing(work) == {}


def test_refuses_to_start_from_damaged_metadata(train, inputs: Inputs, tmp_path: Path, work: Path):
    content = inputs.model.read_bytes()
    size = struct.unpack_from("<Q", content)[0]
    header = content[8 : 8 + size].replace(b'"split":"null"', b'"split":"nul?"')
    path = write(tmp_path / "bad" / "m.safetensors", content[:8] + header + content[8 + size :])
    refused(train(init=path), str(path), "damaged")
    assert listing(work) == {}


def test_refuses_a_model_together_with_vectors(train, inputs: Inputs, tmp_path: Path, work: Path):
    np.save(tmp_path / "vectors.npy", np.zeros((4097, 7)))
    result = train(init=inputs.model, kmer_vectors=tmp_path / "vectors.npy", config=None)
    refused(result, "kmer_vectors has no effect with init", "Leave one out")
    assert listing(work) == {}


def test_refuses_another_network_than_the_model_has(train, inputs: Inputs, work: Path):
    result = train("--set", "network.dense=8", init=inputs.model)
    refused(result, "must keep its network", "network.dense: 8, the model has 9")
    assert listing(work) == {}


# Settings


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch_size": 0}, ("training.batch_size", "(given: 0)")),
        ({"batch_size": 1}, ("training.batch_size", "(given: 1)")),
        ({"batch_size": 65537}, ("training.batch_size", "(given: 65537)")),
        ({"learning_rate": 0}, ("training.learning_rate", "(given: 0.0)")),
        ({"learning_rate": -0.1}, ("training.learning_rate", "(given: -0.1)")),
        ({"learning_rate": 2}, ("training.learning_rate", "(given: 2.0)")),
        ({"learning_rate": "nan"}, ("training.learning_rate", "(given: nan)")),
        ({"epochs": 0}, ("training.epochs", "(given: 0)")),
        ({"patience": -1}, ("training.patience", "(given: -1)")),
        ({"max_steps": 0}, ("training.max_steps", "(given: 0)")),
        ({"seed": -1}, ("training.seed", "(given: -1)")),
        ({"copies": -1}, ("training.copies", "(given: '-1')")),
        ({"copies": "some"}, ("training.copies", "(given: 'some')")),
        ({"save_minutes": -1}, ("training.save_minutes", "(given: -1.0)")),
        ({"devices": 0}, ("training.devices", "(given: 0)")),
        ({"batch_size": 0, "epochs": 0}, ("training.batch_size", "training.epochs")),
    ],
)
def test_refuses_settings_out_of_range(train, work: Path, changes: dict[str, Any], words: tuple[str, ...]):
    refused(train(**changes), *words)
    assert listing(work) == {}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"training": {"batchsize": 5}}, ("training.batchsize is unknown", "batch_size")),
        ({"network": {"layers": 5}}, ("network.layers is unknown", "gru_layers")),
        ({"nets": {"gru": True}}, ("nets is unknown", "data, split, training, network")),
        ({"epochs": 5}, ("'epochs' stands outside a section", "data, split, training, network")),
        ({"training": 5}, ("'training' stands outside a section",)),
        ({"training": "init"}, ("'training' stands outside a section",)),
        ({"training": {"init": 5}}, ("training.init", "(given: 5)")),
        ({"network": {"channels": 7}}, ("channels (7)", "heads")),
        ({"network": {"fusion": "magic"}}, ("network.fusion", "'dynamic'", "(given: 'magic')")),
        ({"split": {"test_fraction": 1.0}}, ("split.test_fraction", "(given: 1.0)")),
    ],
)
def test_refuses_a_configuration(
    train, tmp_path: Path, work: Path, settings: dict[str, Any], words: tuple[str, ...]
):
    (tmp_path / "bad.toml").write_text(tomli_w.dumps(settings))
    refused(train(config=tmp_path / "bad.toml"), *words)
    assert listing(work) == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ("does not exist",)),
        (b"", ("is empty",)),
        (b"training: {epochs: 3}\n", ("no TOML",)),
        (b"\xff\xfe", ("UTF-8",)),
    ],
)
def test_refuses_a_file_that_is_no_configuration(
    train, tmp_path: Path, work: Path, content: bytes | None, words: tuple[str, ...]
):
    path = write(tmp_path / "bad" / "c.toml", content)
    refused(train(config=path), str(path), *words)
    assert listing(work) == {}


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("training.batchsize=5", ("training.batchsize is unknown", "batch_size")),
        ("nets.gru=false", ("nets is unknown",)),
        ("gru=false", ("'gru=false'", "section.key=value")),
        ("network.gru", ("'network.gru'", "section.key=value")),
        ("network.gru=maybe", ("network.gru", "(given: 'maybe')")),
    ],
)
def test_refuses_an_assignment(train, work: Path, assignment: str, words: tuple[str, ...]):
    refused(train("--set", assignment), *words)
    assert listing(work) == {}


def test_zero_is_a_given_value(train, seen: list[RunConfig]):
    assert train("--set", "training.seed=7", seed=0, copies=0, save_minutes=0).code == 0
    assert seen[0].training.seed == 0
    assert seen[0].training.copies == 0
    assert seen[0].training.save_minutes == 0


def test_options_win_over_assignments_over_the_file(train, seen: list[RunConfig], tmp_path: Path):
    (tmp_path / "c.toml").write_text("[training]\nepochs = 2\npatience = 3\nseed = 4\n")
    result = train(
        *("--set", "training.patience=13", "--set", "training.seed=14"), config=tmp_path / "c.toml", seed=24
    )
    assert result.code == 0
    training = seen[0].training
    assert (training.epochs, training.patience, training.seed) == (2, 13, 24)


def test_paths_become_absolute(train, seen: list[RunConfig], inputs: Inputs, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(inputs.pairs.parent)
    assert train(pairs="pairs.csv", genome="genome.fa", init="model.safetensors", config=None).code == 0
    assert seen[0].data.pairs == str(inputs.pairs)
    assert seen[0].data.genome == str(inputs.genome)
    assert seen[0].training.init == str(inputs.model)
    assert seen[0].network.dense == 9


def test_regime_pool_optimiser_and_several_tables_reach_the_run(
    train, seen: list[RunConfig], inputs: Inputs, tmp_path: Path
):
    other = ("--pairs", tmp_path / "other.csv")
    assert train(*other, "--regime", "general", "--pool", "strict", "--optimizer", "RMSprop").code == 0
    assert seen[0].data.pairs == [str(inputs.pairs), str(tmp_path / "other.csv")]
    assert (seen[0].training.regime, seen[0].split.pool) == ("general", "strict")
    assert seen[0].training.optimizer == "RMSprop"
    assert train("--regime", "fine-tuned", init=inputs.model).code == 0
    assert seen[1].training.learning_rate == 1e-4
    assert seen[1].data.pairs == str(inputs.pairs)


def test_refuses_what_no_regime_can_be(train, work: Path, inputs: Inputs, tmp_path: Path):
    refused(train("--regime", "best"), "--regime", "'best'", "'fine-tuned'")
    refused(train("--optimizer", "SGD"), "--optimizer", "'SGD'", "'NAdam'")
    refused(train("--pool", "some"), "--pool", "'some'", "'strict'")
    refused(train("--set", "split.pool=some"), "split.pool", "'strict'")
    refused(train("--regime", "fine-tuned"), "training", "regime fine-tuned starts from a model", "--init")
    refused(train("--regime", "general"), "--regime general pools cell lines, and there is one", "--pairs")
    refused(train("--pool", "strict"), "--pool strict is about other cell lines")
    refused(train("--pairs", inputs.pairs, "--regime", "general"), "each cell line must lie in one table")
    other = write(tmp_path / "other.csv", good_table().encode())
    refused(train("--pairs", other), "--regime specific is for one cell line", "--regime general")
    assert listing(work) == {}


def test_refuses_a_pair_with_two_labels_in_one_line(train, work: Path, tmp_path: Path):
    rows = good_table().splitlines()
    label = rows[3].rsplit(",", 1)
    (other := tmp_path / "other.csv").write_text("\n".join([*rows, f"{label[0]},{1 - int(label[1])}"]) + "\n")
    result = train("--pairs", other, "--regime", "general")
    refused(result, "1 pair has both labels in one cell line", f"{other} row 2", f"{other} row {len(rows) - 1}")
    assert listing(work) == {}


def test_fold_and_control_reach_the_run(train, seen: list[RunConfig]):
    assert train("--split", "loco", "--fold", "chr2", "--shuffle-sequence", "dinucleotide").code == 0
    assert (seen[0].split.split, seen[0].split.fold) == ("loco", "chr2")
    assert seen[0].data.shuffle_sequence == "dinucleotide"


def test_refuses_an_unknown_shuffle(train, work: Path):
    refused(train("--shuffle-sequence", "codon"), "--shuffle-sequence", "'codon'", "'dinucleotide'")
    refused(train("--set", "data.shuffle_sequence=codon"), "data.shuffle_sequence", "'dinucleotide'")
    assert listing(work) == {}


@pytest.mark.parametrize(
    ("split", "words"),
    [
        (["--split", "magic"], ("--split 'magic' is unknown", "random")),
        (["--split", "chromosome:chr9"], ("--split", "chr9", "It has chr1, chr2, chr3")),
        (["--split", "chromosome:"], ("names no chromosome", "chr1, chr2, chr3")),
        (["--split", "column"], ("column 'split'", "none")),
        (["--split", "loco"], ("--split loco has 3 folds", "--fold: chr1, chr2, chr3")),
        (["--split", "loco", "--fold", "chr9"], ("--fold 'chr9' is unknown", "chr1, chr2, chr3")),
        (["--split", "chromosome-kfold:4", "--fold", "0"], ("asks for 4 folds", "has 3 chromosomes", "at most 3")),
        (["--fold", "chr1"], ("--fold chr1 has no meaning", "loco and chromosome-kfold:K")),
        (["--validation", "blocks"], ("--validation blocks goes with --split element-disjoint only",)),
        (["--validation", "magic"], ("--validation 'magic' is unknown", "auto")),
        (["--validation", "chromosome:chr3"], ("--validation", "test", "Choose others")),
    ],
)
def test_refuses_a_split(train, work: Path, split: list[str], words: tuple[str, ...]):
    refused(train(*split), *words)
    assert listing(work) == {}


@pytest.mark.parametrize("name", ["pairs", "genome", "out"])
def test_says_what_is_missing(train, work: Path, name: str):
    refused(train(**{name: None}), name)
    assert listing(work) == {}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_refuses_a_gpu_that_is_not_there(train, work: Path):
    refused(train(accelerator="gpu"), "--accelerator gpu", "no CUDA device", "Use cpu or auto")
    assert listing(work) == {}


# The run folder


def test_a_folder_with_files_needs_force(train, work: Path):
    (work / "run").mkdir()
    (work / "run" / "metrics.json").write_text("{}")
    refused(train(), str(work / "run"), "not empty", "--force")
    assert listing(work) == {"run/metrics.json": b"{}"}


def test_bad_input_with_force_leaves_an_earlier_run(train, tmp_path: Path, work: Path):
    (work / "run").mkdir()
    (work / "run" / "metrics.json").write_text("{}")
    refused(train("--force", pairs=tmp_path / "none.csv"), "none.csv")
    assert listing(work) == {"run/metrics.json": b"{}"}


def test_a_file_is_no_run_folder(train, work: Path):
    (work / "run").write_text("mine")
    refused(train(), str(work / "run"), "no folder")
    assert listing(work) == {"run": b"mine"}


def test_resume_takes_no_other_option(epidyn: Run, work: Path):
    result = epidyn(
        "train",
        "--resume",
        work,
        "--seed",
        0,
        "--batch-size",
        8,
        "--set",
        "network.gru=false",
        "--force",
        "--continue",
    )
    refused(result, "no other option", "--batch-size, --continue, --force, --seed, --set", "config.toml")
    assert listing(work) == {}


def test_resume_needs_a_run_folder(epidyn: Run, work: Path):
    refused(epidyn("train", "--resume", work), str(work), "no run folder", "--out")
    refused(epidyn("train", "--resume", work / "none"), str(work / "none"), "no run folder")
    assert listing(work) == {}


def test_resume_of_a_damaged_configuration(epidyn: Run, work: Path):
    (work / "config.toml").write_text("[training]\nspeed = 3\n")
    refused(epidyn("train", "--resume", work, "--quiet"), "training.speed is unknown")
    assert list(listing(work)) == ["config.toml"]
