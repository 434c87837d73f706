"""Alleles as the file has them, what differs in them, and files that are no VCF."""

from __future__ import annotations

import gzip
from pathlib import Path

import pysam
import pytest

from epidyn.errors import InputFileError
from epidyn.interpret.vcf import Allele, iter_alleles

HEADER = (
    "##fileformat=VCFv4.2\n##contig=<ID=chr1>\n##contig=<ID=2>\n"
    '##INFO=<ID=END,Number=1,Type=Integer,Description="End">\n'  # pysam gives one to <DEL>
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
)
RECORDS = "chr1\t5\trs1\ta\tC,<DEL>\t.\t.\t.\n2\t7\t.\tACG\t*\t9\tPASS\t.\nchr1\t1\tx\tT\t.\t.\t.\t.\n"


def written(path: Path, text: str = HEADER + RECORDS) -> Path:
    path.write_text(text)
    return path


def test_records_with_several_alleles_are_split_and_letters_are_upper_case(tmp_path: Path):
    assert list(iter_alleles(written(tmp_path / "v.vcf"))) == [
        Allele("chr1", 5, "rs1", "A", "C"),
        Allele("chr1", 5, "rs1", "A", "<DEL>"),
        Allele("2", 7, ".", "ACG", "*"),
        Allele("chr1", 1, "x", "T", "."),
    ]


def test_gzip_bgzip_and_bcf_are_read_alike(tmp_path: Path):
    plain = written(tmp_path / "v.vcf")
    alleles = list(iter_alleles(plain))
    (tmp_path / "gzip.vcf.gz").write_bytes(gzip.compress(plain.read_bytes()))
    pysam.tabix_compress(str(plain), str(tmp_path / "bgzip.vcf.gz"))
    bcf = tmp_path / "v.bcf"
    with (
        pysam.VariantFile(str(plain)) as source,
        pysam.VariantFile(str(bcf), "wb", header=source.header) as target,
    ):
        for record in source:
            target.write(record)
    for name in ("gzip.vcf.gz", "bgzip.vcf.gz", "v.bcf"):
        assert list(iter_alleles(tmp_path / name)) == alleles, name


@pytest.mark.parametrize(
    ("ref", "alt", "change"),
    [
        ("A", "C", (9, "A", "C")),
        ("ACG", "ATG", (10, "C", "T")),
        ("A", "ATT", (10, "", "TT")),
        ("GAA", "G", (10, "AA", "")),
        ("CAAA", "CAA", (10, "A", "")),  # as far left as it is written
        ("TCT", "GA", (9, "TCT", "GA")),
        ("AC", "AC", (9, "", "")),
    ],
)
def test_shared_bases_are_taken_off(ref: str, alt: str, change: tuple[int, str, str]):
    assert Allele("chr1", 10, ".", ref, alt).change == change


@pytest.mark.parametrize(
    ("alt", "trouble"),
    [
        ("G", None),
        ("GN", "letters other than A, C, G and T"),
        ("*", "no alternate allele of its own"),
        (".", "no alternate allele of its own"),
        ("<NON_REF>", "no alternate allele of its own"),
        ("<DUP:TANDEM>", "symbolic"),
        ("]CHR2:5]C", "breakend"),
        ("G.", "letters other than A, C, G and T"),
    ],
)
def test_alleles_without_a_sequence_say_why(alt: str, trouble: str | None):
    assert Allele("chr1", 1, ".", "A", alt).trouble == trouble


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello\n", "it cannot be read as VCF"),
        (RECORDS, "it cannot be read as VCF"),
        (HEADER + RECORDS + "chr1\t9\n", "behind its record 3 it cannot be read"),
        (HEADER + "chr1\tfive\t.\tA\tC\t.\t.\t.\n", "it cannot be read as VCF"),
        ("", "is empty"),
    ],
)
def test_refuses_what_is_no_vcf(tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str, message: str):
    with pytest.raises(InputFileError, match=message):
        list(iter_alleles(written(tmp_path / "v.vcf", text)))
    assert capfd.readouterr().err == ""  # htslib would complain on its own
    with pytest.raises(InputFileError, match="does not exist"):
        list(iter_alleles(tmp_path / "none.vcf"))


@pytest.mark.parametrize("pack", ["gzip", "bgzip"])
def test_refuses_a_truncated_file(tmp_path: Path, pack: str):
    plain = written(
        tmp_path / "v.vcf", HEADER + "".join(f"chr1\t{at}\trs{at * at}\tA\tC\t.\t.\t.\n" for at in range(1, 9000))
    )
    whole = tmp_path / "v.vcf.gz"
    if pack == "gzip":
        whole.write_bytes(gzip.compress(plain.read_bytes()))
    else:
        pysam.tabix_compress(str(plain), str(whole))
    assert len(list(iter_alleles(whole))) == 8999
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(InputFileError, match="cannot be read as VCF"):
        list(iter_alleles(whole))


def test_refuses_what_was_gzipped_twice(tmp_path: Path):
    plain = written(tmp_path / "v.vcf")
    (tmp_path / "twice.vcf.gz").write_bytes(gzip.compress(gzip.compress(plain.read_bytes())))
    with pytest.raises(InputFileError, match="cannot be read as VCF"):
        list(iter_alleles(tmp_path / "twice.vcf.gz"))
