"""Commands on a disk that is full, a folder that is read-only, and inputs that go away or change meanwhile."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epidyn import Genome, Model
from epidyn.cli import main
from epidyn.errors import OutputError
from epidyn.fetch import RESOURCES, Resource
from tests.cli.conftest import Inputs, Run, listing, refused
from tests.fulldisk import no_file_beyond
from tests.interpret.planted import planted_folder
from tests.loopback import Script, serving


def _scoring(inputs: Inputs) -> list[object]:
    return ["--model", inputs.model, "--pairs", inputs.pairs, "--genome", inputs.genome]


def _training(inputs: Inputs) -> list[object]:
    split = ["--split", "chromosome:chr3", "--validation", "chromosome:chr2"]
    return ["train", *_trained_on(inputs), *split]


def _trained_on(inputs: Inputs) -> list[object]:
    data = ["--pairs", inputs.pairs, "--genome", inputs.genome, "--init", inputs.model]
    return [*data, "--epochs", 1, "--copies", 1]


def _scores(inputs: Inputs) -> Path:
    """Return scores that rank the labelled pairs, but not without faults."""
    table = pd.read_csv(inputs.pairs)
    table["logit"] = table["label"] + np.random.default_rng(0).normal(size=len(table))
    table["probability"] = 1 / (1 + np.exp(-table["logit"]))
    path = inputs.pairs.parent / "scores.tsv"
    table.to_csv(path, sep="\t", index=False)
    return path


def _searched(inputs: Inputs) -> list[object]:
    explained = inputs.pairs.parent / "planted" / "explained"
    explained.parent.mkdir()
    planted_folder(explained)
    genome = ["--genome", explained.parent / "genome.fa"]
    return ["motifs", explained, *genome, "--top-share", 0.045, "--clusters", 2, "--element", "promoter"]


def _reported(inputs: Inputs) -> list[object]:
    runs = inputs.pairs.parent / "runs"
    assert main([*map(str, _training(inputs)), "--out", str(runs / "one"), "--quiet"]) == 0
    return ["report", runs]


# What is written, by which call, and the bytes of a file beyond which there is no room.
WRITERS: dict[str, tuple[str, Callable[[Inputs], list[object]], int]] = {
    "text": ("scores.tsv", lambda inputs: ["predict", *_scoring(inputs), "--force"], 400),
    "gzip": ("scores.tsv.gz", lambda inputs: ["predict", *_scoring(inputs), "--force"], 400),
    "Parquet": ("scores.parquet", lambda inputs: ["predict", *_scoring(inputs), "--force"], 400),
    "parts": ("effects", lambda inputs: ["explain", *_scoring(inputs), "--top", 3], 400),
    "settings": ("run", lambda inputs: _training(inputs), 400),
    "checkpoint": ("run", lambda inputs: _training(inputs), 20_000),
    "genome": ("made", lambda inputs: ["simulate", "--chromosomes", 1, "--pairs-per-chromosome", 4], 400),
    "folds": ("folds", lambda inputs: ["crossval", *_trained_on(inputs), "--split", "loco"], 400),
    "study": ("study", lambda inputs: ["tune", *_training(inputs)[1:], "--trials", 1], 400),
    "metrics": ("evaluation", lambda inputs: ["evaluate", "--scores", _scores(inputs)], 400),
    "page": ("audited", lambda inputs: ["audit", inputs.pairs], 4000),
    "calibrated": (
        "calibrated.safetensors",
        lambda inputs: ["calibrate", "--model", inputs.model, "--scores", _scores(inputs)],
        4000,
    ),
    "pages of motifs": ("motifs", lambda inputs: _searched(inputs), 4000),
    "pages of runs": ("report", lambda inputs: _reported(inputs), 4000),
    "vectors": ("vectors.npy", lambda inputs: ["kmers", "--genome", inputs.genome], 4000),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_finds_no_room_is_named_and_the_old_one_stays(
    epidyn: Run, inputs: Inputs, work: Path, name: str
):
    out, call, size = WRITERS[name]
    if "--force" in (words := call(inputs)):
        (work / out).write_text("old")
    before = listing(work)
    with no_file_beyond(size):
        result = epidyn(*words, "--out", work / out)
    refused(result, "cannot write", str(work / out), "File too large", "Free space")
    after = listing(work)
    assert {name: after[name] for name in before} == before
    assert not list(work.rglob(".*.partial"))


def test_a_training_that_found_no_room_goes_on_when_there_is_some(epidyn: Run, inputs: Inputs, work: Path):
    call = [*_training(inputs), "--save-minutes", 0, "--out", work / "run", "--continue"]
    with no_file_beyond(20_000):
        refused(epidyn(*call), "checkpoint.pt: File too large")
    assert epidyn(*call).code == 0
    assert (work / "run" / "metrics.json").exists()


def test_a_download_that_finds_no_room_goes_on_when_there_is_some(
    epidyn: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    content = np.random.default_rng(2).bytes(50_001)
    some = Resource("some", "group/some.bin", "", hashlib.sha256(content).hexdigest(), "")
    monkeypatch.setitem(RESOURCES, "some", some)
    monkeypatch.setenv("EPIDYN_CACHE", str(tmp_path))
    script = Script(content)
    with serving(script) as url:
        with no_file_beyond(20_000):
            refused(epidyn("fetch", "some", "--from", url), str(tmp_path / "group"), "File too large")
        assert not (tmp_path / "group" / "some.bin").exists()
        assert epidyn("fetch", "some", "--from", url).code == 0
    assert (tmp_path / "group" / "some.bin").read_bytes() == content
    assert 0 < int(script.asked[-1].removeprefix("bytes=").removesuffix("-")) <= 20_000


def test_a_model_that_finds_no_room_is_named(inputs: Inputs, tmp_path: Path):
    model, path = Model.load(inputs.model), tmp_path / "model.safetensors"
    path.write_text("old")
    with no_file_beyond(4000), pytest.raises(OutputError, match=r"model\.safetensors: File too large"):
        model.save(path)
    assert listing(tmp_path) == {"model.safetensors": b"old"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 kB; only root can mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("out", ["scores.tsv", "scores.parquet", "scan.tsv.gz"])
def test_a_disk_that_is_full_is_told_and_the_old_file_stays(
    epidyn: Run, inputs: Inputs, small_disk: Path, tmp_path: Path, out: str
):
    words = ["predict", *_scoring(inputs)]
    if out.startswith("scan"):
        places = [line.split(",") for line in inputs.pairs.read_text().splitlines()[1:]]
        for role, first in (("enhancers", 0), ("promoters", 3)):
            lines = ["\t".join(cells[first : first + 3]) for cells in places]
            (tmp_path / role).write_text("\n".join(lines) + "\n")
        words = ["scan", "--model", inputs.model, "--genome", inputs.genome]
        words += ["--enhancers", tmp_path / "enhancers", "--promoters", tmp_path / "promoters"]
    (small_disk / out).write_text("old")
    with suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as filler:
        while filler.write(bytes(4096)):
            pass
    result = epidyn(*words, "--out", small_disk / out, "--force")
    refused(result, "cannot write", str(small_disk / out), "No space left on device")
    assert (small_disk / out).read_text() == "old"
    assert not list(small_disk.glob(".*.partial"))


@pytest.mark.parametrize("out", ["scores.tsv", "effects", "run", "made"])
def test_a_disk_that_is_read_only_is_told(epidyn: Run, inputs: Inputs, small_disk: Path, out: str):
    words = {
        "scores.tsv": ["predict", *_scoring(inputs)],
        "effects": ["explain", *_scoring(inputs), "--top", 3],
        "run": _training(inputs),
        "made": ["simulate", "--chromosomes", 1, "--pairs-per-chromosome", 4],
    }[out]
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    refused(
        epidyn(*words, "--out", small_disk / out), "cannot write", str(small_disk / out), "Read-only file system"
    )


@pytest.mark.parametrize("command", ["predict", "explain"])
def test_an_input_that_went_away_in_the_middle_is_named(
    epidyn: Run, inputs: Inputs, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
):
    pairs, genome = tmp_path / "pairs.csv", tmp_path / "genome.fa"
    pairs.write_bytes(inputs.pairs.read_bytes())
    genome.write_bytes(inputs.genome.read_bytes())
    opened = Genome.open

    def open_and_lose(path: Path) -> Genome:
        found = opened(path)
        pairs.unlink()
        return found

    monkeypatch.setattr(Genome, "open", open_and_lose)
    words = [command, "--model", inputs.model, "--pairs", pairs, "--genome", genome, "--out", work / "out.tsv"]
    refused(epidyn(*words), str(pairs), "does not exist")
    assert listing(work) == {}


def test_a_genome_that_is_replaced_under_its_index_is_indexed_anew(
    epidyn: Run, inputs: Inputs, work: Path, tmp_path: Path
):
    genome, text = tmp_path / "genome.fa", inputs.genome.read_text()
    genome.write_text(text)
    Genome.open(genome).close()
    index = genome.with_name("genome.fa.fai")
    lines = text.splitlines()
    genome.write_text("\n".join(line if line.startswith(">") else line.lower() + "A" for line in lines) + "\n")
    os.utime(genome, ns=(0, index.stat().st_mtime_ns - 10**9))  # copied with its old time: the index looks newer
    with Genome.open(genome) as opened:
        got = opened.fetch("chr2", 100, 160)
    genome.rename(tmp_path / "other.fa")
    with Genome.open(tmp_path / "other.fa") as opened:
        assert (got == opened.fetch("chr2", 100, 160)).all()
