"""``epidyn explain --variants`` against the chromosome written out with each allele in it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from epidyn import Genome, Model, read_pairs, windows
from epidyn.elements import ROLES
from epidyn.genome import decode, encode
from tests.cli import conftest
from tests.cli.conftest import HEADER, SIZES, Run, listing, refused

VCF_HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
Inputs = conftest.Inputs
Record = tuple[str, int, str, str, str]


@pytest.fixture
def inputs(inputs: conftest.Inputs, work: Path) -> conftest.Inputs:
    """The model and genome of all commands, and pairs whose two windows overlap by seven bases."""
    lines = [HEADER]
    for row in range(54):
        chrom, start = f"chr{row % 3 + 1}", 11 * row
        lines.append(f"{chrom},{start},{start + 41},{chrom},{start + 70},{start + 101},{row // 3 % 2}")
    pairs = work.parent / "pairs.csv"
    pairs.write_text("\n".join(lines) + "\n")
    return replace(inputs, pairs=pairs)


def vcf(path: Path, records: list[Record]) -> Path:
    lines = ["\t".join([*map(str, record), ".", ".", "."]) for record in records]
    path.parent.mkdir(exist_ok=True)
    path.write_text(VCF_HEADER + "".join(f"{line}\n" for line in lines))
    return path


def command(inputs: Inputs, variants: Path, out: Path, *more: object) -> list[object]:
    paths = ["--model", inputs.model, "--pairs", inputs.pairs, "--genome", inputs.genome]
    return ["explain", *paths, "--variants", variants, "--out", out, *more]


def scored(epidyn: Run, inputs: Inputs, variants: Path, out: Path, *more: object) -> pd.DataFrame:
    result = epidyn(*command(inputs, variants, out, *more))
    assert result.code == 0, result.err
    return pd.read_csv(out / "variants.tsv", sep="\t", keep_default_na=False, dtype={"chrom": str})


def window_starts(inputs: Inputs, model: Model) -> dict[str, np.ndarray]:
    table = read_pairs(inputs.pairs)
    sizes = table["enhancer_chrom"].map(SIZES)
    lengths = model.scorer.lengths
    return {
        role: windows.central(table[f"{role}_start"], table[f"{role}_end"], lengths[role], sizes) for role in ROLES
    }


def records_at_the_edges(inputs: Inputs, model: Model) -> list[Record]:
    """Every kind of change in, over and beside the ends of the windows of one pair, and some anywhere."""
    rng = np.random.default_rng(0)
    starts = window_starts(inputs, model)
    places = [
        (f"chr{30 % 3 + 1}", int(starts[role][30]) + end + shift)
        for role in ROLES
        for end in (0, model.scorer.lengths[role])
        for shift in (-4, -2, -1, 0, 1, 3)
    ]
    places += [(f"chr{1 + number % 3}", int(at)) for number, at in enumerate(rng.integers(5, 640, 24))]
    records: list[Record] = []
    with Genome.open(inputs.genome) as genome:
        for number, (chrom, at) in enumerate(places):
            letters = decode(genome.fetch(chrom, at, at + 6))
            other = "ACGT"[("ACGT".index(letters[0]) + 1) % 4]
            # Insertions and deletions that can be written in one place only: what is in a window is beyond doubt.
            gone = next(n for n in (4, 3, 5, 6, 2) if letters[n - 1] != letters[0])
            kinds = [(letters[0], other), (letters[0], letters[0] + "GATT" + other), (letters[:gone], letters[0])]
            kinds.append((letters[:3], other + "CC"))
            for ref, alt in kinds if number < 24 else [kinds[number % 4]]:
                records.append((chrom, at + 1, f"v{len(records)}", ref, alt))
    return records


def twin(inputs: Inputs, model: Model, record: Record, row: int) -> float:
    """Logit of a pair on the chromosome with the allele in it; the slow way, on letters."""
    chrom, position, _, ref, alt = record
    codes = {}
    with Genome.open(inputs.genome) as genome:
        whole = decode(genome.fetch(chrom, 0, SIZES[chrom]))
    at = position - 1
    assert whole[at : at + len(ref)] == ref
    changed = whole[:at] + alt + whole[at + len(ref) :]
    first = at if ref[0] != alt[0] else at + 1  # the records share one base at most, and that in front
    inserted = len(ref) == 1 and len(alt) > 1
    for role in ROLES:
        size, start = model.scorer.lengths[role], int(window_starts(inputs, model)[role][row])
        in_front = first <= start if inserted else first < start
        # What lies in front of the window moves the bases of it; its right end is what stays.
        start += len(alt) - len(ref) if in_front else 0
        codes[role] = torch.from_numpy(encode(("N" * 200 + changed + "N" * 200)[start + 200 :][:size]))[None]
    with torch.no_grad():
        return float(model.network(*(codes[role] for role in ROLES)))


def test_logits_are_those_of_the_chromosome_with_the_allele(epidyn: Run, inputs: Inputs, work: Path):
    model = Model.load(inputs.model)
    model.network.eval()
    records = records_at_the_edges(inputs, model)
    by_id = {record[2]: record for record in records}
    found = scored(epidyn, inputs, vcf(work / "in" / "v.vcf", records), work / "out", "--batch-size", 7)
    assert found["id"].drop_duplicates().tolist() == [each for each in by_id if each in set(found["id"])]
    plain = model.predict_logits(read_pairs(inputs.pairs), Genome.open(inputs.genome))
    np.testing.assert_allclose(found["reference_logit"], plain[found["pair"]], atol=1e-5)
    np.testing.assert_allclose(
        found["logit_change"], found["alternate_logit"] - found["reference_logit"], atol=1e-5
    )
    for row in found.itertuples():
        expected = twin(inputs, model, by_id[row.id], row.pair)
        assert row.alternate_logit == pytest.approx(expected, abs=1e-5), (row.id, by_id[row.id])
    assert set(found["role"]) == {"enhancer", "promoter", "both"}
    assert (found["logit_change"].abs() > 1e-5).mean() > 0.9


def test_every_pair_that_a_change_reaches_has_a_row(epidyn: Run, inputs: Inputs, work: Path):
    model = Model.load(inputs.model)
    records = records_at_the_edges(inputs, model)
    found = scored(epidyn, inputs, vcf(work / "in" / "v.vcf", records), work / "out")
    starts, table = window_starts(inputs, model), read_pairs(inputs.pairs)
    for chrom, position, name, ref, alt in records:
        first = next(
            (n for n, (a, b) in enumerate(zip(ref, alt, strict=False)) if a != b), min(len(ref), len(alt))
        )
        low = position - 1 + first
        bases = len(ref) - first
        expected = {}
        for pair in np.flatnonzero(table["enhancer_chrom"] == chrom).tolist():
            roles = [
                role
                for role in ROLES
                for start in [int(starts[role][pair])]
                for end in [start + model.scorer.lengths[role]]
                if (low < end and low + bases > start if bases else start < low < end)
            ]
            if roles:
                expected[pair] = roles[0] if len(roles) == 1 else "both"
        rows = found[found["id"] == name]
        assert dict(zip(rows["pair"], rows["role"], strict=True)) == expected, (name, ref, alt)


def test_what_cannot_be_scored_is_listed_with_its_reason(epidyn: Run, inputs: Inputs, work: Path):
    with Genome.open(inputs.genome) as genome:
        letters = decode(genome.fetch("chr1", 100, 400))
    other = {"A": "C", "C": "G", "G": "T", "T": "A"}
    good: list[Record] = [("1", 101 + at, f"good{at}", letters[at], other[letters[at]]) for at in range(5)]
    records: list[Record] = [
        ("chr1", 101, "m", letters[0], f"{other[letters[0]]},<DEL>,*"),
        ("chr1", 111, "b", letters[10], f"{letters[10]}[chr2:7["),
        ("chr1", 121, "long", letters[20:280], letters[20]),
        ("chr1", 131, "wrong", other[letters[30]], letters[30]),
        ("chr1", 141, "same", letters[40], letters[40]),
        ("chrM", 7, "far", "A", "C"),
        ("chrM", 8, "far", "A", "C"),
        ("chr1", 906, "behind", "AAAA", "A"),
        ("chr1", 901, "nowhere", "A", "C"),
        *good,
    ]
    result = epidyn(*command(inputs, vcf(work / "in" / "v.vcf", records), work / "out"))
    assert result.code == 0, result.err
    skipped = pd.read_csv(work / "out" / "skipped.tsv", sep="\t", keep_default_na=False)
    assert skipped[["id", "alt", "reason"]].values.tolist() == [
        ["m", "<DEL>", "symbolic"],
        ["m", "*", "no alternate allele of its own"],
        ["b", f"{letters[10]}[CHR2:7[", "breakend"],
        ["long", letters[20], "longer than 50 bases"],
        ["wrong", letters[30], f"REF is not the genome's: {letters[30]}"],
        ["same", letters[40], "REF and ALT are the same"],
        ["far", "C", "no contig chrM"],
    ]
    rows = pd.read_csv(work / "out" / "variants.tsv", sep="\t", dtype={"chrom": str})
    assert list(dict.fromkeys(rows["id"])) == ["m", *(record[2] for record in good)]
    said = json.loads((work / "out" / "variants.json").read_text())
    assert said["skipped"]["no contig chrM"] == 2
    assert (said["alleles"], said["scored"], said["outside"], said["rows"]) == (16, 6, 2, len(rows))
    assert "16 alleles: 6 scored" in result.out
    longer = scored(epidyn, inputs, work / "in" / "v.vcf", work / "longer", "--max-indel", 300)
    assert "long" in set(longer["id"])


def test_pairs_are_chosen_as_for_masks_and_all_by_default(epidyn: Run, inputs: Inputs, work: Path):
    with Genome.open(inputs.genome) as genome:
        letters = decode(genome.fetch("chr1", 0, 700))
    records = [
        ("chr1", at + 1, f"v{at}", letters[at], "A" if letters[at] != "A" else "C") for at in range(9, 700, 30)
    ]
    variants = vcf(work / "in" / "v.vcf", records)
    everything = scored(epidyn, inputs, variants, work / "all")
    assert len(everything) > 40
    top = scored(epidyn, inputs, variants, work / "top", "--top", 40)
    assert set(top["pair"]) < set(everything["pair"])
    merged = top.merge(everything, on=["id", "pair"], suffixes=("", "_all"))
    np.testing.assert_allclose(merged["logit_change"], merged["logit_change_all"], atol=1e-6)
    labelled = scored(epidyn, inputs, variants, work / "one", "--label", 1)
    labels = read_pairs(inputs.pairs)["label"]
    assert set(labelled["pair"]) == {pair for pair in everything["pair"] if labels[pair] == 1}
    probabilities = np.unique(everything["reference_probability"])
    least = float(probabilities[len(probabilities) // 2 : len(probabilities) // 2 + 2].mean())  # none is near it
    above = scored(epidyn, inputs, variants, work / "above", "--min-probability", least)
    assert set(above["pair"]) == set(everything.loc[everything["reference_probability"] >= least, "pair"])


def test_another_build_and_other_contigs_are_refused_and_leave_nothing(epidyn: Run, inputs: Inputs, work: Path):
    with Genome.open(inputs.genome) as genome:
        letters = decode(genome.fetch("chr1", 100, 140))
    other = {"A": "C", "C": "G", "G": "T", "T": "A"}
    wrong = [("chr1", 101 + at, ".", other[letters[at]], letters[at]) for at in range(40)]
    result = epidyn(*command(inputs, vcf(work / "in" / "v.vcf", wrong), work / "out"))
    refused(result, "v.vcf", "of 40 reference alleles", "40 are not those of", "build")
    result = epidyn(*command(inputs, vcf(work / "in" / "w.vcf", [("NC_1", 5, ".", "A", "C")]), work / "out"))
    refused(result, "w.vcf", "none of its contigs (NC_1)", "it has chr1, chr2, chr3")
    refused(epidyn(*command(inputs, work / "in" / "none.vcf", work / "out")), "none.vcf does not exist")
    refused(epidyn(*command(inputs, work / "in" / "w.vcf", work / "out", "--max-indel", -1)), "--max-indel is -1")
    assert not (work / "out").exists()


def test_force_replaces_its_own_files_only(epidyn: Run, inputs: Inputs, work: Path):
    variants = vcf(work / "in" / "v.vcf", [("chr1", 900, ".", "A", "C")])
    scored(epidyn, inputs, variants, work / "out")
    (work / "out" / "notes").write_text("mine")
    before = listing(work / "out")
    refused(epidyn(*command(inputs, variants, work / "out")), "is not empty")
    assert epidyn(*command(inputs, variants, work / "out", "--force")).code == 0
    assert listing(work / "out") == before
