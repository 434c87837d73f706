"""``epidyn motifs``, from an explained folder to files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import Run
from tests.interpret.planted import planted_folder


def command(folder: Path, *options: str) -> list[str]:
    paths = [str(folder / "explained"), "--genome", str(folder / "genome.fa"), "--out", str(folder / "out")]
    return ["motifs", *paths, "--top-share", "0.045", "--clusters", "3", *options]


def test_every_option_reaches_the_report(tmp_path: Path, epidyn: Run):
    planted_folder(tmp_path / "explained")
    options = "--element enhancer --flank 3 --min-width 7 --max-width 9 --engine builtin --seed 4 --quiet"
    jaspar = ["--jaspar-release", "JASPAR2022", "--jaspar-collections", "CORE"]
    done = epidyn(*command(tmp_path, *options.split(), *jaspar))
    assert done.code == 0
    table = pd.read_csv(tmp_path / "out" / "motifs.tsv", sep="\t")
    assert table["width"].between(7, 9).all()
    assert set(table["match_collection"]) == {"CORE"}
    segments = pd.read_csv(tmp_path / "out" / "segments.tsv", sep="\t")
    assert set(segments["role"]) == {"enhancer"}
    assert "resemble one of JASPAR2022" in done.out
    assert str(tmp_path / "out" / "motifs.html") in done.out
    said = (tmp_path / "out" / "motifs.json").read_text()
    for expected in ('"flank": 3', '"seed": 4', '"share": 0.045', '"engine": "builtin"'):
        assert expected in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--clusters", "900"), "cannot make 900 clusters"),
        (("--jaspar-release", "JASPAR"), "JASPAR has no release 'JASPAR'; there are JASPAR2026"),
        (("--jaspar-collections", "CORE, cne"), "no collection 'cne'; there are CORE, CNE"),
        (("--jaspar-collections", ","), "name one"),
        (("--engine", "meme"), "needs the program meme"),
    ],
)
def test_mistakes_end_with_2_and_leave_nothing(
    tmp_path: Path, epidyn: Run, monkeypatch: pytest.MonkeyPatch, options: tuple[str, str], message: str
):
    monkeypatch.setenv("PATH", str(tmp_path))
    planted_folder(tmp_path / "explained")
    done = epidyn(*command(tmp_path, *options))
    assert done.code == 2
    assert message in done.err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_none_and_one_that_is_full(tmp_path: Path, epidyn: Run):
    planted_folder(tmp_path / "explained")
    (tmp_path / "explained" / "explain.json").unlink()
    done = epidyn(*command(tmp_path))
    assert done.code == 2
    assert "explain.json does not exist" in done.err
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes").touch()
    assert "is not empty" in epidyn(*command(tmp_path)).err
