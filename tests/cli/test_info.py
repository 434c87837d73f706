from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from epidyn import Genome, Model
from epidyn.files import sha256
from tests.cli.conftest import GENOMES_AT_FAULT, Inputs, Run, listing, refused, write


def described(out: str) -> dict[str, str]:
    """Names may hold spaces: two spaces or more end them."""
    return dict(line.split("  ", 1) for line in out.splitlines())


def facts(epidyn: Run, what: object) -> dict[str, str]:
    result = epidyn("info", what)
    assert result.code == 0
    return {name: value.strip() for name, value in described(result.out).items()}


def test_a_model(epidyn: Run, inputs: Inputs):
    said = facts(epidyn, inputs.model)
    assert said["model"] == f"{inputs.model} (sha256 {sha256(inputs.model)})"
    assert said["kind"] == "network"
    assert said["windows"] == "enhancer 83 bp, promoter 61 bp"
    assert said["training prevalence"] == "0.25"
    assert said["cell lines"] == "K562"
    assert said["training elements"] == "0 known by hash"
    assert said["network.dense"] == "9"
    assert said["training.epochs"] == "3"
    assert said["pairs"] == "name a.csv, sha256 11; name b.csv, sha256 22"
    assert said["test"] == "auroc 0.7654, pairs 12"
    assert "validation" not in said


def test_parquet_that_begins_like_a_model_is_none(epidyn: Run, tmp_path: Path):
    """Its ninth byte is a brace, as that of a safetensors file."""
    start = np.arange(988)
    columns = {
        "enhancer_start": start,
        "enhancer_end": start + 5,
        "promoter_start": start,
        "promoter_end": start + 9,
    }
    chroms = {f"{role}_chrom": ["chr1"] * len(start) for role in ("enhancer", "promoter")}
    pq.write_table(pa.table({**columns, **chroms}), tmp_path / "pairs", compression="none")
    assert (tmp_path / "pairs").read_bytes()[8:9] == b"{"
    said = facts(epidyn, tmp_path / "pairs")
    assert said["format"] == "Parquet, epidyn columns"
    assert said["pairs"] == "988"


def test_what_the_split_of_a_model_leaks_has_lines_of_its_own(epidyn: Run, inputs: Inputs, tmp_path: Path):
    model = Model.load(inputs.model)
    leakage = {"promoter_seen": 0.93, "summary": "split random leaks: 93% of ..."}
    changes = {"split": {"kind": "random", "fold": "0", "leakage": leakage}}
    model.provenance = model.provenance.model_copy(update=changes)
    model.save(tmp_path / "m.safetensors")
    said = facts(epidyn, tmp_path / "m.safetensors")
    assert said["split"] == "kind random, fold 0"
    assert said["leakage"] == "split random leaks: 93% of ..."
    assert said["leakage.promoter_seen"] == "0.93"


def test_scores_within_scores_stand_in_brackets(epidyn: Run, inputs: Inputs, tmp_path: Path):
    model = Model.load(inputs.model)
    scores = {"auroc": 0.75, "precision_at_recall": {"0.1": 0.5, "0.25": 0.25}, "pairs": 12}
    model.provenance = model.provenance.model_copy(update={"metrics": {"test": scores}})
    model.save(tmp_path / "m.safetensors")
    said = facts(epidyn, tmp_path / "m.safetensors")
    assert said["test"] == "auroc 0.75, precision_at_recall (0.1 0.5, 0.25 0.25), pairs 12"


def test_a_model_whatever_its_name(epidyn: Run, inputs: Inputs, tmp_path: Path):
    (tmp_path / "m.dat").write_bytes(inputs.model.read_bytes())
    assert facts(epidyn, tmp_path / "m.dat")["kind"] == "network"


def test_our_own_pair_table(epidyn: Run, inputs: Inputs):
    said = facts(epidyn, inputs.pairs)
    assert said["format"] == "epidyn columns"
    assert said["pairs"] == "60"
    assert said["positives"] == "30 (50.00%)"
    assert said["enhancers"] == "60 distinct, 41 to 41 bp"
    assert said["promoters"] == "60 distinct, 31 to 31 bp"
    assert said["chromosomes"] == "chr1 20, chr2 20, chr3 20"


def test_a_pair_table_of_targetfinder(epidyn: Run, tmp_path: Path):
    text = "enhancer_name,promoter_name\nHeLa|chr2:40-90,HeLa|chr2:200-230\nHeLa|chr2:40-90,HeLa|chr2:200-260\n"
    (tmp_path / "names.csv.gz").write_bytes(gzip.compress(text.encode()))
    said = facts(epidyn, tmp_path / "names.csv.gz")
    assert said["format"] == "TargetFinder names"
    assert said["cell lines"] == "HeLa-S3"
    assert said["enhancers"] == "1 distinct, 50 to 50 bp"
    assert said["promoters"] == "2 distinct, 30 to 60 bp"
    assert "positives" not in said


@pytest.mark.parametrize("gzipped", [False, True])
def test_a_fasta_file(epidyn: Run, inputs: Inputs, tmp_path: Path, gzipped: bool):
    path = tmp_path / "genome.txt"
    content = inputs.genome.read_bytes()
    path.write_bytes(gzip.compress(content) if gzipped else content)
    said = facts(epidyn, path)
    assert (said["genome"], said["chromosomes"], said["bases"]) == ("genome.txt", "3", "2,427")
    assert (said["chr1"], said["chr2"], said["chr3"]) == ("907", "709", "811")
    with Genome.open(inputs.genome) as genome:
        assert said["digest"] == genome.digest()


def test_a_random_genome(epidyn: Run):
    said = facts(epidyn, "random:hg19")
    assert said["genome"] == "random:hg19"
    assert said["chr20"] == "63,025,520"


def test_the_names_of_many_chromosomes_are_cut(epidyn: Run, tmp_path: Path):
    (tmp_path / "many.fa").write_text("".join(f">c{number}\nACGT\n" for number in range(37)))
    said = facts(epidyn, tmp_path / "many.fa")
    assert said["chromosomes"] == "37"
    assert said["..."] == "and 7 more"
    assert "c29" in said
    assert "c30" not in said


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("notes.txt", b"just some notes\n", ("no known pair table", "Accepted")),
        ("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), ("UTF-8",)),
        ("none.csv", None, ("does not exist",)),
        ("empty.csv", b"", ("is empty",)),
        ("cut.gz", gzip.compress(b"chr1,1,2\n" * 99, mtime=0)[:-9], ("truncated gzip",)),
        ("m.safetensors", b"nothing of the kind", ("no safetensors",)),
        ("m.dat", (17).to_bytes(8, "little") + b'{"a":1', ("no safetensors",)),
    ],
)
def test_refuses_what_is_nothing_of_these(
    epidyn: Run, tmp_path: Path, name: str, content: bytes | None, words: tuple[str, ...]
):
    path = write(tmp_path / "bad" / name, content)
    before = listing(path.parent)
    refused(epidyn("info", path), str(path), *words)
    assert listing(path.parent) == before


def test_refuses_a_folder(epidyn: Run, tmp_path: Path):
    refused(epidyn("info", tmp_path), str(tmp_path), "is a folder")


def test_refuses_a_truncated_model(epidyn: Run, inputs: Inputs, tmp_path: Path):
    path = write(tmp_path / "bad" / "m.dat", inputs.model.read_bytes()[:-5])
    refused(epidyn("info", path), str(path), "truncated", "Copy it again")


def test_refuses_duplicate_names(epidyn: Run, tmp_path: Path):
    content, words = GENOMES_AT_FAULT["duplicate names"]
    path = write(tmp_path / "bad" / "genome.fa", content)
    refused(epidyn("info", path), "genome.fa", *words)
    assert list(listing(path.parent)) == ["genome.fa"]


def test_refuses_an_unknown_random_genome(epidyn: Run):
    refused(epidyn("info", "random:hg99"), "hg99", "hg19")
