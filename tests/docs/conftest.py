"""The files that a reader of the documentation has, small, and a model trained on them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tomli_w

from epidyn import Genome, read_pairs, write_pairs
from epidyn.cli import main
from epidyn.genome import decode
from tests.nn.toys import SMALL

# What makes real networks small, and nothing else.
SMALLER = {"training": {"epochs": 2, "copies": 2, "batch_size": 13, "seed": 5}, "network": SMALL}


@pytest.fixture(scope="package")
def files(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that a reader of the how-tos has."""
    desk = tmp_path_factory.mktemp("desk")
    (desk / "small.toml").write_text(tomli_w.dumps(SMALLER))
    shutil.copy(simulated / "genome.fa", desk)
    pairs = read_pairs(simulated / "pairs.csv")
    write_pairs(pairs, desk / "pairs.csv")
    write_pairs(pairs.drop(columns="label"), desk / "new.csv")
    plain = pairs.drop(columns=["cell_line"])
    write_pairs(plain.iloc[::2], desk / "mine.csv")
    write_pairs(plain, desk / "other.csv")
    for role in ("enhancer", "promoter"):
        columns = [f"{role}_chrom", f"{role}_start", f"{role}_end", f"{role}_name"]
        pairs[columns].drop_duplicates().to_csv(desk / f"{role}s.bed", sep="\t", header=False, index=False)
    labels = pairs[["enhancer_name", "promoter_name", "label"]]
    labels.rename(columns=lambda name: name.removesuffix("_name")).to_csv(desk / "labels.csv", index=False)
    gtf = "\n".join(
        f'chr1\tmade\texon\t{start}\t{start + 300}\t.\t{strand}\t.\tgene_id "G{start}"; transcript_id "T{start}";'
        for start, strand in ((9000, "+"), (15000, "-"))
    )
    (desk / "genes.gtf").write_text(gtf + "\n")
    first = pairs.iloc[0]
    with Genome.open(desk / "genome.fa") as genome:
        ref = decode(genome.fetch(first["enhancer_chrom"], first["enhancer_start"], first["enhancer_start"] + 1))
    record = [
        first["enhancer_chrom"],
        first["enhancer_start"] + 1,
        "v1",
        ref,
        "ACGT".replace(ref, "")[0],
        ".",
        ".",
        ".",
    ]
    header = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    (desk / "variants.vcf").write_text(header + "\t".join(map(str, record)) + "\n")
    return desk


@pytest.fixture(scope="package")
def trained(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, as the first how-to leaves it, and scores of the same held-out pairs by somebody else."""
    out = tmp_path_factory.mktemp("trained")
    given = ["--pairs", files / "pairs.csv", "--genome", files / "genome.fa", "--config", files / "small.toml"]
    assert main(["train", *map(str, given), "--split", "chromosome:chr4", "--out", str(out / "run")]) == 0
    scores = read_pairs(files / "pairs.csv")
    scores["probability"] = np.random.default_rng(0).random(len(scores))
    scores["logit"] = np.log(scores["probability"] / (1 - scores["probability"]))
    scores.to_csv(out / "others.tsv", sep="\t", index=False)
    return out
