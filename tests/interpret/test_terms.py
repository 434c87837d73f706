"""A logit taken apart adds up again, and its sites are where motifs were planted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epidyn import Genome, Model, read_pairs, training
from epidyn.averaging import AveragedScorer, Line, Mixture
from epidyn.elements import ROLES
from epidyn.errors import ConfigError, PairTableError
from epidyn.interpret.explain import ExplainSettings, explain_table
from epidyn.interpret.mutagenesis import masks
from epidyn.interpret.scans import WindowScan, make_scan
from epidyn.interpret.terms import explain_terms, pair_terms
from epidyn.interpret.variants import explain_variants
from epidyn.matrices import Matrix
from epidyn.motif_pairs import MotifPairsConfig, MotifPairsScorer, Terms
from epidyn.motif_scores import SitesCount
from epidyn.nn import EpiDynFusion
from epidyn.scoring import NetworkScorer, Scorer
from epidyn.training.config import make_config
from tests.motif_pairs.planted import planted_folder, settings_of
from tests.nn.toys import small_config

WIDTHS = (5, 9, 6)
LENGTHS = {"enhancer": 83, "promoter": 61}


@pytest.fixture
def scorer() -> MotifPairsScorer:
    """Two products that share a motif, singles of either element, and composition in a product and alone."""
    rng = np.random.default_rng(0)
    features = len(WIDTHS) + 1
    singles = np.zeros((2, features))
    singles[0, [1, 3]], singles[1, 0] = (0.7, -0.4), 1.3
    terms = Terms(
        center=rng.normal(size=(2, features)),
        scale=rng.uniform(0.5, 3, (2, features)),
        singles=singles,
        pairs=np.array([[0, 2], [1, 2], [3, 1]]),
        pair_weights=np.array([1.5, -2.0, 0.3]),
        intercept=-0.8,
    )
    matrices = [Matrix(f"M{n}", f"m{n}", "own", rng.dirichlet([0.3] * 4, n)) for n in WIDTHS]
    config = MotifPairsConfig(enhancer_length=83, promoter_length=61, sites=3)
    return MotifPairsScorer(config, matrices, terms)


@pytest.mark.parametrize("sites", [3, "all"])
@pytest.mark.parametrize("unknown", [0, 40, 83])
def test_terms_and_sites_add_up_to_the_logit(scorer: MotifPairsScorer, unknown: int, sites: SitesCount):
    scorer = MotifPairsScorer(scorer.config.model_copy(update={"sites": sites}), scorer.matrices, scorer.terms)
    rng = np.random.default_rng(1)
    codes = {role: rng.integers(0, 4, length).astype(np.uint8) for role, length in LENGTHS.items()}
    codes["enhancer"][:unknown] = 4
    logit = WindowScan(scorer, codes).logit
    found = pair_terms(scorer, codes)
    ranked = scorer.terms.ranked()
    assert len(found.contributions) == len(ranked) == 6
    assert scorer.terms.intercept + found.contributions["contribution"].sum() == pytest.approx(logit, abs=1e-5)
    for role, of in (("enhancer", "enhancer_score"), ("promoter", "promoter_score")):
        looking = found.contributions[of].notna()
        assert looking.tolist() == [getattr(term, role) is not None for term in ranked]
        whole = found.contributions.loc[looking, "contribution"].sum()
        here = found.sites[found.sites["role"] == role]
        assert here["contribution"].sum() == pytest.approx(whole, abs=1e-9)
        if sites == 3:
            assert here["rank"].tolist() == [1, 2, 3] * len(WIDTHS) + [1]
        else:
            listed = [] if role == "enhancer" and unknown == 83 else [1, 2, 3, 4]
            assert here["rank"].tolist() == [*listed, 0] * len(WIDTHS) + [1]


def test_a_window_that_is_shorter_than_a_motif_lacks_its_sites(scorer: MotifPairsScorer):
    config = scorer.config.model_copy(update={"enhancer_length": 7})
    short = MotifPairsScorer(config, scorer.matrices, scorer.terms)
    codes = {"enhancer": np.array([0, 1, 2, 3, 0, 1, 2], np.uint8), "promoter": np.full(61, 2, np.uint8)}
    found = pair_terms(short, codes)
    there = found.sites[found.sites["role"] == "enhancer"].groupby("motif")["offset"].count()
    assert there.to_dict() == {"M5": 3, "M9": 0, "M6": 2, "G+C": 0}
    total = short.terms.intercept + found.contributions["contribution"].sum()
    assert total == pytest.approx(WindowScan(short, codes).logit, rel=1e-6)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = planted_folder(tmp_path_factory.mktemp("pairing"))
    training.train(make_config(settings_of(folder)), folder / "run")
    return folder


def of_run(planted: Path) -> tuple[Path, Path]:
    return planted / "run" / "model.safetensors", planted / "pairs.csv"


def test_the_sites_that_matter_are_the_planted_ones(planted: Path, tmp_path: Path):
    with Genome.open(planted / "genome.fa") as genome:
        count = explain_terms(*of_run(planted), genome, tmp_path / "out", ExplainSettings(top=30, label=1))
    assert count == 30
    header = (tmp_path / "out" / "sites.tsv.gz").read_bytes()[:10]
    assert header[:4] == bytes([0x1F, 0x8B, 8, 0])  # no name
    assert header[4:8] == bytes(4)  # no time
    sites = pd.read_csv(tmp_path / "out" / "sites.tsv.gz", sep="\t")
    terms = pd.read_csv(tmp_path / "out" / "terms.tsv", sep="\t")
    pairs = pd.read_csv(tmp_path / "out" / "pairs.tsv", sep="\t")
    shares = pd.read_csv(tmp_path / "out" / "contributions.tsv.gz", sep="\t")
    report = json.loads((tmp_path / "out" / "terms.json").read_text())
    logits = report["intercept"] + shares.groupby("pair")["contribution"].sum()
    np.testing.assert_allclose(logits[pairs["pair"]], pairs["logit"], atol=1e-4)
    assert terms["weight"].abs().is_monotonic_decreasing
    assert terms["mean_contribution"].tolist() == pytest.approx(
        shares.groupby("term")["contribution"].mean().tolist()
    )
    truth = pd.read_csv(planted / "truth.bed", sep="\t").rename(columns=lambda name: name.lstrip("#"))
    strongest = sites.dropna(subset="start").nlargest(60, "contribution")
    hits = [
        ((truth["chrom"] == row.chrom) & (truth["start"] < row.end - 3) & (truth["end"] > row.start + 3)).any()
        for row in strongest.itertuples()
    ]
    assert np.mean(hits) > 0.9
    assert (tmp_path / "out" / "terms.png").stat().st_size > 5000


def test_a_model_without_terms_has_nothing_to_explain(planted: Path, tmp_path: Path):
    model = Model.load(of_run(planted)[0])
    none, ones = np.empty((0, 2), dtype=np.int64), np.ones((2, 1))
    empty = Terms(ones, ones, np.zeros((2, 1)), none, np.empty(0), -1.0)
    scorer = MotifPairsScorer.of(model.motif_pairs.config, model.motif_pairs.matrices[:1], empty)
    Model(scorer).save(tmp_path / "empty.safetensors")
    with Genome.open(planted / "genome.fa") as genome:
        given = (tmp_path / "empty.safetensors", of_run(planted)[1], genome)
        assert explain_terms(*given, tmp_path / "terms", ExplainSettings(top=3)) == 3
        assert explain_table(*given, tmp_path / "masks", ExplainSettings(top=3, step=90)) == 3
        scores = Model.load(given[0]).predict(read_pairs(given[1]), genome)
    assert scores == pytest.approx(1 / (1 + np.e))
    for name in ("sites.tsv.gz", "contributions.tsv.gz", "terms.tsv"):
        assert pd.read_csv(tmp_path / "terms" / name, sep="\t").empty
    assert (pd.read_csv(tmp_path / "masks" / "effects.tsv.gz", sep="\t")["effect"] == 0).all()


def test_masks_of_it_are_what_calling_the_model_gives(planted: Path):
    model, pairs = Model.load(of_run(planted)[0]), read_pairs(of_run(planted)[1]).head(1)
    with Genome.open(planted / "genome.fa") as genome:
        codes = {role: genome.fetch("chr1", 1000, 1000 + length) for role, length in model.scorer.lengths.items()}
    scan = make_scan(model.scorer, codes, batch_size=7)
    assert pairs is not None
    for role in ROLES:
        changes = masks(len(codes[role]), 6, 50)
        changed = changes.apply(codes[role])
        slow = []
        for each in changed:
            stems = {r: model.scorer.encode(r, (each if r == role else codes[r])[None]) for r in ROLES}
            slow.append(float(model.scorer.score(stems["enhancer"], stems["promoter"])[0]))
        np.testing.assert_allclose(scan.logits(role, changes), slow, atol=1e-6)


@pytest.mark.parametrize("kind", ["network", "both"])
def test_the_fast_scan_of_a_kind_is_the_plain_one(scorer: MotifPairsScorer, kind: str):
    network = NetworkScorer(EpiDynFusion(small_config()).eval())
    chosen: Scorer = network
    if kind == "both":
        windows = {f"{role}_length": length for role, length in network.lengths.items()}
        pairs = MotifPairsScorer(scorer.config.model_copy(update=windows), scorer.matrices, scorer.terms)
        lines = {"network": Line(slope=2, intercept=-1), "motif_pairs": Line(slope=0.5, intercept=0.25)}
        chosen = AveragedScorer(network, pairs, Mixture(weight=0.4, **lines))
    rng = np.random.default_rng(2)
    codes = {role: rng.integers(0, 4, length).astype(np.uint8) for role, length in chosen.lengths.items()}
    fast, plain = make_scan(chosen, codes), WindowScan(chosen, codes)
    assert type(fast) is not WindowScan
    assert fast.logit == pytest.approx(plain.logit, abs=1e-5)
    for role in ROLES:
        changes = masks(chosen.lengths[role], 6, 11)
        np.testing.assert_allclose(fast.logits(role, changes), plain.logits(role, changes), atol=1e-5)


def test_a_variant_in_a_planted_site_lowers_the_score(planted: Path, tmp_path: Path):
    with Genome.open(planted / "genome.fa") as genome:
        explain_terms(*of_run(planted), genome, tmp_path / "out", ExplainSettings(top=5, label=1))
        sites = pd.read_csv(tmp_path / "out" / "sites.tsv.gz", sep="\t").dropna(subset="start")
        best = sites.loc[sites["contribution"].idxmax()]
        lines = ["##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
        for at in range(int(best["start"]), int(best["end"])):
            ref = "ACGT"[int(genome.fetch(best["chrom"], at, at + 1)[0])]
            lines += [f"{best['chrom']}\t{at + 1}\t.\t{ref}\t{alt}\t.\t.\t." for alt in "ACGT" if alt != ref]
        (tmp_path / "v.vcf").write_text("\n".join(lines) + "\n")
        explain_variants(*of_run(planted), genome, tmp_path / "v.vcf", tmp_path / "variants")
    changes = pd.read_csv(tmp_path / "variants" / "variants.tsv", sep="\t")
    here = changes[changes["pair"] == best["pair"]]
    assert len(here) == 3 * (best["end"] - best["start"])
    assert here["logit_change"].min() < -0.3
    assert abs(here["logit_change"].min()) > 3 * here["logit_change"].max()


def test_refuses_what_it_cannot_do(planted: Path, tmp_path: Path):
    network = EpiDynFusion(small_config())
    Model(NetworkScorer(network)).save(tmp_path / "network.safetensors")
    with Genome.open(planted / "genome.fa") as genome:
        with pytest.raises(ConfigError, match="needs a model of kind 'motif-pairs'"):
            explain_terms(tmp_path / "network.safetensors", of_run(planted)[1], genome, tmp_path / "out")
        with pytest.raises(ConfigError, match="needs a model of kind 'network'"):
            explain_table(*of_run(planted), genome, tmp_path / "out", ExplainSettings(method="gradient"))
        pairs = read_pairs(of_run(planted)[1])
        pairs[pairs["label"] == 0].to_csv(tmp_path / "negatives.csv", index=False)
        with pytest.raises(PairTableError, match="none of the"):
            explain_terms(
                of_run(planted)[0], tmp_path / "negatives.csv", genome, tmp_path / "out", ExplainSettings(label=1)
            )
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.partial").exists()
