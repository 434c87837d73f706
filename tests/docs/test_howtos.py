"""The how-tos, followed: each marked block runs as it stands, on small files of the names that it uses."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest

from epidyn import progress, read_pairs
from epidyn.cli import main
from tests.docs.pages import ROOT, blocks

HOWTOS = sorted((ROOT / "docs" / "howto").glob("*.md"))
# Settings that make networks small, and what the page says of a few dozen pairs.
ALSO = {
    "train": ["--config", "small.toml"],
    "crossval": ["--config", "small.toml"],
    "motifs": ["--clusters", "2", "--top-share", "0.3"],
}


def test_all_howtos_are_here():
    assert [page.stem for page in HOWTOS] == [
        "fine-tune",
        "genome-scan",
        "honest-evaluation",
        "motifs-and-variants",
        "own-data",
    ]


@pytest.mark.parametrize("page", HOWTOS, ids=lambda page: page.stem)
def test_a_howto_works(page: Path, files: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    desk = tmp_path / "desk"
    shutil.copytree(files, desk)
    if page.stem != "own-data":
        shutil.copytree(trained, desk, dirs_exist_ok=True)
    monkeypatch.chdir(desk)
    for language, text in blocks(page):
        if language == "python":
            if page.stem == "own-data":
                (desk / "pairs.csv").unlink()
            exec(compile(text, page.name, "exec"), {})
            if page.stem == "honest-evaluation":
                assert len(read_pairs(desk / "validation.csv")) == 30
                shutil.copy(desk / "pairs.csv", desk / "validation.csv")  # 30 are too few to calibrate on
                continue
            pd.testing.assert_frame_equal(
                read_pairs(desk / "pairs.csv")[["enhancer_name", "promoter_name", "label"]],
                read_pairs(files / "pairs.csv")[["enhancer_name", "promoter_name", "label"]],
            )
        for line in text.splitlines() if language == "sh" else ():
            words = shlex.split(line)
            assert words[0] == "epidyn"
            assert main([*words[1:], *ALSO.get(words[1], [])]) == 0, line
    progress.quiet(False)
