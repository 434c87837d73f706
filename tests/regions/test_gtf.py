"""Gene models, against a file in GTF's own convention: 1-based, closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from epidyn.errors import ConfigError, RegionFileError
from epidyn.regions import read_gtf, read_promoters

SIZES = {"chr1": 10_000, "chr2": 500}


def line(chrom: str, feature: str, start: int, end: int, strand: str, attributes: str) -> str:
    return f"{chrom}\tmade\t{feature}\t{start}\t{end}\t.\t{strand}\t.\t{attributes}\n"


A, B = 'gene_id "G1"; gene_name "ALPHA";', 'gene_id "G2";'
GOOD = "#!genome-build made\n" + "".join(
    [
        line("chr1", "gene", 1001, 3000, "+", A),
        line("chr1", "transcript", 1001, 2500, "+", f'{A} transcript_id "T1";'),
        line("chr1", "exon", 1001, 1200, "+", f'{A} transcript_id "T1"; exon_number 1;'),
        line("chr1", "transcript", 1501, 3000, "+", f'{A} transcript_id "T2";'),
        # no line for the whole gene, as UCSC writes it; the transcripts overlap
        line("chr1", "exon", 5001, 5100, "-", f'{B} transcript_id "T3"'),
        line("chr1", "exon", 5501, 6000, "-", f'{B} transcript_id "T3"'),
        line("chr1", "exon", 5801, 6200, "-", f'{B} transcript_id "T4"'),
        line("2", "gene", 1, 490, "-", "gene_id G3; gene GAMMA"),
    ]
)


@pytest.fixture
def gtf(tmp_path: Path) -> Path:
    path = tmp_path / "genes.gtf"
    path.write_text(GOOD)
    return path


def test_genes_reach_over_all_their_lines(gtf: Path):
    assert list(read_gtf(gtf).itertuples(index=False, name=None)) == [
        ("chr1", 1000, 3000, "+", 1000, "G1", "ALPHA", 2),
        ("chr1", 5000, 6200, "-", 6199, "G2", "G2", 6),
        ("2", 0, 490, "-", 489, "G3", "GAMMA", 9),
    ]


def test_transcripts(gtf: Path):
    table = read_gtf(gtf, "transcript")
    assert list(zip(table["name"], table["tss"], table["gene"], strict=True)) == [
        ("T1", 1000, "ALPHA"),
        ("T2", 1500, "ALPHA"),
        ("T3", 5999, "G2"),
        ("T4", 6199, "G2"),
    ]


def test_upstream_and_downstream_follow_the_strand(gtf: Path):
    table = read_promoters(gtf, "gene", upstream=300, downstream=20, sizes=SIZES)
    assert list(zip(table["chrom"], table["start"], table["end"], strict=True)) == [
        ("chr1", 700, 1021),
        ("chr1", 6179, 6500),
        ("2", 469, 500),  # cut at the end of chr2, which the file calls 2
    ]
    assert table["tss"].tolist() == [1000, 6199, 489]
    bare = read_promoters(gtf, "gene", upstream=0, downstream=0, sizes={})
    assert (bare["end"] - bare["start"]).tolist() == [1, 1, 1]
    wide = read_promoters(gtf, "gene", upstream=2000, downstream=0, sizes=SIZES)
    assert (wide["start"][0], wide["end"][2]) == (0, 500)


def test_one_gene_id_at_two_places_is_two_genes(tmp_path: Path):
    places = [("chrX", "+"), ("chrY", "+"), ("chrX", "-")]
    (tmp_path / "g.gtf").write_text("".join(line(chrom, "gene", 10, 20, strand, A) for chrom, strand in places))
    table = read_gtf(tmp_path / "g.gtf")
    assert list(zip(table["chrom"], table["tss"], strict=True)) == [("chrX", 9), ("chrY", 9), ("chrX", 19)]


def test_attributes_are_told_from_those_whose_names_end_alike(tmp_path: Path):
    attributes = 'gene_id "G1"; ref_gene_id "OTHER"; havana_gene "OTHER"; note "a;b gene_idea";'
    (tmp_path / "g.gtf").write_text(line("chr1", "gene", 10, 20, "+", attributes))
    assert read_gtf(tmp_path / "g.gtf")[["name", "gene"]].to_numpy().tolist() == [["G1", "G1"]]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (line("chr1", "gene", 1, 9, "+", 'gene_name "X";'), ("no gene_id",)),
        (line("chr1", "gene", 1, 9, "+", "ID=gene1;Name=X"), ("no gene_id", "GFF3", "gffread")),
        (line("chr1", "gene", 0, 9, "+", A), ("start is '0'", "from 1")),
        (line("chr1", "gene", 9, 8, "+", A), ("end is '8'", "end not below start")),
        (line("chr1", "gene", 1, 9, ".", A), ("strand is '.'", "TSS")),
        ("chr1\t1\t9\n", ("3 columns; 9",)),
    ],
)
def test_refuses_a_bad_line_by_its_number(gtf: Path, bad: str, words: tuple[str, ...]):
    gtf.write_text(GOOD + bad)
    with pytest.raises(RegionFileError) as caught:
        read_gtf(gtf)
    for word in ("genes.gtf", "1 line cannot", "line 10", *words):
        assert word in str(caught.value)


def test_refuses_a_file_without_transcripts(gtf: Path):
    gtf.write_text(line("chr1", "gene", 1, 9, "+", A))
    with pytest.raises(RegionFileError, match="no line has a transcript_id"):
        read_gtf(gtf, "transcript")


def test_refuses_a_tss_behind_the_chromosome(gtf: Path):
    with pytest.raises(RegionFileError, match=r"line 6: TSS at chr1:6200, the chromosome has 6000 bases"):
        read_promoters(gtf, "gene", upstream=1, downstream=1, sizes={"chr1": 6000, "chr2": 500})


def test_refuses_settings(gtf: Path):
    with pytest.raises(ConfigError, match="--upstream is -1"):
        read_promoters(gtf, "gene", upstream=-1, downstream=1, sizes=SIZES)
    with pytest.raises(ConfigError, match="--downstream is -2"):
        read_promoters(gtf, "gene", upstream=1, downstream=-2, sizes=SIZES)
    with pytest.raises(ConfigError, match=r"--promoter-of is 'exon'.*gene, transcript"):
        read_promoters(gtf, "exon", upstream=1, downstream=1, sizes=SIZES)  # type: ignore[arg-type]
