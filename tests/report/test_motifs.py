"""Motifs in the report: linked to their run, beside the article's example, or said to be left out."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from epidyn.errors import InputFileError
from epidyn.files import sha256
from epidyn.report import write_report
from epidyn.report.collect import collect
from tests.report.folders import vary

COLUMNS = ["motif", "match_name", "supported"]


def search(folder: Path, model: Path, *, supported: tuple[bool, ...] = (True, False)) -> Path:
    """Write what `epidyn motifs` writes, as far as the report reads it."""
    folder.mkdir(parents=True)
    names = [f"motif_{number:02d}" for number in range(1, len(supported) + 1)]
    table = pd.DataFrame(list(zip(names, ["STAT1", "JUN"], supported, strict=False)), columns=COLUMNS)
    table.to_csv(folder / "motifs.tsv", sep="\t", index=False)
    rows = [(names[0], "MA1", 0.01), (names[-1], "CN0116.1", 1e-9), (names[0], "CN0116.1", 0.04)]
    matches = pd.DataFrame(rows, columns=["motif", "matrix", "q"])
    matches.to_csv(folder / "matches.tsv", sep="\t", index=False)
    explained = {"pairs": {"name": "pairs.csv"}, "model": {"sha256": sha256(model)}, "explained": 200}
    counts = {"motifs": len(names), "supported": sum(supported), "control_motifs": 7, "supported_controls": 1}
    (folder / "motifs.json").write_text(json.dumps({"explained": explained, **counts}))
    for name in names:
        (folder / f"{name}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + name.encode())
    return folder


@pytest.fixture
def run(real_run: Path, tmp_path: Path) -> Path:
    return vary(real_run, tmp_path / "all" / "run", line="NHEK")


def test_a_row_says_what_was_found_and_whether_it_is_like_the_articles(run: Path):
    search(run.parent / "motifs", run / "model.safetensors")
    (row,) = collect([run.parent]).motifs
    assert (row.line, row.pairs, row.motifs, row.supported) == ("NHEK", 200, 2, 1)
    assert (row.control_motifs, row.supported_controls) == (7, 1)
    assert row.names == ("STAT1",)
    # The second motif resembles the example better, but is not supported.
    assert (row.example, row.family, row.resembled, row.leading) == ("CN0116.1", "STAT", ("motif_01",), "motif_01")


def test_page_markdown_and_table_have_it(run: Path, tmp_path: Path):
    search(run.parent / "motifs", run / "model.safetensors")
    page = write_report([run.parent], tmp_path / "report")
    text = page.read_text()
    assert "CN0116.1 (STAT)" in text
    assert 'alt="logo of motif_01, NHEK"' in text
    assert (page.parent / "figures" / "motif_0_NHEK.png").read_bytes().endswith(b"motif_01")
    table = pd.read_csv(page.parent / "motifs.csv")
    assert table[["line", "supported", "resemble_example"]].values.tolist() == [["NHEK", 1, "motif_01"]]
    assert (
        "| NHEK | 200 | 2 | 1 | 7 | 1 | STAT1 | CN0116.1 | STAT | motif\\_01 |"
        in (page.parent / "report.md").read_text()
    )


def test_without_a_search_the_page_says_so(run: Path, tmp_path: Path):
    page = write_report([run.parent], tmp_path / "report")
    assert "Not run: no folder of <code>epidyn motifs</code>" in page.read_text()
    assert not (page.parent / "motifs.csv").exists()
    assert (page.parent / "report.md").read_text().rstrip().endswith("Not run.")


def test_a_control_is_called_so_and_has_no_example(real_run: Path, tmp_path: Path):
    control = vary(real_run, tmp_path / "run", metrics=lambda report: report["data"].update(random_genome=True))
    search(tmp_path / "motifs", control / "model.safetensors", supported=(False,))
    (row,) = collect([tmp_path]).motifs
    assert (row.line, row.names, row.leading) == ("NHEK (random genome)", (), None)


def test_another_network_is_left_out_and_damage_is_told(run: Path):
    found = search(run.parent / "motifs", run / "config.toml")
    collected = collect([run.parent])
    assert collected.motifs == []
    assert any(note.startswith(str(found)) and "no run given" in note for note in collected.notes)
    whole = search(run.parent / "whole", run / "model.safetensors")
    (whole / "matches.tsv").write_text("motif\tp\n")
    with pytest.raises(InputFileError, match=r"matches\.tsv lacks matrix, q\. Run `epidyn motifs` again"):
        collect([run.parent])
    (whole / "matches.tsv").unlink()
    with pytest.raises(InputFileError, match=r"matches\.tsv does not exist"):
        collect([run.parent])
