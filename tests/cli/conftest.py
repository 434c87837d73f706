"""Commands run in this process, good inputs for them, and every bad pair table and genome."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from epidyn import Genome, Model, progress
from epidyn.cli import main
from epidyn.model import Provenance
from epidyn.nn import EpiDynFusion
from epidyn.scoring import NetworkScorer
from tests.genome.formats import fasta_text, write_bgzf
from tests.nn.toys import small_config

SIZES = {"chr1": 907, "chr2": 709, "chr3": 811}
HEADER = "enhancer_chrom,enhancer_start,enhancer_end,promoter_chrom,promoter_start,promoter_end,label"


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def epidyn(capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run one command; what it did to logging and progress bars is undone."""

    def run(*argv: object) -> Result:
        code = main([str(each) for each in argv])
        shown = capsys.readouterr()
        return Result(code, shown.out, shown.err)

    log = logging.getLogger("epidyn")
    handlers, level = log.handlers.copy(), log.level
    yield run
    log.handlers[:] = handlers
    log.setLevel(level)
    progress.quiet(False)


@dataclass(frozen=True)
class Inputs:
    """Good inputs, which no test changes."""

    pairs: Path
    genome: Path
    model: Path


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    folder = tmp_path_factory.mktemp("inputs")
    made = Inputs(folder / "pairs.csv", folder / "genome.fa", folder / "model.safetensors")
    made.pairs.write_text(good_table())
    rng = np.random.default_rng(7)
    sequences = {name: "".join(rng.choice(list("ACGT"), size)) for name, size in SIZES.items()}
    made.genome.write_text(fasta_text(sequences))
    Genome.open(made.genome).close()  # its index is there from the start
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        network = EpiDynFusion(small_config())
    origin = Provenance(
        training={"epochs": 3},
        pairs=[{"name": "a.csv", "sha256": "11"}, {"name": "b.csv", "sha256": "22"}],
        cell_lines=["K562"],
        training_prevalence=0.25,
        metrics={"validation": None, "test": {"auroc": 0.76543, "pairs": 12}},
    )
    Model(NetworkScorer(network), origin).save(made.model)
    return made


def good_table(rows: int = 60) -> str:
    """Pairs of 3 chromosomes that share no elements, half of them positive."""
    lines = [HEADER]
    for row in range(rows):
        chrom, start = f"chr{row % 3 + 1}", 11 * row
        lines.append(f"{chrom},{start},{start + 41},{chrom},{start + 5},{start + 36},{row // 3 % 2}")
    return "\n".join(lines) + "\n"


def listing(folder: Path) -> dict[str, bytes]:
    """Every file in a folder and below, with its content."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def refused(result: Result, *words: str) -> None:
    """Assert exit status 2, nothing on standard output, and one headline that says these words."""
    assert result.code == 2
    assert result.out == ""
    assert "Traceback" not in result.err
    assert sum(line.startswith("Error: ") for line in result.err.splitlines()) == 1
    message = result.err[result.err.index("Error: ") :]
    assert all(line.startswith("  ") for line in message.splitlines()[1:])
    for word in words:
        assert word in message


def changed_line(number: int, old: str, new: str) -> bytes:
    """The good table with ``old`` replaced in one line, counted from 1."""
    lines = good_table().splitlines(keepends=True)
    assert lines[number - 1].count(old) == 1
    lines[number - 1] = lines[number - 1].replace(old, new)
    return "".join(lines).encode()


def _without_column(name: str) -> bytes:
    lines = [line.split(",") for line in good_table().splitlines()]
    at = lines[0].index(name)
    return "\n".join(",".join(cells[:at] + cells[at + 1 :]) for cells in lines).encode()


def _damaged(packed: bytes) -> bytes:
    """A gzip file whose checksum is another."""
    return packed[:-8] + bytes(255 - byte for byte in packed[-8:-4]) + packed[-4:]


# Content (None: no file at all), and what a message about it must say beside the file's name.
BAD_TABLES: dict[str, tuple[bytes | None, tuple[str, ...]]] = {
    "missing": (None, ("does not exist", "Check the path")),
    "empty": (b"", ("is empty",)),
    "blank": (b"\n \n", ("nothing but blank lines",)),
    "header only": (f"{HEADER}\n".encode(), ("no rows",)),
    "no table": (b"some text\nand more\n", ("no known pair table", '"some text"')),
    "binary": (b"\xff\xfe\x00\x81" * 9, ("UTF-8", "0xff")),
    "missing column": (_without_column("promoter_end"), ("promoter_end",)),
    "no number": (changed_line(5, ",33,", ",3e,"), ("line 5", '"3e"', "whole number")),
    "negative": (changed_line(5, ",33,", ",-33,"), ("line 5", '"-33"', "whole number from 0")),
    "start = end": (changed_line(5, ",74,", ",33,"), ("line 5", "33", "start below end")),
    "start > end": (changed_line(5, ",69,", ",9,"), ("line 5", "promoter_start is 38", "promoter_end is 9")),
    "two chromosomes": (changed_line(5, "chr1,33", "chr2,33"), ("line 5", '"chr2"', '"chr1"', "one chromosome")),
    "bad label": (changed_line(5, ",69,1", ",69,2"), ("line 5", 'label is "2"', "0 or 1")),
    "empty label": (changed_line(5, ",69,1", ",69,"), ("line 5", "label is empty", "0 or 1")),
    "short row": (changed_line(5, ",69,1", ",69"), ("line 5", "6 cells; 7")),
    "several": (
        changed_line(5, ",33,", ",x,").replace(b"chr1,99,140", b"chr1,99,98").replace(b"597,1", b"597,yes"),
        ("3 rows", "line 5", "line 11", "line 53", '"yes"'),
    ),
    "truncated gzip": (gzip.compress(good_table().encode(), mtime=0)[:-20], ("truncated gzip", "again")),
    "damaged gzip": (_damaged(gzip.compress(good_table().encode(), mtime=0)), ("damaged gzip", "again")),
}

# The same for tables that a genome contradicts; the message names the genome.
FOREIGN_TABLES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "unknown chromosome": (
        changed_line(5, "chr1,33,74,chr1", "chr9,33,74,chr9"),
        ("'chr9'", "chr1, chr2, chr3", "row 3"),
    ),
    "outside": (changed_line(5, ",33,74,", ",907,948,"), ("chr1:907-948", "907 bases", "row 3")),
}

GENOMES_AT_FAULT: dict[str, tuple[bytes | None, tuple[str, ...]]] = {
    "missing": (None, ("does not exist",)),
    "empty": (b"", ("is empty",)),
    "no genome": (b"chr1\tACGT\n", ("neither FASTA", "2bit")),
    "duplicate names": (b">chr1\nACGT\n>chr2\nAC\n>chr1\nACGT\n", ("chr1",)),
    "truncated gzip": (
        gzip.compress(fasta_text({"chr1": "ACGT" * 300}).encode(), mtime=0)[:-9],
        ("truncated gzip",),
    ),
}


@pytest.fixture
def bgzip_without_end(tmp_path: Path, inputs: Inputs) -> Path:
    """A bgzipped genome whose last block is missing."""
    (tmp_path / "cut").mkdir()
    path = write_bgzf(tmp_path / "cut" / "genome.fa.gz", inputs.genome.read_text())
    path.write_bytes(path.read_bytes()[:-28])
    return path


def write(path: Path, content: bytes | None) -> Path:
    """Write a bad input, or nothing for None."""
    path.parent.mkdir(exist_ok=True)
    if content is not None:
        path.write_bytes(content)
    return path


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """An empty folder for outputs, away from the inputs."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"
