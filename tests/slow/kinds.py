"""Each kind of file that a user gives: valid ones to begin with, and the command that reads it."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from epidyn import Genome, read_pairs, write_pairs
from epidyn.genome import decode
from tests.genome.formats import twobit_bytes, write_bgzf
from tests.test_format1 import FORMAT1


@dataclass(frozen=True)
class Kind:
    """``valid`` are files to begin with; ``command`` is what reads the ``given`` one, writing to ``out``."""

    valid: Sequence[Path]
    command: Callable[[Path, Path], list[str]]


def kinds(folder: Path) -> dict[str, Kind]:
    """Write valid files of every kind into ``folder``, and say how each is read."""
    model, pairs = FORMAT1 / "model.safetensors", FORMAT1 / "pairs.csv"
    folder.mkdir(exist_ok=True)
    with gzip.open(FORMAT1 / "genome.fa.gz", "rt") as file:
        fasta = _written(folder / "genome.fa", file.read())
    few = folder / "few.csv"
    write_pairs(read_pairs(pairs).iloc[:9], few)
    enhancers, promoters = (_bed(folder / f"{role}.bed", pairs, role) for role in ("enhancer", "promoter"))

    def predict(model: Path, pairs: Path, genome: Path, out: Path) -> list[str]:
        given = ["--model", str(model), "--pairs", str(pairs), "--genome", str(genome)]
        return ["predict", *given, "--out", str(out / "scores.tsv"), "--force"]

    def scan(out: Path, *more: object) -> list[str]:
        given = ["--model", str(model), "--genome", str(fasta), "--max-distance", "2000"]
        return ["scan", *given, *map(str, more), "--out", str(out / "scan.tsv.gz")]

    def explain(given: Path, out: Path) -> list[str]:
        fixed = ["--model", str(model), "--pairs", str(few), "--genome", str(fasta)]
        return ["explain", *fixed, "--variants", str(given), "--out", str(out / "variants")]

    return {
        "pairs": Kind(_tables(folder, pairs), lambda given, out: predict(model, given, fasta, out)),
        "fasta": Kind(_genomes(folder, fasta), lambda given, out: predict(model, few, given, out)),
        "2bit": Kind([_twobit(folder, fasta)], lambda given, out: predict(model, few, given, out)),
        "vcf": Kind(_variants(folder, fasta, few), explain),
        "gtf": Kind(_genes(folder), lambda given, out: scan(out, "--enhancers", enhancers, "--gtf", given)),
        "bed": Kind([enhancers], lambda given, out: scan(out, "--enhancers", given, "--promoters", promoters)),
        "model": Kind([model], lambda given, out: predict(given, few, fasta, out)),
        "scores": Kind(
            [FORMAT1 / "scores.tsv"],
            lambda given, out: ["evaluate", "--scores", str(given), "--out", str(out / "e")],
        ),
        "config": Kind(
            _settings(folder), lambda given, out: ["train", "--config", str(given), "--out", str(out / "r")]
        ),
    }


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _tables(folder: Path, pairs: Path) -> list[Path]:
    table = read_pairs(pairs).iloc[:17]
    files = [folder / name for name in ("own.csv", "own.tsv", "own.csv.gz", "pairs.bedpe", "pairs.parquet")]
    for path in files:
        write_pairs(table, path)
    target_finder = table.drop(columns=["cell_line", "rule"])
    target_finder.to_csv(folder / "targetfinder.csv", index=False)
    bengi = [
        f"{row.label} 5 {row.enhancer_chrom} {row.enhancer_start} {row.enhancer_end} "
        f"{row.enhancer_chrom}:{row.enhancer_start}-{row.enhancer_end}|toy|EH37E{row.Index:07d} "
        f"{row.promoter_chrom} {row.promoter_start} {row.promoter_start + 1} "
        f"{row.promoter_chrom}:{row.promoter_start}-{row.promoter_start + 1}|toy|ENSG{row.Index:011d}.1|ENST1.1|+"
        for row in table.itertuples()
    ]
    return [
        *files,
        folder / "targetfinder.csv",
        _written(folder / "bengi.txt", "\n".join(bengi).replace(" ", "\t") + "\n"),
    ]


def _genomes(folder: Path, fasta: Path) -> list[Path]:
    packed = folder / "plain.fa.gz"
    packed.write_bytes(gzip.compress(fasta.read_bytes()))
    return [fasta, packed, write_bgzf(folder / "blocks.fa.bgz", fasta.read_text())]


def _twobit(folder: Path, fasta: Path) -> Path:
    with Genome.open(fasta) as genome:
        letters = [(chrom, decode(genome.fetch(chrom, 0, size))) for chrom, size in genome.sizes.items()]
    (folder / "genome.2bit").write_bytes(twobit_bytes(letters))
    return folder / "genome.2bit"


def _bed(path: Path, pairs: Path, role: str) -> Path:
    table = read_pairs(pairs).iloc[:17]
    places = table[[f"{role}_chrom", f"{role}_start", f"{role}_end", f"{role}_name"]].drop_duplicates()
    lines = ["\t".join(map(str, row)) + "\t0\t+" for row in places.itertuples(index=False)]
    return _written(path, "\n".join(lines) + "\n")


def _variants(folder: Path, fasta: Path, pairs: Path) -> list[Path]:
    header = [
        "##fileformat=VCFv4.2",
        '##INFO=<ID=AF,Number=A,Type=Float,Description="Allele frequency">',
        '##FILTER=<ID=PASS,Description="All filters passed">',
        "##contig=<ID=chr1,length=28000>",
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO",
    ]
    records = []
    with Genome.open(fasta) as genome:
        for number, row in enumerate(read_pairs(pairs).itertuples()):
            at = int(row.enhancer_start) + number
            ref = decode(genome.fetch(row.enhancer_chrom, at, at + 3))
            for change in ((ref[0], "ACGT".replace(ref[0], "")[0]), (ref, ref[0]), (ref[0], ref[0] + "TT,<DEL>")):
                records.append(
                    f"{row.enhancer_chrom}\t{at + 1}\tv{number}\t{change[0]}\t{change[1]}\t50\tPASS\tAF=0.1"
                )
    plain = _written(folder / "variants.vcf", "\n".join(header + records) + "\n")
    return [plain, write_bgzf(folder / "variants.vcf.gz", plain.read_text())]


def _genes(folder: Path) -> list[Path]:
    lines = ["##description: made by hand"]
    for gene, (start, strand) in enumerate([(3000, "+"), (9000, "-"), (15000, "+")]):
        ids = f'gene_id "ENSG{gene}.1"; gene_name "G{gene}"; gene_type "protein_coding";'
        more = f' transcript_id "ENST{gene}.1"; level 2; tag "basic"'
        for feature, also in (("gene", ""), ("transcript", more), ("exon", more + "; exon_number 1")):
            lines.append(f"chr1\tHAVANA\t{feature}\t{start}\t{start + 900}\t.\t{strand}\t.\t{ids}{also}")
    return [_written(folder / "genes.gtf", "\n".join(lines) + "\n")]


def _settings(folder: Path) -> list[Path]:
    """Settings whose table is not there: reading stops before anything is trained."""
    text = """
[data]
pairs = ["none.csv"]
genome = "none.fa"
[split]
split = "chromosome:chr4"
validation = "chromosome:chr3"
[training]
copies = 2
epochs = 200
batch_size = 14
learning_rate = 1e-3
rc_augment = true
[network]
enhancer_length = 140
channels = 40
fusion = "gated"
dropout = 0.5
"""
    return [_written(folder / "settings.toml", text)]
