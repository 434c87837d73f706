from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tomli_w

from epidyn import Model
from epidyn.kmers import read_vectors
from tests.cli.conftest import GENOMES_AT_FAULT, Inputs, Run, listing, refused, write
from tests.conftest import DATA, needs_data
from tests.nn.toys import SMALL

QUICK = ("--epochs", 1, "--dimensions", 8, "--window", 3)


@pytest.fixture
def genome(tmp_path: Path) -> str:
    (tmp_path / "g.chrom.sizes").write_text("chr1\t50000\nchr2\t50000\n")
    return f"random:{tmp_path / 'g.chrom.sizes'}:7"


def test_vectors_and_a_report(epidyn: Run, genome: str, work: Path):
    result = epidyn("kmers", "--genome", genome, "--out", work / "v.npy", *QUICK, "--compare-seed", 1)
    assert result.code == 0
    assert read_vectors(work / "v.npy").shape == (4097, 8)
    report = json.loads((work / "v.npy.json").read_text())
    said = dict(line.split("  ", 1) for line in result.out.splitlines())
    assert said["bases"].strip() == "100,000"
    assert said["6-mers without a vector"].strip() == str(len(report["unseen"]))
    shift = report["shifted_by_one"]
    assert said["shifted by one"].strip() == (
        f"cosine {shift['cosine']:.3f}, closer than random pairs {shift['closer']:.1%} of the time"
    )
    assert said["agreement with seed 1"].strip().endswith("% of the 10 nearest neighbours")


def test_a_part_of_the_genome_and_the_same_file_again(epidyn: Run, genome: str, work: Path):
    options = ("--genome", genome, *QUICK, "--contigs", "2,chr1", "--sample", 0.5, "--seed", 3)
    for name in ("a.npy", "b.npy"):
        assert epidyn("kmers", *options, "--out", work / name).code == 0
    files = listing(work)
    assert files["a.npy"] == files["b.npy"]
    assert files["a.npy.json"] == files["b.npy.json"]
    report = json.loads(files["a.npy.json"])
    assert (report["bases"], report["sample"], report["contigs"]) == (50_000, 0.5, ["2", "chr1"])
    epidyn("kmers", *options, "--workers", 2, "--out", work / "c.npy")
    assert json.loads((work / "c.npy.json").read_text())["settings"]["workers"] == 2


def test_training_starts_from_them(epidyn: Run, genome: str, inputs: Inputs, work: Path):
    epidyn("kmers", "--genome", genome, "--out", work / "v.npy", "--epochs", 1, "--dimensions", 8)
    network = {**SMALL, "vector_size": 8, "train_kmers": False}
    (work / "c.toml").write_text(tomli_w.dumps({"network": network, "training": {"copies": 1, "epochs": 1}}))
    result = epidyn(
        "train", "--pairs", inputs.pairs, "--genome", inputs.genome, "--kmer-vectors", work / "v.npy",
        "--config", work / "c.toml", "--split", "chromosome:chr3", "--validation", "chromosome:chr2",
        "--out", work / "run",
    )  # fmt: skip
    assert result.code == 0, result.err
    model = Model.load(work / "run" / "model.safetensors")
    assert np.array_equal(model.network.enhancer_kmers.table.weight.detach().numpy(), read_vectors(work / "v.npy"))
    assert model.provenance.kmer_vectors.startswith("v.npy (sha256 ")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--epochs", 0), ("--epochs is 0", "from 1")),
        (("--dimensions", 0), ("--dimensions is 0", "from 1")),
        (("--window", 0), ("--window is 0", "from 1")),
        (("--workers", 0), ("--workers is 0", "from 1")),
        (("--sample", 0), ("--sample is 0", "above 0 and at most 1")),
        (("--sample", 2), ("--sample is 2", "above 0 and at most 1")),
        (("--contigs", ","), ("--contigs names no contig",)),
        (("--contigs", "chr9"), ("'chr9'", "chr1, chr2")),
        (("--compare-seed", 0), ("--compare-seed is 0", "another one")),
        (("--compare-seed", -1), ("--compare-seed", "0")),
    ],
)
def test_options_out_of_range(
    epidyn: Run, genome: str, work: Path, options: tuple[object, ...], words: tuple[str]
):
    refused(epidyn("kmers", "--genome", genome, "--out", work / "v.npy", *options), *words)
    assert listing(work) == {}


@pytest.mark.parametrize("fault", GENOMES_AT_FAULT)
def test_genomes_at_fault(epidyn: Run, tmp_path: Path, work: Path, fault: str):
    content, words = GENOMES_AT_FAULT[fault]
    path = write(tmp_path / "bad" / "genome.fa", content)
    refused(epidyn("kmers", "--genome", path, "--out", work / "v.npy"), str(path), *words)
    assert listing(work) == {}


def test_outputs_at_fault(epidyn: Run, genome: str, inputs: Inputs, work: Path):
    refused(epidyn("kmers", "--genome", genome, "--out", work / "no" / "v.npy"), "no folder", "Make it first")
    refused(epidyn("kmers", "--genome", inputs.genome, "--out", inputs.genome, "--force"), "is an input")
    (work / "v.npy").write_text("theirs")
    refused(epidyn("kmers", "--genome", genome, "--out", work / "v.npy"), "exists", "--force")
    assert listing(work) == {"v.npy": b"theirs"}


@needs_data
def test_a_part_of_a_real_megabase(epidyn: Run, work: Path):
    genome = DATA / "hg19" / "chr20_1-2Mb.fa.gz"
    options = ("--sample", 0.3, "--epochs", 2, "--dimensions", 20, "--window", 5)
    assert epidyn("kmers", "--genome", genome, "--out", work / "v.npy", *options).code == 0
    report = json.loads((work / "v.npy.json").read_text())
    assert report["one_base_neighbours"]["closer"] > 0.6
    assert report["shifted_by_one"]["closer"] > 0.7
    assert len(report["unseen"]) < 400
