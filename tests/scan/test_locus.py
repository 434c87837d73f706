from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from epidyn.errors import ConfigError, EpidynError, InputFileError
from epidyn.scan import locus as drawing
from epidyn.scan.locus import Locus, plot_locus, read_locus
from epidyn.scan.output import columns, header_text, join, rows_text, write_piece

# enhancer start and end, promoter start and end, probability
PAIRS = [
    (100, 200, 150, 250, 0.9),
    (400, 500, 150, 250, 0.2),
    (100, 200, 600, 700, 0.5),
    (880, 920, 600, 700, 0.4),
]


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    rows = [
        ("chr1", first, last, "chr1", start, end, "e", "p", "", "+", "ALPHA", 0, 0.0, probability)
        for first, last, start, end, probability in PAIRS
    ]
    names = columns(calibrated=False)
    write_piece(tmp_path / "header", header_text(names))
    write_piece(tmp_path / "rows", rows_text(pd.DataFrame(rows, columns=names)))
    settings = {"format": 1, "columns": names, "shard": "1/1", "genome": {"largest": 1000}}
    settings |= {"pairs": 4, "rows": 4, "pairs_seen_in_training": 0}
    pieces = [(tmp_path / name, 0) for name in ("header", "rows")]
    join(tmp_path / "scan.tsv.gz", pieces, settings, largest=1000)
    return tmp_path / "scan.tsv.gz"


def test_a_locus_is_1_based_and_closed_as_in_browsers():
    locus = Locus.parse("chr1:1,001-2,000")
    assert (locus.chrom, locus.start, locus.end) == ("chr1", 1000, 2000)
    assert str(locus) == "chr1:1,001-2,000"
    assert Locus.parse("HLA-A*01:5-9") == Locus("HLA-A*01", 4, 9)


@pytest.mark.parametrize(
    "text", ["chr1", "chr1:5", "chr1:0-5", "chr1:5-5", "chr1:9-5", "chr1:a-b", "chr1:,-,", ":1-2"]
)
def test_refuses_a_locus(text: str):
    with pytest.raises(ConfigError, match=r"--plot-locus is .* such as chr1:1,000,000-2,000,000"):
        Locus.parse(text)


@pytest.mark.parametrize(
    ("text", "probabilities"),
    [
        ("chr1:1-1000", [0.9, 0.2, 0.5, 0.4]),
        ("1:101-500", [0.9, 0.2]),
        ("chr1:151-650", [0.9, 0.2, 0.5]),  # midpoints 150 and 650 are its ends
        ("chr1:152-650", [0.2]),
        ("chr1:151-649", [0.9, 0.2]),
        ("chr1:300-500", []),
        ("chr2:1-1000", []),
    ],
)
def test_reads_pairs_with_both_midpoints_inside(scan: Path, text: str, probabilities: list[float]):
    assert read_locus(scan, Locus.parse(text))["probability"].tolist() == probabilities


def test_a_chromosome_s_name_leads_to_no_other_folder(scan: Path):
    path = Locus("../../x", 0, 5).picture_path(scan)
    assert path.parent == scan.parent
    assert path.name == "scan.tsv.gz...%2F..%2Fx-1-5.png"


def test_refuses_a_locus_without_pairs_and_a_scan_without_its_files(scan: Path, tmp_path: Path):
    with pytest.raises(ConfigError, match=r"chr1:300-500.*scan.tsv.gz has no pair"):
        plot_locus(scan, Locus("chr1", 299, 500))
    for beside in (".tbi", ".json"):
        (tmp_path / f"scan.tsv.gz{beside}").unlink()
        with pytest.raises(EpidynError, match=rf"scan.tsv.gz{beside} does not exist"):
            plot_locus(scan, Locus("chr1", 0, 1000))
    assert list(tmp_path.glob("*.png")) == []


@pytest.mark.parametrize(
    ("beside", "damage", "words"),
    [
        ("", lambda whole: whole[:-40], "is truncated"),
        ("", lambda whole: whole[:-28], "is truncated"),
        ("", lambda whole: whole[:120] + bytes(60) + whole[180:], "is damaged"),
        ("", lambda whole: bytes(200) + whole[-28:], "is damaged"),
        (".tbi", lambda whole: b"no index", "is damaged"),
        (".json", lambda whole: b"{", "not what `epidyn scan` writes"),
        (".json", lambda whole: whole.replace(b'"format": 1', b'"format": 9'), "its format is 9, 1 is needed"),
    ],
)
def test_refuses_a_damaged_scan(
    scan: Path, capfd: pytest.CaptureFixture[str], beside: str, damage: Callable[[bytes], bytes], words: str
):
    path = Path(f"{scan}{beside}")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputFileError, match=words):
        plot_locus(scan, Locus("chr1", 0, 1000))
    assert capfd.readouterr() == ("", "")


def test_high_pairs_are_drawn_high(scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    kept = {}
    save = drawing.plots.save
    monkeypatch.setattr(drawing.plots, "save", lambda figure, path: (kept.update(f=figure), save(figure, path)))
    path = plot_locus(scan, Locus("chr1", 0, 1000))
    assert path == tmp_path / "scan.tsv.gz.chr1-1-1000.png"
    assert imread(path).std() > 0
    (arcs,) = kept["f"].axes[0].collections
    by_height = sorted(PAIRS, key=lambda pair: pair[-1])  # the lowest is drawn first
    for points, (first, last, start, end, probability) in zip(arcs.get_segments(), by_height, strict=True):
        assert points[:, 1].max() == pytest.approx(probability, rel=0.002)
        feet = sorted([(first + last) / 2, (start + end) / 2])
        np.testing.assert_allclose(sorted(points[[0, -1], 0]), feet)
    texts = [text.get_text().strip() for text in kept["f"].axes[2].texts]
    assert texts == ["ALPHA →", "ALPHA →"]  # one for each promoter


def test_genes_are_those_of_the_gene_models(scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def line(chrom: str, start: int, end: int, name: str) -> str:
        return f'{chrom}\tmade\tgene\t{start}\t{end}\t.\t-\t.\tgene_id "{name}";\n'

    (tmp_path / "g.gtf").write_text(
        line("1", 1, 100, "BEFORE")
        + line("1", 101, 700, "IN")
        + line("1", 701, 900, "BEHIND")
        + line("2", 101, 700, "NO")
    )
    drawn = []
    monkeypatch.setattr(drawing, "_draw", lambda pairs, genes, locus, out: drawn.extend(genes["name"]))
    plot_locus(scan, Locus("chr1", 100, 700), tmp_path / "g.gtf")
    assert drawn == ["IN"]


def test_neither_genes_nor_their_names_touch():
    rng, locus = np.random.default_rng(8), Locus("chr1", 0, 100_000)
    start = rng.integers(-5000, 99_000, 80)
    end = start + rng.integers(100, 40_000, 80)
    names = [f"GENE{'X' * int(more)}" for more in rng.integers(0, 9, 80)]
    start[0], end[0] = -10, 100_010  # has room for its name neither before nor behind
    genes = pd.DataFrame({"start": start, "end": end, "strand": "+", "gene": names})
    bars = drawing._bars(genes[genes["end"] > 0], locus)
    lanes = drawing._lanes(bars)
    assert {bar.align for bar in bars} == {"left", "right", "center"}
    for lane in set(lanes):
        placed = [bar for bar, of in zip(bars, lanes, strict=True) if of == lane]
        for before, after in pairwise(placed):
            assert before.last < after.first
    for bar in bars:
        assert 0 <= bar.first <= bar.start < bar.end <= bar.last <= 100_000
