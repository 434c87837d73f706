from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from epidyn.fetch import RESOURCES, Resource
from tests.cli.conftest import Inputs, Run, refused


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EPIDYN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def table(inputs: Inputs, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table that lies in the cache as targetfinder:NHEK."""
    content = inputs.pairs.read_bytes()
    known = RESOURCES["targetfinder:NHEK"]
    digest = hashlib.sha256(content).hexdigest()
    monkeypatch.setitem(RESOURCES, known.name, Resource(known.name, known.file, known.url, digest, "a table"))
    path = cache / known.file
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_prints_where_files_lie(epidyn: Run, table: Path):
    result = epidyn("fetch", "targetfinder", "NHEK", "--from", "http://127.0.0.1:9")
    assert (result.code, result.out) == (0, f"{table}\n")


def test_lists_what_there_is(epidyn: Run, table: Path, cache: Path):
    shown = {line.split()[0]: line for line in epidyn("fetch", "list").out.splitlines() if line}
    assert "here" in shown["targetfinder:NHEK"]
    assert "not fetched" in shown["hg19"]
    assert shown["cache:"] == f"cache: {cache}"
    table.write_text("other")
    assert "damaged" in epidyn("fetch", "list").out


def test_a_name_is_predicted_and_trained_on(epidyn: Run, inputs: Inputs, table: Path, tmp_path: Path):
    named = ("--pairs", "targetfinder:NHEK", "--genome", inputs.genome)
    result = epidyn("predict", "--model", inputs.model, *named, "--out", tmp_path / "s.tsv")
    assert result.code == 0, result.err
    assert str(table) in (tmp_path / "s.tsv.json").read_text()
    assert "pairs" in epidyn("info", "targetfinder:NHEK").out
    assert epidyn("audit", "targetfinder:NHEK").code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("hg20",), "hg20"),
        (("bengi", "HUVEC"), "bengi:HUVEC"),
        (("dna2vec", "--from", "http://127.0.0.1:9"), "--from"),
    ],
)
def test_refuses(epidyn: Run, words: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("epidyn.fetch.time.sleep", lambda seconds: None)
    refused(epidyn("fetch", *words), told)
