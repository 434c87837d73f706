"""A model of motif pairs lives as any model does: it reads base codes, is saved, loaded, refused, and predicts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from sklearn.metrics import roc_auc_score

from epidyn import Genome, Model
from epidyn.errors import ModelFileError
from epidyn.matrices import Matrix
from epidyn.motif_pairs import ElementFeatures, MotifPairsScorer, Sample, Terms, fit
from epidyn.motif_pairs.scorer import MotifPairsConfig
from epidyn.motif_scores.plain import best_scores
from epidyn.simulate import configure, simulate
from epidyn.simulate.motifs import load_motifs

LENGTHS = {"enhancer_length": 90, "promoter_length": 70}


def random_matrix(rng: np.random.Generator, width: int) -> Matrix:
    return Matrix(f"M{width}", f"factor {width}", "own.meme", rng.dirichlet(np.ones(4), width))


@pytest.fixture
def scorer() -> MotifPairsScorer:
    """Terms over three motifs and composition."""
    rng = np.random.default_rng(2)
    terms = Terms(
        center=rng.normal(size=(2, 4)),
        scale=rng.uniform(1, 3, (2, 4)),
        singles=np.array([[0.0, 0.5, 0, 0], [0, 0, 0, -1.0]]),
        pairs=np.array([[0, 2], [3, 1]]),
        pair_weights=np.array([0.3, -0.2]),
        intercept=0.1,
    )
    return MotifPairsScorer(
        MotifPairsConfig(**LENGTHS, sites=2), [random_matrix(rng, width) for width in (5, 8, 13)], terms
    )


def codes(rows: int = 11, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    enhancer, promoter = (rng.integers(0, 5, (rows, length)).astype(np.uint8) for length in (90, 70))
    return enhancer, promoter


def test_features_are_best_sites_and_composition(scorer: MotifPairsScorer):
    enhancer, _ = codes()
    enhancer[3] = 4
    found = scorer.features(enhancer)
    assert scorer.features.names == ["M5", "M8", "M13", "G+C"]
    for column, matrix in enumerate(scorer.matrices):
        expected = [best_scores(each, matrix.log_odds(), 2).sum() for each in enhancer]
        assert found[:, column] == pytest.approx(np.array(expected), rel=1e-5)
    share = [np.isin(each, (1, 2)).sum() / max(1, (each < 4).sum()) for each in enhancer]
    share[3] = 0.41
    assert found[:, 3] == pytest.approx(np.array(share))


def test_a_model_file_gives_the_same_scores(scorer: MotifPairsScorer, tmp_path: Path):
    model = Model(scorer)
    model.save(tmp_path / "model.safetensors")
    loaded = Model.load(tmp_path / "model.safetensors")
    assert loaded.scorer.kind == "motif-pairs"
    assert loaded.scorer.lengths == {"enhancer": 90, "promoter": 70}
    whole = model.predict_codes(*codes())
    assert (loaded.predict_codes(*codes(), batch_size=3) == whole).all()
    assert len(set(whole.tolist())) == 11
    loaded.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "model.safetensors").read_bytes()
    shown = dict(loaded.describe())
    assert shown["kind"] == "motif-pairs"
    assert shown["motif-pairs.term 1"] == "-1.000 G+C at the promoter"
    assert (
        shown["motif-pairs.term 3"] == "+0.300 factor 5 (M5) at the enhancer with factor 13 (M13) at the promoter"
    )
    assert "motif-pairs.term 5" not in shown


def test_a_model_without_terms_scores_all_alike(tmp_path: Path):
    ones, none = np.ones((2, 3)), np.empty((0, 2), dtype=np.int64)
    empty = Terms(ones, ones, np.zeros((2, 3)), none, np.empty(0), -1.0)
    matrices = [random_matrix(np.random.default_rng(0), width) for width in (4, 7)]
    Model(MotifPairsScorer.of(MotifPairsConfig(**LENGTHS), matrices, empty)).save(tmp_path / "m.safetensors")
    scores = Model.load(tmp_path / "m.safetensors").predict_codes(*codes())
    assert scores == pytest.approx(1 / (1 + np.e))


def test_only_what_terms_use_is_kept(scorer: MotifPairsScorer):
    matrices = [random_matrix(np.random.default_rng(1), 6), *scorer.matrices]
    terms = scorer.terms
    wide = Terms(
        *(np.insert(each, 0, 1.0, axis=1) for each in (terms.center, terms.scale)),
        np.insert(terms.singles, 0, 0.0, axis=1),
        terms.pairs + 1,
        terms.pair_weights,
        terms.intercept,
    )
    smaller = MotifPairsScorer.of(scorer.config, matrices, wide)
    assert [each.id for each in smaller.matrices] == ["M5", "M8", "M13"]
    assert (Model(smaller).predict_codes(*codes()) == Model(scorer).predict_codes(*codes())).all()


def damaged(change: str, tensors: dict[str, torch.Tensor]) -> None:
    if change == "missing":
        del tensors["scale"]
    elif change == "shape":
        tensors["singles"] = tensors["singles"][:, :2].contiguous()
    elif change == "type":
        tensors["pairs"] = tensors["pairs"].double()
    elif change == "index":
        tensors["pairs"][0, 0] = 4
    elif change == "negative":
        tensors["pairs"][0, 0] = -1
    elif change == "nan":
        tensors["center"][0, 0] = np.nan
    elif change == "zero":
        tensors["scale"][1, 0] = 0
    elif change == "widths":
        tensors["widths"] = torch.tensor([30, -9, 5])
    elif change == "columns":
        tensors["frequencies"] = tensors["frequencies"][1:].contiguous()
    elif change == "shares":
        tensors["frequencies"] *= 5
    elif change == "half":
        tensors["pair_weights"] = tensors["pair_weights"].bfloat16()
    elif change == "number":
        tensors["pair_weights"] = tensors["pair_weights"][0].clone()
    elif change == "more":
        tensors["other"] = torch.zeros(3)


@pytest.mark.parametrize(
    "change",
    [
        "missing",
        "shape",
        "type",
        "index",
        "negative",
        "nan",
        "zero",
        "widths",
        "columns",
        "shares",
        "half",
        "number",
        "more",
    ],
)
def test_a_damaged_file_is_refused(scorer: MotifPairsScorer, tmp_path: Path, change: str):
    path = tmp_path / "model.safetensors"
    Model(scorer).save(path)
    with safe_open(path, framework="pt") as handle:
        metadata = handle.metadata()
        tensors = {name: handle.get_tensor(name).clone() for name in handle.keys()}  # noqa: SIM118
    damaged(change, tensors)
    save_file(tensors, path, metadata)
    with pytest.raises(ModelFileError, match="its numbers"):
        Model.load(path)


def test_a_damaged_configuration_is_refused(scorer: MotifPairsScorer):
    good, tensors = scorer.configuration(), scorer.tensors()
    wrong: list[dict[str, object]] = [{"sites": 5}, {"sites": True}, {"composition": "yes"}, {"distance": 1}]
    for change in (*wrong, {"matrices": [["a"]]}, {"enhancer_length": 0}, {"unknown": 1}):
        with pytest.raises(ModelFileError, match="configuration cannot be used"):
            MotifPairsScorer.restore({**good, **change}, tensors)


def test_planted_pairs_are_found_on_other_chromosomes():
    """The pairing rule, where no motif alone says anything: learned on five chromosomes, tested on the sixth."""
    settings = {"enhancer_length": 300, "promoter_length": 260, "instances": 3, "decoys": 1, "classes": 3}
    settings |= {"chromosomes": 6, "pairs_per_chromosome": 120, "presence": 0, "pairing": 1, "seed": 3}
    made = simulate(configure(settings))
    shipped = load_motifs()
    known = {each.matrix: each.frequencies for each in (*shipped.enhancer, *shipped.promoter, *shipped.decoys)}
    matrices = [Matrix(name, name, "shipped", frequencies) for name, frequencies in known.items()]
    config = MotifPairsConfig(enhancer_length=300, promoter_length=260)
    read = ElementFeatures(matrices, sites=config.sites, composition=True)
    pairs, genome = made.pairs, Genome.from_dict(made.chromosomes)
    windows = {}
    for role, length in (("enhancer", 300), ("promoter", 260)):
        middle = (pairs[f"{role}_start"] + pairs[f"{role}_end"]) // 2
        starts = zip(pairs[f"{role}_chrom"], middle - length // 2, strict=True)
        windows[role] = np.stack([genome.fetch(chrom, at, at + length) for chrom, at in starts])
    chrom, label, row = pairs["enhancer_chrom"].to_numpy(), pairs["label"].to_numpy(), np.arange(len(pairs))
    parts = {name: row[np.isin(chrom, which)] for name, which in PARTS.items()}
    samples = {name: Sample(rows, rows, label[rows]) for name, rows in parts.items()}
    terms, _ = fit((read(windows["enhancer"]), read(windows["promoter"])), samples["train"], samples["validation"])
    model = Model(MotifPairsScorer.of(config, matrices, terms))
    test = parts["test"]
    scores = model.predict(pairs.iloc[test], genome)
    assert roc_auc_score(label[test], scores) > 0.9


PARTS = {"train": ["chr1", "chr2", "chr3", "chr4"], "validation": ["chr5"], "test": ["chr6"]}
