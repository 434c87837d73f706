"""Motif scores that are kept: found where they hold, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epidyn import training
from epidyn.crossval import crossval
from epidyn.errors import OutputError
from epidyn.matrices import Matrix
from epidyn.motif_pairs import ElementFeatures, ScoreCache
from epidyn.training.config import make_config
from tests.fulldisk import no_file_beyond
from tests.motif_pairs.planted import planted_folder, settings_of

WIDTHS = (5, 7, 6)


def keys(numbers: range) -> list[bytes]:
    return [number.to_bytes(16, "little") for number in numbers]


@pytest.fixture
def matrices() -> list[Matrix]:
    rng = np.random.default_rng(0)
    return [Matrix(f"M{n}", f"m{n}", "own", rng.dirichlet([1] * 4, n)) for n in WIDTHS]


@pytest.fixture
def scores() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(11, len(WIDTHS))).astype(np.float32)


@pytest.fixture
def filled(tmp_path: Path, matrices: list[Matrix], scores: np.ndarray) -> Path:
    cache = ScoreCache(tmp_path / "scores", matrices, sites=4)
    cache.add(keys(range(4)), scores[:4])
    cache.add(keys(range(4, 11)), scores[4:])
    return tmp_path / "scores"


def test_what_was_added_is_found(filled: Path, matrices: list[Matrix], scores: np.ndarray):
    cache = ScoreCache(filled, matrices, sites=4)
    assert len(cache) == 11
    asked = keys(range(100, 102)) + keys(range(9, 2, -1))
    found, values = cache.find(asked)
    assert found.tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert np.array_equal(values, scores[9:2:-1])
    found, values = cache.find(keys(range(50, 53)))
    assert (found.shape, values.shape) == ((0,), (0, len(WIDTHS)))


def test_other_motifs_or_sites_find_nothing_and_that_is_said(
    filled: Path, matrices: list[Matrix], caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO", "epidyn")
    changed = [*matrices[:2], Matrix("M6", "m6", "own", matrices[2].frequencies[::-1])]
    for others, sites in ((matrices[:2], 4), (changed, 4), (matrices[::-1], 4), (matrices, 3)):
        caplog.clear()
        assert len(ScoreCache(filled, others, sites=sites)) == 0
        assert "has scores by other motifs or counts of sites; those by these are computed" in caplog.text
    caplog.clear()
    assert len(ScoreCache(filled, matrices, sites=4)) == 11
    assert not caplog.text


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_a_damaged_file_is_removed_and_the_others_serve(
    filled: Path, matrices: list[Matrix], caplog: pytest.LogCaptureFixture, content: bytes | None
):
    largest = max(filled.rglob("*.safetensors"), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-4] if content is None else content)
    cache = ScoreCache(filled, matrices, sites=4)
    assert f"{largest} is damaged" in caplog.text
    assert cache.find(keys(range(11)))[0].tolist() == [0, 1, 2, 3]
    assert not largest.exists()


@pytest.mark.parametrize("where", ["keys", "scores"])
def test_a_file_whose_bytes_changed_is_damaged(
    filled: Path, matrices: list[Matrix], caplog: pytest.LogCaptureFixture, where: str
):
    largest = max(filled.rglob("*.safetensors"), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[-1 if where == "keys" else -7 * 16 - 1] ^= 1  # seven keys of 16 bytes are the last of the file
    largest.write_bytes(content)
    cache = ScoreCache(filled, matrices, sites=4)
    assert f"{largest} is damaged" in caplog.text
    assert cache.find(keys(range(11)))[0].tolist() == [0, 1, 2, 3]


def test_a_folder_of_something_else_is_no_cache_of_other_motifs(
    tmp_path: Path, matrices: list[Matrix], caplog: pytest.LogCaptureFixture
):
    (tmp_path / "scores" / "run").mkdir(parents=True)
    caplog.set_level("INFO", "epidyn")
    ScoreCache(tmp_path / "scores", matrices, sites=4)
    assert not caplog.text


def test_what_a_kill_left_half_written_is_no_scores(filled: Path, matrices: list[Matrix]):
    whole = next(filled.rglob("*.safetensors"))
    whole.with_name(f".{whole.name}.123.partial").write_bytes(whole.read_bytes()[:50])
    assert len(ScoreCache(filled, matrices, sites=4)) == 11


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, matrices: list[Matrix], scores: np.ndarray):
    cache = ScoreCache(tmp_path, matrices, sites=4)
    with no_file_beyond(100), pytest.raises(OutputError, match="File too large"):
        cache.add(keys(range(11)), scores)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path, matrices: list[Matrix]):
    (tmp_path / "scores").write_text("mine")
    with pytest.raises(OutputError, match="cannot make the folder of scores"):
        ScoreCache(tmp_path / "scores", matrices, sites=4)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted_folder(tmp_path_factory.mktemp("pairing"))


def scans(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the windows that are scored from here on."""
    counted, whole = [], ElementFeatures.motif_scores

    def counting(self: ElementFeatures, codes: np.ndarray) -> np.ndarray:
        counted.append(len(codes))
        return whole(self, codes)

    monkeypatch.setattr(ElementFeatures, "motif_scores", counting)
    return counted


def test_a_run_with_known_scores_leaves_the_same(planted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    settings = settings_of(planted)
    training.train(make_config(settings), tmp_path / "without")
    counted = scans(monkeypatch)
    settings["motif_pairs"]["score_cache"] = str(tmp_path / "scores")
    for name, scored in (("first", True), ("second", False)):
        counted.clear()
        training.train(make_config(settings), tmp_path / name)
        report = json.loads((tmp_path / name / "metrics.json").read_text())
        tested = report["test"]["pairs"]
        assert (
            sum(counted) > 2 * tested
        ) is scored  # the model that is kept scores the test part's elements itself
        for file in ("model.safetensors", "predictions.tsv"):
            assert (tmp_path / name / file).read_bytes() == (tmp_path / "without" / file).read_bytes()


def test_a_cross_validation_scores_each_element_once(
    planted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settings = settings_of(planted)
    settings["split"] = {"split": "loco"}
    found = crossval(make_config(settings), tmp_path / "loco")
    assert "score_cache" not in (tmp_path / "loco" / "config.toml").read_text()
    pairs = pd.read_csv(planted / "pairs.csv")
    elements = sum(
        len(pairs[[f"{role}_chrom", f"{role}_start"]].drop_duplicates()) for role in ("enhancer", "promoter")
    )
    [folder] = (tmp_path / "loco" / "scores").iterdir()
    motifs = [line for line in (planted / "own.meme").read_text().splitlines() if line.startswith("MOTIF")]
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert size == pytest.approx(elements * (16 + 4 * len(motifs)), rel=0.1)
    assert found.intervals["auroc"].value > 0.8
