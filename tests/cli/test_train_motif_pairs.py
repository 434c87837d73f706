"""``epidyn train --model motif-pairs``, and what reads its model."""

from __future__ import annotations

from pathlib import Path

import pytest

from epidyn import Model
from epidyn.nn import EpiDynFusion
from epidyn.scoring import NetworkScorer
from epidyn.training import train
from epidyn.training.config import make_config
from tests.cli.conftest import Run, refused
from tests.motif_pairs.planted import LENGTHS, planted_folder, settings_of
from tests.nn.toys import small_config

MODEL = "model.safetensors"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted_folder(tmp_path_factory.mktemp("pairing"))


def command(folder: Path, out: Path, *more: object) -> list[object]:
    data = ["--pairs", folder / "pairs.csv", "--genome", folder / "genome.fa", "--split", "chromosome:chr5"]
    lengths = [f"--set=motif_pairs.{name}={value}" for name, value in LENGTHS.items()]
    return ["train", *data, "--model", "motif-pairs", *lengths, "--out", out, *more]


def test_the_command_does_what_the_library_does(epidyn: Run, folder: Path, tmp_path: Path):
    more = ("--validation", "chromosome:chr4", "--motifs", folder / "own.meme", "--quiet")
    assert epidyn(*command(folder, tmp_path / "run", *more)).code == 0
    train(make_config(settings_of(folder)), tmp_path / "same")
    assert (tmp_path / "run" / MODEL).read_bytes() == (tmp_path / "same" / MODEL).read_bytes()
    scoring = [
        "--model",
        tmp_path / "run" / MODEL,
        "--pairs",
        folder / "pairs.csv",
        "--genome",
        folder / "genome.fa",
    ]
    assert epidyn("predict", *scoring, "--out", tmp_path / "scores.tsv").code == 0
    assert "at the enhancer with" in epidyn("info", tmp_path / "run" / MODEL).out
    explaining = ["explain", *scoring, "--top", 2]
    assert epidyn(*explaining, "--out", tmp_path / "masked").code == 0
    assert epidyn(*explaining, "--method", "terms", "--out", tmp_path / "terms").code == 0
    assert {path.name for path in (tmp_path / "terms").iterdir()} == {
        "contributions.tsv.gz",
        "pairs.tsv",
        "sites.tsv.gz",
        "terms.json",
        "terms.png",
        "terms.tsv",
    }
    refused(
        epidyn(*explaining, "--method", "gradient", "--out", tmp_path / "no"),
        "motif-pairs",
        "needs a model of kind 'network'",
    )
    refused(
        epidyn(*explaining, "--method", "terms", "--width", 9, "--out", tmp_path / "no"), "--width means nothing"
    )
    network = Model(NetworkScorer(EpiDynFusion(small_config())))
    network.save(tmp_path / "network.safetensors")
    asked = [*explaining, "--method", "terms", "--out", tmp_path / "no"]
    asked[asked.index(tmp_path / "run" / MODEL)] = tmp_path / "network.safetensors"
    refused(epidyn(*asked), "--method terms, model", "network.safetensors", "Use another method, such as mask")
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--motifs", "none.meme"), ["none.meme", "does not exist"]),
        (("--epochs", 2), ["training.epochs", "motif-pairs"]),
        (("--set", "motif_pairs.jaspar_release=JASPAR1999"), ["JASPAR1999", "JASPAR2020"]),
        (("--set", "motif_pairs.sites=9"), ["motif_pairs.sites", "9"]),
    ],
)
def test_mistakes_leave_nothing(
    epidyn: Run, folder: Path, tmp_path: Path, more: tuple[object, ...], words: list[str]
):
    refused(epidyn(*command(folder, tmp_path / "run", *more)), *words)
    assert not (tmp_path / "run").exists()
