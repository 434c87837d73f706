from __future__ import annotations

import logging

import pytest

from epidyn.errors import PairTableError
from epidyn.pairs import REQUIRED, read_pairs, write_pairs
from tests.conftest import needs_data
from tests.pairs.tables import write_rows, write_text

GOOD = [
    "1", "182101.5",
    "chr12", "678895", "680420", "chr12:678895-680420|NHEK|EH37E0249906",
    "chr12", "860259", "862259", "chr12:861758-861759|NHEK|ENSG00000060237.12|ENST00000535572.1|+",
]  # fmt: skip
OTHER = [
    "0", "110127.5",
    "chr12", "678895", "680420", "chr12:678895-680420|NHEK|EH37E0249906",
    "chr12", "568030", "570030", "chr12:569529-569530|NHEK|ENSG00000139044.6|ENST00000266383.5|-",
]  # fmt: skip


def changed(column: int, text: str) -> list[str]:
    return [text if i == column else cell for i, cell in enumerate(GOOD)]


def test_the_names_give_cell_line_gene_strand_and_tss(tmp_path):
    table = read_pairs(write_rows(tmp_path / "bengi.tsv", [GOOD, OTHER], "\t"))
    assert table.attrs["format"] == "BENGI"
    assert list(table) == [
        *REQUIRED, "label", "cell_line", "enhancer_name", "promoter_name", "tss", "promoter_strand", "gene",
        "distance",
    ]  # fmt: skip
    assert table.loc[0, list(REQUIRED)].tolist() == ["chr12", 678895, 680420, "chr12", 860259, 862259]
    assert table["label"].tolist() == [1, 0]
    assert table["cell_line"].tolist() == ["NHEK", "NHEK"]
    assert table["tss"].tolist() == [861758, 569529]
    assert table["promoter_strand"].tolist() == ["+", "-"]
    assert table["gene"].tolist() == ["ENSG00000060237.12", "ENSG00000139044.6"]
    assert table["distance"].tolist() == ["182101.5", "110127.5"]
    assert table["promoter_name"].tolist() == [GOOD[9], OTHER[9]]


@pytest.mark.parametrize(
    ("column", "text", "complaint"),
    [
        (0, "2", 'label is "2"'),
        (2, "chr1", 'enhancer_chrom is "chr1", promoter_chrom is "chr12"'),
        (3, "abc", 'enhancer_start is "abc"'),
        (8, "860259", "promoter_start is 860259, promoter_end is 860259"),
        (5, "chr12:678895-680420", 'enhancer_name is "chr12:678895-680420"; a name such as'),
        (5, "chr12:678895-680420|K562|EH37E0249906", 'of enhancer_name is "K562"'),
        (9, "chr12:861758-861759|NHEK|A|B|?", 'promoter_name is "chr12:861758-861759|NHEK|A|B|?"; a name'),
        (9, "chr12:861758-861760|NHEK|A|B|+", "must have one base"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_bad_row_draws_one_complaint(tmp_path, column, text, complaint, first):
    bad = changed(column, text)
    path = write_rows(tmp_path / "bengi.tsv", [bad, OTHER] if first else [OTHER, bad], "\t")
    with pytest.raises(PairTableError) as caught:
        read_pairs(path)
    (shown,) = caught.value.rows
    assert shown.startswith(f"line {1 if first else 2}: ")
    assert complaint in shown


def test_a_table_of_one_row(tmp_path):
    assert len(read_pairs(write_text(tmp_path / "one", "\t".join(GOOD)))) == 1


@needs_data
@pytest.mark.parametrize(
    ("line", "positives", "negatives"),
    [
        ("GM12878", 2695, 46212),
        ("HMEC", 2286, 20019),
        ("HeLa", 2256, 21086),
        ("IMR90", 1468, 13268),
        ("NHEK", 1820, 13582),
        ("K562", 2765, 73299),
    ],
)
def test_sizes_of_the_real_tables(data, caplog, line, positives, negatives):
    with caplog.at_level(logging.INFO, logger="epidyn"):
        table = read_pairs(data / "bengi" / f"{line}.HiC-Benchmark.v3.tsv.gz")
    assert table["label"].value_counts().to_dict() == {1: positives, 0: negatives}
    assert table["cell_line"].unique().tolist() == ["HeLa-S3" if line == "HeLa" else line]
    # The transcription start site lies in the interval of the promoter.
    assert ((table["tss"] >= table["promoter_start"]) & (table["tss"] < table["promoter_end"])).all()
    (message,) = caplog.messages
    assert f"{positives:,} positive" in message
    assert ("HeLa read as HeLa-S3" in message) == (line == "HeLa")


@needs_data
def test_a_real_table_written_in_our_columns_reads_back_equal(data, tmp_path):
    table = read_pairs(data / "bengi" / "NHEK.HiC-Benchmark.v3.tsv.gz")
    write_pairs(table, tmp_path / "ours.tsv.gz")
    again = read_pairs(tmp_path / "ours.tsv.gz")
    assert again.attrs["format"] == "epidyn columns"
    assert again.equals(table)
