"""Distance as a term: off unless asked for, and the same number in every command where it is on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epidyn import Genome, Model, metrics, read_pairs, write_pairs
from epidyn.averaging import AveragedScorer, Line, Mixture
from epidyn.elements import distances
from epidyn.errors import ConfigError, ModelFileError
from epidyn.interpret.explain import ExplainSettings, explain_table
from epidyn.interpret.terms import explain_terms
from epidyn.interpret.variants import explain_variants
from epidyn.motif_pairs import DistanceTerm, Sample, Terms, fit
from epidyn.nn import EpiDynFusion
from epidyn.report.collect import collect
from epidyn.scan.run import PromoterSource, ScanSettings, scan
from epidyn.scoring import NetworkScorer
from epidyn.training import train
from epidyn.training.config import make_config
from tests.motif_pairs.planted import LENGTHS, planted_folder, settings_of
from tests.nn.toys import small_config


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs of which the planted rule and the distance both say something."""
    folder = planted_folder(tmp_path_factory.mktemp("near"))
    pairs = read_pairs(folder / "pairs.csv")
    rng = np.random.default_rng(5)
    nearness = -np.log10(distances(pairs))
    odds = 4 * pairs["label"] - 2 + 2.5 * (nearness - nearness.mean()) / nearness.std()
    write_pairs(
        pairs.assign(label=(rng.random(len(pairs)) < 1 / (1 + np.exp(-odds))).astype(int)), folder / "near.tsv"
    )
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    settings = settings_of(folder)
    settings["data"]["pairs"] = str(folder / "near.tsv")
    for name, distance in (("with", True), ("without", False)):
        settings["motif_pairs"]["distance"] = distance
        train(make_config(settings), folder / name)
    return folder / "with"


@pytest.fixture
def model(run: Path) -> Model:
    return Model.load(run / "model.safetensors")


def test_it_is_a_term_where_it_is_asked_for(folder: Path, run: Path, model: Model):
    term = model.motif_pairs.terms.distance
    assert term is not None
    assert term.weight < -0.5  # what is near interacts
    assert len(model.motif_pairs.terms.pairs) >= 2
    assert any("log distance between them" in value for _, value in model.describe())
    without = Model.load(folder / "without" / "model.safetensors")
    assert without.motif_pairs.terms.distance is None
    assert not without.scorer.reads_distance
    scores = {name: json.loads((folder / name / "metrics.json").read_text()) for name in ("with", "without")}
    assert scores["with"]["test"]["auroc"] > scores["without"]["test"]["auroc"] + 0.05
    validation = scores["with"]["validation"]
    assert validation["motifs_val_auroc"] < validation["val_auroc"] - 0.05  # the motifs' own share is reported
    assert "without them, validation AUROC" in (run / "log.txt").read_text()
    motifs = scores["with"]["parts"]["motifs"]["auroc"]  # and on the test part
    assert motifs < scores["with"]["test"]["auroc"] - 0.05
    assert scores["without"]["parts"]["motifs"]["auroc"] == pytest.approx(
        scores["without"]["test"]["auroc"], abs=0.05
    )
    (place,) = collect([run]).runs[0].places
    assert place.what == "chromosome:chr5: motif pairs and distance"


def test_two_spellings_of_a_chromosome_are_one(folder: Path, model: Model):
    pairs = read_pairs(folder / "near.tsv").head(5)
    mixed = pairs.assign(promoter_chrom=pairs["promoter_chrom"].str.removeprefix("chr"))
    with Genome.open(folder / "genome.fa") as genome:
        assert (model.predict(mixed, genome) == model.predict(pairs, genome)).all()


def by_hand(model: Model, genome: Genome, row: pd.Series) -> float:
    """The logit of one pair, window by window and term by term."""
    scorer, values = model.motif_pairs, []
    for number, role in enumerate(("enhancer", "promoter")):
        middle = (row[f"{role}_start"] + row[f"{role}_end"]) // 2
        start = middle - scorer.lengths[role] // 2
        codes = genome.fetch(row[f"{role}_chrom"], start, start + scorer.lengths[role])
        values.append((scorer.features(codes[None])[0] - scorer.terms.center[number]) / scorer.terms.scale[number])
    total = scorer.terms.intercept + sum(float(a @ b) for a, b in zip(values, scorer.terms.singles, strict=True))
    for (first, second), weight in zip(scorer.terms.pairs, scorer.terms.pair_weights, strict=True):
        total += weight * values[0][first] * values[1][second]
    apart = abs(row["enhancer_start"] + row["enhancer_end"] - row["promoter_start"] - row["promoter_end"]) / 2
    term = scorer.terms.distance
    return float(total + term.weight * (np.log10(apart) - term.center) / term.scale)


def test_every_command_adds_it_once(folder: Path, model: Model, run: Path, tmp_path: Path):
    pairs = read_pairs(folder / "near.tsv")
    test = pd.read_csv(run / "predictions.tsv", sep="\t")
    few = pairs[pairs["enhancer_chrom"] == "chr5"].head(7)
    write_pairs(few, tmp_path / "few.tsv")
    path = run / "model.safetensors"
    with Genome.open(folder / "genome.fa") as genome:
        logits = model.predict_logits(few, genome)
        assert logits == pytest.approx([by_hand(model, genome, row) for _, row in few.iterrows()], abs=1e-4)
        assert logits == pytest.approx(test["logit"].head(7).tolist(), abs=1e-5)
        both_ways = model.predict_logits(few, genome, rc_average=True)
        assert both_ways == pytest.approx(logits, abs=1e-4)  # motifs are read on both strands
        every = ExplainSettings(min_probability=0.0, step=60)
        explain_table(path, tmp_path / "few.tsv", genome, tmp_path / "masks", every)
        explain_terms(path, tmp_path / "few.tsv", genome, tmp_path / "terms", every)
        place = int(few["enhancer_start"].iloc[0]) + 20
        ref = "ACGT"[int(genome.fetch("chr5", place, place + 1)[0])]
        alt = "C" if ref != "C" else "T"
        (tmp_path / "v.vcf").write_text(
            f"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
            f"chr5\t{place + 1}\t.\t{ref}\t{alt}\t.\t.\t.\n"
        )
        explain_variants(path, tmp_path / "few.tsv", genome, tmp_path / "v.vcf", tmp_path / "variants")
        for role in ("enhancer", "promoter"):
            names = [f"{role}_{part}" for part in ("chrom", "start", "end")]
            few[names].to_csv(tmp_path / f"{role}.bed", sep="\t", header=False, index=False)
        promoters = PromoterSource(tmp_path / "promoter.bed")
        out = tmp_path / "scan.tsv.gz"
        scan(path, genome, tmp_path / "enhancer.bed", promoters, out, ScanSettings(max_distance=10**8))
    effects = pd.read_csv(tmp_path / "masks" / "effects.tsv.gz", sep="\t")
    chosen = pd.read_csv(tmp_path / "masks" / "pairs.tsv", sep="\t").set_index("pair")
    lost = effects.merge(chosen[["logit", "probability"]], left_on="pair", right_index=True)
    left = 1 / (1 + np.exp(lost["effect"] - lost["logit"]))  # probability after the mask, of the whole logit
    assert (lost["probability"] - lost["probability_effect"]).tolist() == pytest.approx(left.tolist(), abs=1e-4)
    shares = pd.read_csv(tmp_path / "terms" / "contributions.tsv.gz", sep="\t")
    intercept = json.loads((tmp_path / "terms" / "terms.json").read_text())["intercept"]
    added = intercept + shares.groupby("pair")["contribution"].sum()
    assert added.tolist() == pytest.approx(logits.tolist(), abs=1e-4)
    terms = pd.read_csv(tmp_path / "terms" / "terms.tsv", sep="\t")
    assert (terms["enhancer"] == "distance").sum() == (terms["promoter_name"] == "distance").sum() == 1
    variants = pd.read_csv(tmp_path / "variants" / "variants.tsv", sep="\t")
    here = variants.set_index("pair")["reference_logit"]
    assert here.tolist() == pytest.approx(logits[: len(here)].tolist(), abs=1e-4)
    scanned = pd.read_csv(out, sep="\t")
    where = ["enhancer_start", "promoter_start"]
    found = few[where].assign(predicted=logits).merge(scanned, on=where)
    assert found["logit"].tolist() == pytest.approx(found["predicted"].tolist(), abs=1e-4)
    assert len(found) == len(few)


def test_the_average_has_its_share_of_it(folder: Path, model: Model):
    lengths = {f"{role}_length": length for role, length in model.scorer.lengths.items()}
    network = NetworkScorer(EpiDynFusion(small_config(**lengths)).eval())
    lines = {"network": Line(slope=2, intercept=-1), "motif_pairs": Line(slope=0.25, intercept=0.5)}
    both = Model(AveragedScorer(network, model.motif_pairs, Mixture(weight=0.3, **lines)))
    pairs = read_pairs(folder / "near.tsv").head(9)
    with Genome.open(folder / "genome.fa") as genome:
        first, second = (Model(each).predict_logits(pairs, genome) for each in (network, model.motif_pairs))
        expected = 0.3 * (2 * first - 1) + 0.7 * (0.25 * second + 0.5)
        assert both.predict_logits(pairs, genome) == pytest.approx(expected, abs=1e-5)


def test_bases_alone_have_none(folder: Path, model: Model):
    codes = [np.zeros((2, length), dtype=np.uint8) for length in LENGTHS.values()]
    with pytest.raises(ConfigError, match="reads the distance"):
        model.predict_codes(*codes)
    pairs = read_pairs(folder / "near.tsv").head(3)
    with pytest.raises(ConfigError, match=r"1 of 3 pairs do not.*row 1 .*chr1.*chrX"):
        model.distance_logits(pairs.assign(promoter_chrom=["chr1", "chrX", "chr1"]))


def test_a_damaged_one_is_refused(model: Model):
    scorer = model.motif_pairs
    tensors = scorer.tensors()
    kind = type(scorer)
    with pytest.raises(ModelFileError, match="distance"):
        kind.restore(scorer.configuration(), {name: each for name, each in tensors.items() if name != "distance"})
    with pytest.raises(ModelFileError, match="distance"):
        kind.restore(scorer.configuration(), {**tensors, "distance": tensors["distance"] * np.nan})
    with pytest.raises(ModelFileError, match="distance"):
        kind.restore({**scorer.configuration(), "distance": False}, tensors)


def test_a_distance_that_never_varies_says_nothing():
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(40, 3)).astype(np.float32), rng.normal(size=(30, 3)).astype(np.float32))
    parts = []
    for count in (400, 200):
        first, second = rng.integers(0, 40, count), rng.integers(0, 30, count)
        label = (features[0][first, 1] * features[1][second, 2] > 0).astype(np.int64)
        parts.append(Sample(first, second, label, np.full(count, 5000.0)))
    same, _ = fit(features, *parts)
    assert same.distance is None
    bare, _ = fit(features, *(replace(each, distance=None) for each in parts))
    assert (bare.pair_weights == same.pair_weights).all()


def test_only_it_matters_where_only_it_matters():
    rng = np.random.default_rng(1)
    features = (rng.normal(size=(300, 4)).astype(np.float32), rng.normal(size=(200, 4)).astype(np.float32))
    parts = []
    for count in (600, 300, 300):
        apart = 10 ** rng.uniform(3, 6, count)
        label = (rng.random(count) < 1 / (1 + np.exp(4 * (np.log10(apart) - 4.5)))).astype(np.int64)
        parts.append(Sample(rng.integers(0, 300, count), rng.integers(0, 200, count), label, apart))
    terms, path = fit(features, *parts[:2])
    assert metrics.auroc(parts[2].label, terms.of_distance(parts[2].distance)) > 0.9
    kept = path[path["kept"]].iloc[0]
    assert (kept["pairs"], kept["singles"]) == (0, 0)
    # A tenfold distance multiplies the odds by exp(-4).
    tenfold = np.diff(terms.of_distance(np.array([10_000, 100_000])))
    assert tenfold == pytest.approx(-4, abs=0.8)


def test_terms_among_some_features():
    term = DistanceTerm(5.0, 2.0, 1.0)
    ones = np.ones((2, 3))
    terms = Terms(ones, ones, 2 * ones, np.array([[0, 1], [2, 0]]), np.array([3.0, 4.0]), 0.5, term)
    some = terms.among(np.array([0, 1]))
    assert some.distance is None
    assert some.pairs.tolist() == [[0, 1]]
    assert some.singles.tolist() == [[2, 2, 0], [2, 2, 0]]
    assert terms.ranked()[-1].weight == 1.0
    assert term(np.array([0.2, 1, 10**7])) == pytest.approx([-2.5, -2.5, 1.0])
