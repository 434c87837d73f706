from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pytest

from epidyn import Genome, Model, read_pairs
from epidyn.calibration import fit_calibration
from epidyn.elements import interval_hashes, pairs_among
from epidyn.model import pack_hashes
from tests.cli.conftest import SIZES, Inputs, Run, listing, refused

LEFT = ["scan.tsv.gz", "scan.tsv.gz.json", "scan.tsv.gz.tbi"]


def bed(path: Path, rows: list[tuple[object, ...]]) -> Path:
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    return path


@pytest.fixture(scope="session")
def elements(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Enhancers and promoters on each chromosome of the inputs' genome, in no order."""
    folder, rng = tmp_path_factory.mktemp("elements"), np.random.default_rng(5)
    made = []
    for role, count in (("enhancer", 40), ("promoter", 90)):
        rows = []
        for number in range(count):
            chrom = rng.choice(list(SIZES))
            start = int(rng.integers(0, SIZES[chrom] - 60))
            rows.append(
                (chrom, start, start + int(rng.integers(20, 60)), f"{role[0]}{number}", 0, "+-"[number % 2])
            )
        made.append(bed(folder / f"{role}s.bed", rows))
    return made[0], made[1]


def options(inputs: Inputs, elements: tuple[Path, Path], out: Path, **changes: object) -> list[object]:
    given = {
        "model": inputs.model,
        "genome": inputs.genome,
        "enhancers": elements[0],
        "promoters": elements[1],
        "max_distance": 300,
        "out": out,
        **changes,
    }
    named = ((f"--{name.replace('_', '-')}", value) for name, value in given.items() if value is not None)
    return [word for pair in named for word in pair]


def scanned(epidyn: Run, *given: object) -> pd.DataFrame:
    result = epidyn("scan", *given)
    assert (result.code, result.out) == (0, ""), result.err
    out = given[given.index("--out") + 1]
    return pd.read_csv(out, sep="\t", keep_default_na=False)


def test_scores_are_those_of_predict(epidyn: Run, inputs: Inputs, elements: tuple[Path, Path], work: Path):
    table = scanned(epidyn, *options(inputs, elements, work / "scan.tsv.gz"))
    read = read_pairs(work / "scan.tsv.gz")  # a scan is a pair table, too
    with Genome.open(inputs.genome) as genome:
        model = Model.load(inputs.model)
        logits, probabilities = model.predict_logits(read, genome), model.predict(read, genome)
    np.testing.assert_allclose(table["logit"], logits, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(table["probability"], probabilities, rtol=1e-5)
    enhancers, promoters = (pd.read_csv(path, sep="\t", header=None) for path in elements)
    both = enhancers.merge(promoters, on=0, suffixes=("_e", "_p"))
    near = ((both["1_e"] + both["2_e"] - both["1_p"] - both["2_p"]) / 2).abs() <= 300
    expected = set(zip(both["3_e"][near], both["3_p"][near], strict=True))
    assert len(table) == len(expected) > 500
    assert set(zip(table["enhancer_name"], table["promoter_name"], strict=True)) == expected
    names = promoters.set_index(3)
    assert table["promoter_start"].tolist() == names.loc[table["promoter_name"], 1].tolist()
    assert table["promoter_strand"].tolist() == names.loc[table["promoter_name"], 5].tolist()
    middle = (
        table["enhancer_start"] + table["enhancer_end"] - table["promoter_start"] - table["promoter_end"]
    ) / 2
    assert table["distance"].tolist() == np.trunc(middle).tolist()
    assert sorted(path.name for path in work.iterdir()) == LEFT


def test_tabix_finds_the_pairs_of_a_promoter(epidyn: Run, inputs: Inputs, elements: tuple[Path, Path], work: Path):
    table = scanned(epidyn, *options(inputs, elements, work / "scan.tsv.gz"))
    places = table[["promoter_chrom", "promoter_start", "promoter_end"]]
    assert places["promoter_chrom"].drop_duplicates().tolist() == list(SIZES)
    for _, of_chrom in places.groupby("promoter_chrom"):
        assert of_chrom["promoter_start"].is_monotonic_increasing
    with pysam.TabixFile(str(work / "scan.tsv.gz")) as file:
        found = [line.split("\t")[7] for line in file.fetch("chr2", 100, 250)]
    inside = (
        (places["promoter_chrom"] == "chr2") & (places["promoter_start"] < 250) & (places["promoter_end"] > 100)
    )
    assert found == table["promoter_name"][inside].tolist() != []
    # The last base and the one behind it: the file is 0-based and half-open.
    row = table[table["promoter_chrom"] == "chr3"].iloc[-1]
    with pysam.TabixFile(str(work / "scan.tsv.gz")) as file:
        for first, inside in ((row["promoter_end"] - 1, True), (row["promoter_end"], False)):
            names = [line.split("\t")[7] for line in file.fetch("chr3", first, first + 1)]
            assert (row["promoter_name"] in names) == inside


def test_json_says_what_it_came_from(epidyn: Run, inputs: Inputs, elements: tuple[Path, Path], work: Path):
    table = scanned(epidyn, *options(inputs, elements, work / "scan.tsv.gz", threshold=0.5))
    beside = json.loads((work / "scan.tsv.gz.json").read_text())
    assert beside["rows"] == len(table) < beside["pairs"]
    assert (beside["threshold"], beside["max_distance"], beside["shard"]) == (0.5, 300, "1/1")
    assert beside["enhancers"]["name"] == "enhancers.bed"
    assert {len(beside[name]["sha256"]) for name in ("model", "enhancers", "promoters")} == {64}


def test_threshold_and_top_k_choose(epidyn: Run, inputs: Inputs, elements: tuple[Path, Path], work: Path):
    def scan(name: str, **changes: object) -> pd.DataFrame:
        return scanned(epidyn, *options(inputs, elements, work / f"{name}.tsv.gz", **changes))

    every = scan("every")
    least = float(every["probability"].quantile(0.6))
    above = every[every["probability"] >= least]
    assert 0 < len(above) < len(every)
    pd.testing.assert_frame_equal(scan("above", threshold=least), above.reset_index(drop=True))
    ranked = every.groupby("promoter_name")["logit"].rank(ascending=False, method="first")
    best = every[ranked <= 2]
    assert best["promoter_name"].value_counts().max() == 2
    pd.testing.assert_frame_equal(scan("best", top_k=2), best.reset_index(drop=True))
    both = best[best["probability"] >= least]
    pd.testing.assert_frame_equal(scan("both", top_k=2, threshold=least), both.reset_index(drop=True))
    assert scan("none", threshold=1).empty


def test_a_calibrated_model_and_a_prevalence(
    epidyn: Run, inputs: Inputs, elements: tuple[Path, Path], work: Path, tmp_path: Path
):
    model = Model.load(inputs.model)
    calibration = fit_calibration(np.linspace(-2, 2, 90), (np.arange(90) % 3 > 0).astype(int))
    origin = model.provenance.model_copy(update={"calibration": calibration})
    Model(model.scorer, origin).save(tmp_path / "calibrated.safetensors")
    given = {"model": tmp_path / "calibrated.safetensors", "prevalence": 0.1}
    table = scanned(epidyn, *options(inputs, elements, work / "scan.tsv.gz", **given))
    listed = ["--pairs", work / "scan.tsv.gz", "--out", work / "scores.tsv", "--genome", inputs.genome]
    assert (
        epidyn("predict", *listed, *(word for name, value in given.items() for word in (f"--{name}", value))).code
        == 0
    )
    expected = pd.read_csv(work / "scores.tsv", sep="\t")
    for column in ("logit", "probability", "raw_probability"):
        np.testing.assert_allclose(table[column], expected[column], rtol=1e-5, atol=1e-6)
    assert not np.allclose(table["probability"], table["raw_probability"], atol=0.01)


GTF = """#!made by hand
2\tmade\tgene\t301\t420\t.\t+\t.\tgene_id "G1"; gene_name "ALPHA";
2\tmade\ttranscript\t301\t400\t.\t+\t.\tgene_id "G1"; gene_name "ALPHA"; transcript_id "T1";
2\tmade\ttranscript\t301\t420\t.\t+\t.\tgene_id "G1"; gene_name "ALPHA"; transcript_id "T2";
chr3\tmade\tgene\t200\t500\t.\t-\t.\tgene_id "G2";
chr3\tmade\ttranscript\t200\t480\t.\t-\t.\tgene_id "G2"; transcript_id "T3";
chrUn\tmade\tgene\t200\t500\t.\t-\t.\tgene_id "G3";
"""


def test_promoters_of_genes_and_of_transcripts(
    epidyn: Run, inputs: Inputs, elements: tuple[Path, Path], work: Path, tmp_path: Path
):
    (tmp_path / "genes.gtf.gz").write_bytes(gzip.compress(GTF.encode()))
    given = {"promoters": None, "gtf": tmp_path / "genes.gtf.gz", "upstream": 30, "downstream": 10}
    described = [
        "promoter_chrom",
        "promoter_start",
        "promoter_end",
        "promoter_name",
        "tss",
        "promoter_strand",
        "gene",
    ]

    def promoters(name: str, **changes: object) -> list[tuple[object, ...]]:
        table = scanned(epidyn, *options(inputs, elements, work / f"{name}.tsv.gz", **given, **changes))
        assert table["enhancer_name"].str.startswith("e").all()
        return list(table[described].drop_duplicates().itertuples(index=False, name=None))

    assert promoters("genes") == [
        ("chr2", 270, 311, "G1", 300, "+", "ALPHA"),
        ("chr3", 489, 530, "G2", 499, "-", "G2"),
    ]
    assert promoters("transcripts", promoter_of="transcript") == [
        ("chr2", 270, 311, "T1,T2", 300, "+", "ALPHA"),
        ("chr3", 469, 510, "T3", 479, "-", "G2"),
    ]
    assert json.loads((work / "genes.tsv.gz.json").read_text())["promoters"]["of"] == "gene"


def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the work into more parts than one."""
    from epidyn.scan import run

    monkeypatch.setitem(run.scan.__kwdefaults__, "part_promoters", 7)


@pytest.mark.parametrize("choice", [{}, {"top_k": 1}, {"threshold": 1}], ids=str)
def test_merged_shards_are_the_whole(
    epidyn: Run,
    inputs: Inputs,
    elements: tuple[Path, Path],
    work: Path,
    monkeypatch: pytest.MonkeyPatch,
    choice: dict[str, object],
):
    small_parts(monkeypatch)
    whole = scanned(epidyn, *options(inputs, elements, work / "scan.tsv.gz", **choice))
    paths = [work / f"{number}.tsv.gz" for number in (3, 1, 2)]
    shards = [
        scanned(epidyn, *options(inputs, elements, path, shard=f"{path.name[0]}/3", **choice)) for path in paths
    ]
    assert sum(map(len, shards)) == len(whole)
    if not choice:
        assert min(map(len, shards)) > len(whole) / 5
    given = [word for path in paths for word in ("--merge", path)]
    assert epidyn("scan", *given, "--out", work / "merged.tsv.gz").code == 0
    for beside in ("", ".json", ".tbi"):
        merged, scan = ((work / f"{name}.tsv.gz{beside}").read_bytes() for name in ("merged", "scan"))
        assert merged == scan


def test_refuses_to_merge_what_is_not_whole(
    epidyn: Run, inputs: Inputs, elements: tuple[Path, Path], work: Path, monkeypatch: pytest.MonkeyPatch
):
    small_parts(monkeypatch)
    one, two, other = (work / f"{name}.tsv.gz" for name in ("one", "two", "other"))
    scanned(epidyn, *options(inputs, elements, one, shard="1/2"))
    scanned(epidyn, *options(inputs, elements, two, shard="2/2"))
    scanned(epidyn, *options(inputs, elements, other, shard="2/2", max_distance=299))
    before = listing(work)

    def merge(*paths: Path) -> object:
        given = [word for path in paths for word in ("--merge", path)]
        return epidyn("scan", *given, "--out", work / "merged.tsv.gz")

    refused(merge(one), "the shards 1/2 are given", "1/2, 2/2 are needed")
    refused(merge(one, one, two), "1/2, 1/2, 2/2 are given")
    refused(merge(one, other), "other.tsv.gz is of another scan", "max_distance differ")
    refused(merge(one, work / "none.tsv.gz"), "none.tsv.gz does not exist")
    assert listing(work) == before
    whole = two.read_bytes()
    two.write_bytes(whole[:-28])
    refused(merge(one, two), "two.tsv.gz is truncated")
    two.write_bytes(bytes(99) + whole[-28:])
    refused(merge(one, two), "two.tsv.gz is no scan", "Scan again")
    two.write_bytes(gzip.compress(gzip.decompress(whole)))
    refused(merge(one, two), "two.tsv.gz", "Scan again")
    (work / "two.tsv.gz.json").write_text("{}")
    refused(merge(one, two), "two.tsv.gz.json", "not what `epidyn scan` writes")
    (work / "two.tsv.gz.json").unlink()
    refused(merge(one, two), "two.tsv.gz.json does not exist")
    assert sorted(path.name for path in work.iterdir()) == sorted({*before} - {"two.tsv.gz.json"})


KILLED = """
import os, signal, sys
from epidyn.cli import main
from epidyn.scan import run

run.scan.__kwdefaults__["part_promoters"] = 7
write, written = run.write_piece, []

def kill_at_the_third(path, text):
    if len(written) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    written.append(path)
    write(path, text)

run.write_piece = kill_at_the_third
main(sys.argv[1:])
"""


def test_killed_and_called_again_gives_the_same_bytes(
    epidyn: Run, inputs: Inputs, elements: tuple[Path, Path], work: Path, monkeypatch: pytest.MonkeyPatch
):
    small_parts(monkeypatch)
    (work / "whole").mkdir()
    scanned(epidyn, *options(inputs, elements, work / "whole" / "scan.tsv.gz"))
    call = ["scan", *map(str, options(inputs, elements, work / "scan.tsv.gz"))]
    killed = subprocess.run([sys.executable, "-c", KILLED, *call], env=os.environ, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert [path.name for path in work.iterdir() if path.is_file()] == []
    pieces = sorted(path.name for path in (work / "scan.tsv.gz.partial").glob("0*"))
    assert pieces == ["000000.tsv.gz", "000001.tsv.gz"]
    refused(epidyn(*call, "--top-k", 1), "scan.tsv.gz.partial", "another call", "--force")
    scored: list[int] = []
    from epidyn.scan.score import BlockScorer

    logits = BlockScorer.logits
    monkeypatch.setattr(
        BlockScorer, "logits", lambda self, *block: (scored.append(len(block[0])), logits(self, *block))[1]
    )
    assert epidyn(*call).code == 0
    assert sum(scored) < json.loads((work / "scan.tsv.gz.json").read_text())["pairs"]
    assert {name: (work / name).read_bytes() for name in LEFT} == listing(work / "whole")
    assert sorted(path.name for path in work.iterdir()) == [*LEFT, "whole"]


def test_a_second_process_at_the_same_output_is_refused(
    epidyn: Run, inputs: Inputs, elements: tuple[Path, Path], work: Path, monkeypatch: pytest.MonkeyPatch
):
    from epidyn.scan import run

    given = options(inputs, elements, work / "scan.tsv.gz")
    write, seconds = run.write_piece, []

    def write_and_try_again(path: Path, text: str) -> None:
        if not seconds:
            seconds.append(None)
            seconds[0] = epidyn("scan", *given)
        write(path, text)

    monkeypatch.setattr(run, "write_piece", write_and_try_again)
    scanned(epidyn, *given)
    refused(seconds[0], "scan.tsv.gz.partial", "is at work", f"process {os.getpid()}")


def test_says_how_many_pairs_were_seen_in_training(
    epidyn: Run, inputs: Inputs, elements: tuple[Path, Path], work: Path, tmp_path: Path
):
    scanned(epidyn, *options(inputs, elements, work / "scan.tsv.gz"))
    seen = read_pairs(work / "scan.tsv.gz").iloc[::50]
    model = Model.load(inputs.model)
    origin = model.provenance.model_copy(update={"training_intervals": pack_hashes(interval_hashes(seen))})
    Model(model.scorer, origin).save(tmp_path / "seen.safetensors")
    result = epidyn("scan", *options(inputs, elements, work / "again.tsv.gz", model=tmp_path / "seen.safetensors"))
    every = read_pairs(work / "again.tsv.gz")
    count = int(pairs_among(every, interval_hashes(seen)).sum())
    assert len(seen) <= count < len(every)
    assert f"{count} of {len(every):,} pairs have both elements among those" in result.err
    assert json.loads((work / "again.tsv.gz.json").read_text())["pairs_seen_in_training"] == count


def test_an_output_is_replaced_only_by_force(epidyn: Run, inputs: Inputs, elements: tuple[Path, Path], work: Path):
    given = options(inputs, elements, work / "scan.tsv.gz")
    first = scanned(epidyn, *given)
    before = listing(work)
    refused(epidyn("scan", *given), "scan.tsv.gz exists", "--force")
    assert listing(work) == before
    assert epidyn("scan", *given, "--top-k", 1, "--force").code == 0
    assert len(pd.read_csv(work / "scan.tsv.gz", sep="\t")) < len(first)


def test_what_another_call_left_is_dropped_only_by_force(
    epidyn: Run, inputs: Inputs, elements: tuple[Path, Path], work: Path
):
    (work / "scan.tsv.gz.partial").mkdir()
    (work / "scan.tsv.gz.partial" / "000000.tsv.gz").write_bytes(b"of another call")
    given = options(inputs, elements, work / "scan.tsv.gz")
    before = listing(work)
    refused(epidyn("scan", *given), "scan.tsv.gz.partial", "another call of epidyn scan", "--force")
    assert listing(work) == before
    assert epidyn("scan", *given, "--force").code == 0
    assert sorted(path.name for path in work.iterdir()) == LEFT
    assert len(pd.read_csv(work / "scan.tsv.gz", sep="\t")) > 500


@pytest.mark.parametrize("name", ["scan.tsv.gz", "scan.tsv.gz.json"])
def test_killed_while_it_is_put_together_it_goes_on(
    epidyn: Run,
    inputs: Inputs,
    elements: tuple[Path, Path],
    work: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
):
    from epidyn.scan.run import _Parts

    def killed(self: object) -> None:
        raise KeyboardInterrupt

    call = ["scan", *options(inputs, elements, work / "scan.tsv.gz")]
    with monkeypatch.context() as patch:
        patch.setattr(_Parts, "remove", killed)
        assert epidyn(*call).code == 130
    whole = listing(work)
    for path in work.glob("scan.tsv.gz*"):
        if path.is_file() and path.name != name:
            path.unlink()
    refused(epidyn(*call, "--top-k", 1), "scan.tsv.gz.partial", "another call")
    assert epidyn(*call).code == 0
    assert sorted(listing(work)) == LEFT
    assert all(whole[each] == content for each, content in listing(work).items())


def test_killed_before_its_settings_were_written_it_begins_again(
    epidyn: Run, inputs: Inputs, elements: tuple[Path, Path], work: Path
):
    (work / "scan.tsv.gz.partial").mkdir()
    (work / "scan.tsv.gz.partial" / ".scan.json.99.partial").write_text('{"form')
    assert epidyn("scan", *options(inputs, elements, work / "scan.tsv.gz")).code == 0
    assert sorted(path.name for path in work.iterdir()) == LEFT


def test_plots_a_locus_with_the_scan_and_from_a_finished_one(
    epidyn: Run, inputs: Inputs, elements: tuple[Path, Path], work: Path, monkeypatch: pytest.MonkeyPatch
):
    given = options(inputs, elements, work / "scan.tsv.gz")
    picture = work / "scan.tsv.gz.chr1-101-700.png"
    result = epidyn("scan", *given, "--plot-locus", "chr1:101-700")
    assert (result.code, result.out) == (0, f"{picture}\n"), result.err
    drawn = picture.read_bytes()
    assert drawn.startswith(b"\x89PNG")
    picture.unlink()
    monkeypatch.setattr("epidyn.model.Model.load", None)  # nothing is scored
    result = epidyn("scan", "--out", work / "scan.tsv.gz", "--plot-locus", "1:101-700")
    assert result.out == f"{work / 'scan.tsv.gz.1-101-700.png'}\n"


GOOD = "chr1\t10\t60\n"
BAD_ELEMENTS = {
    "header": (f"chrom\tstart\tend\n{GOOD}", ("line 1", "start is 'start'", "no column names")),
    "two columns": (f"{GOOD}chr1\t10\n", ("line 2", "2 columns; 3 or more")),
    "start = end": (f"{GOOD}chr1\t10\t10\n", ("line 2", "start below end")),
    "empty": ("", ("is empty",)),
    "other contigs": (
        "chrQ\t1\t9\nchrR\t1\t9\n",
        ("no chromosome in common", "chrQ, chrR", "genome.fa: chr1, chr2, chr3"),
    ),
    "behind the chromosome": (f"{GOOD}chr1\t900\t910\n", ("line 2", "chr1:900-910", "907 bases")),
}


@pytest.mark.parametrize("role", ["enhancers", "promoters"])
@pytest.mark.parametrize(("content", "words"), BAD_ELEMENTS.values(), ids=BAD_ELEMENTS)
def test_refuses_bad_elements(
    epidyn: Run,
    inputs: Inputs,
    elements: tuple[Path, Path],
    tmp_path: Path,
    work: Path,
    role: str,
    content: str,
    words: tuple[str, ...],
):
    (tmp_path / "bad.bed").write_text(content)
    result = epidyn("scan", *options(inputs, elements, work / "scan.tsv.gz", **{role: tmp_path / "bad.bed"}))
    refused(result, "bad.bed", *words)
    assert list(work.iterdir()) == []


def test_refuses_contigs_that_the_genome_lacks(epidyn: Run, inputs: Inputs, tmp_path: Path, work: Path):
    both = bed(tmp_path / "both.bed", [("chr1", 1, 9), ("chrQ", 1, 9)])
    result = epidyn("scan", *options(inputs, (both, both), work / "scan.tsv.gz"))
    refused(result, "both.bed", "genome.fa", "not there: chrQ", "the genome has: chr1, chr2, chr3")
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"out": "none/scan.tsv.gz"}, ("no folder", "none", "Make it first")),
        ({"out": "scan.tsv"}, ("--out is", ".tsv.gz")),
        ({"shard": "3/2"}, ("--shard is 3/2", "i from 1 to n")),
        ({"shard": "half"}, ("--shard is 'half'",)),
        ({"max_distance": -1}, ("--max-distance is -1",)),
        ({"threshold": 1.5}, ("--threshold is 1.5",)),
        ({"top_k": 0}, ("--top-k is 0",)),
        ({"batch_size": 0}, ("--batch-size is 0",)),
        ({"prevalence": 0}, ("--prevalence is 0",)),
        ({"device": "abacus"}, ("--device abacus",)),
        ({"model": None}, ("--model is missing",)),
        ({"genome": None}, ("--genome is missing",)),
        ({"enhancers": None}, ("--enhancers is missing",)),
        ({"promoters": None}, ("either --promoters", "--gtf")),
        ({"gtf": "genes.gtf"}, ("either --promoters", "--gtf")),
        ({"upstream": 5}, ("belong to --gtf",)),
        ({"promoters": None, "gtf": "none.gtf"}, ("none.gtf does not exist",)),
        ({"promoters": None, "gtf": "none.gtf", "promoter_of": "exon"}, ("--promoter-of is 'exon'",)),
        ({"merge": "shard.tsv.gz"}, ("--merge reads finished scans",)),
        ({"model": None, "genome": None, "enhancers": None, "merge": "a"}, ("--merge reads finished scans",)),
        ({"model": None, "plot_locus": "chr1:1-9"}, ("--plot-locus without --model",)),
        ({"plot_locus": "chr1"}, ("--plot-locus is 'chr1'", "chr1:1,000,000-2,000,000")),
    ],
    ids=str,
)
def test_refuses_settings(
    epidyn: Run,
    inputs: Inputs,
    elements: tuple[Path, Path],
    work: Path,
    changes: dict[str, object],
    words: tuple[str, ...],
):
    changes = {"out": "scan.tsv.gz", **changes}
    given = {**changes, "out": work / str(changes["out"])}
    refused(epidyn("scan", *options(inputs, elements, **given)), *words)
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(
    ("reading", "useless"),
    [
        (("--merge", "a.tsv.gz"), ("--max-distance", "1000000")),
        (("--merge", "a.tsv.gz"), ("--batch-size", "8")),
        (("--plot-locus", "chr1:1-9"), ("--device", "cpu")),
        (("--plot-locus", "chr1:1-9"), ("--upstream", "5")),
    ],
)
def test_refuses_what_scoring_alone_needs(
    epidyn: Run, work: Path, reading: tuple[str, ...], useless: tuple[str, ...]
):
    outcome = epidyn("scan", "--out", work / "scan.tsv.gz", *reading, *useless)
    refused(outcome, reading[0], "scores nothing", f"Leave out {useless[0]}.")


def test_a_large_chromosome_gets_an_index_that_can(epidyn: Run, inputs: Inputs, tmp_path: Path, work: Path):
    (tmp_path / "wheat.chrom.sizes").write_text("chr3B\t830829764\n")
    end = bed(tmp_path / "end.bed", [("3B", 830_000_000, 830_000_500, "last")])
    given = options(inputs, (end, end), work / "scan.tsv.gz", genome=f"random:{tmp_path / 'wheat.chrom.sizes'}")
    scanned(epidyn, *given)
    with pysam.TabixFile(str(work / "scan.tsv.gz"), index=str(work / "scan.tsv.gz.csi")) as file:
        assert len(list(file.fetch("chr3B", 830_000_499, 830_000_500))) == 1
    assert epidyn("scan", "--out", work / "scan.tsv.gz", "--plot-locus", "3B:830000000-830000900").code == 0
