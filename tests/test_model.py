"""Models of two kinds: saved, loaded, and predicting as a slow twin does."""

from __future__ import annotations

import json
import os
import pickle
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

import epidyn
from epidyn import Genome, Model, windows
from epidyn.calibration import Calibration, fit_calibration
from epidyn.elements import interval_hashes
from epidyn.errors import (
    ChromosomeError,
    ConfigError,
    EpidynError,
    InputFileError,
    IntervalError,
    ModelFileError,
    OutputError,
    ShapeError,
)
from epidyn.model import FORMAT_VERSION, Provenance, pack_hashes
from epidyn.nn import EpiDynFusion
from epidyn.scoring import NetworkScorer
from tests.nn.toys import VARIANTS, small_codes, small_config

SIZES = {"chr1": 613, "chr2": 401, "20": 257}
TRAINED_AT = 0.3
# Section 7 of the design: format version, kind, network and training configuration, vectors, pairs, genome, ...
METADATA = {
    "format",
    "kind",
    "network",
    "training",
    "kmer_vectors",
    "motifs",
    "stem",
    "pairs",
    "genome",
    "regime",
    "cell_lines",
    "starting_model",
    "split",
    "training_intervals",
    "training_prevalence",
    "metrics",
    "calibration",
    "version",
}


def small_network(**changes: Any) -> EpiDynFusion:
    """A network in training mode whose logits differ widely from pair to pair."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = EpiDynFusion(small_config(**changes))
    with torch.no_grad():
        network.output.weight.mul_(100)
    return network


class Composition:
    """A kind of model without any network: the share of G and C, weighted."""

    kind: ClassVar[str] = "composition"

    def __init__(self, weight: float) -> None:
        self.weight = weight

    @property
    def lengths(self) -> dict[Any, int]:
        return {"enhancer": 31, "promoter": 17}

    @property
    def stem_bytes(self) -> dict[Any, int]:
        return {"enhancer": 8, "promoter": 8}

    def encode(self, role: str, codes: np.ndarray) -> Tensor:
        return torch.from_numpy(((codes == 1) | (codes == 2)).mean(axis=1))

    def score(self, enhancer: Tensor, promoter: Tensor) -> np.ndarray:
        return (self.weight * (enhancer - promoter)).float().numpy()

    @property
    def reads_distance(self) -> bool:
        return False

    def of_distance(self, distance: np.ndarray) -> np.ndarray:
        return np.zeros(len(distance), dtype=np.float32)

    def tensors(self) -> dict[str, Tensor]:
        return {"weight": torch.tensor([self.weight])}

    def configuration(self) -> dict[str, Any]:
        return {"bases": "GC"}

    def describe(self) -> list[tuple[str, str]]:
        return [("bases", "GC")]

    def to(self, device: torch.device) -> None:
        assert device.type == "cpu"

    @classmethod
    def restore(cls, configuration: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        assert configuration == {"bases": "GC"}
        return cls(tensors["weight"].item())


def calibrated_at(prevalence: float) -> Calibration:
    return Calibration(
        method="platt",
        slope=0.5,
        intercept=-1.25,
        pairs=400,
        positives=round(400 * prevalence),
        brier_before=0.2,
        brier_after=0.1,
        scores={"name": "s.tsv", "sha256": "44"},
        model="55",
    )


@pytest.fixture(scope="module")
def genome() -> Genome:
    rng = np.random.default_rng(1)
    codes = {name: rng.choice(5, size, p=[0.24] * 4 + [0.04]) for name, size in SIZES.items()}
    return Genome.from_dict(codes)


@pytest.fixture(scope="module")
def pairs() -> pd.DataFrame:
    """Windows that stick out at either end, a chromosome under two names, and two rows that are the same."""
    rows = [
        ("chr1", 300, 340, 100, 171),
        ("chr1", 2, 9, 600, 611),
        ("chr1", 590, 640, 0, 3),
        ("chr2", 390, 400, 200, 201),
        ("20", 100, 260, 30, 90),
        ("chr20", 100, 260, 31, 91),
        ("chr1", 300, 340, 100, 171),
        ("2", 77, 160, 250, 311),
        ("chr1", 300, 340, 104, 171),
        ("chr2", 12, 97, 340, 402),
        ("20", 30, 90, 100, 260),
    ]
    columns = ["enhancer_start", "enhancer_end", "promoter_start", "promoter_end"]
    table = pd.DataFrame({"enhancer_chrom": [row[0] for row in rows], "promoter_chrom": [row[0] for row in rows]})
    table[columns] = [row[1:] for row in rows]
    table.index = pd.Index(np.arange(len(rows))[::-1] * 3)
    return table


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(NetworkScorer(small_network().eval()), Provenance(training_prevalence=TRAINED_AT))


@pytest.fixture(scope="module")
def model_file(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    model.save(path)
    return path


def slow_logits(
    score: Callable[[np.ndarray, np.ndarray], float],
    lengths: Mapping[Any, int],
    pairs: pd.DataFrame,
    genome: Genome,
    *,
    turned: bool = False,
) -> np.ndarray:
    logits = []
    for row in pairs.to_dict("records"):
        codes = []
        for role, length in lengths.items():
            chrom = genome.resolve(row[f"{role}_chrom"])
            start = windows.central(row[f"{role}_start"], row[f"{role}_end"], length, genome.sizes[chrom]).item()
            window = genome.fetch(chrom, start, start + length)
            if turned:
                window = np.array([4 if base == 4 else 3 - base for base in window[::-1]], dtype=np.uint8)
            codes.append(window[np.newaxis])
        logits.append(score(*codes))
    return np.array(logits)


def slow_network_logits(model: Model, pairs: pd.DataFrame, genome: Genome, *, turned: bool = False) -> np.ndarray:
    network = model.network.eval()

    def score(enhancer: np.ndarray, promoter: np.ndarray) -> float:
        with torch.inference_mode():
            return network(torch.tensor(enhancer), torch.tensor(promoter)).item()

    return slow_logits(score, model.scorer.lengths, pairs, genome, turned=turned)


def logistic(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))


def parts_of(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    with safe_open(path, framework="pt") as handle:
        return handle.metadata(), {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118


# Prediction


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_predicts_as_its_slow_twin_whatever_the_batch(
    model: Model, pairs: pd.DataFrame, genome: Genome, batch_size: int
):
    slow = slow_network_logits(model, pairs, genome)
    assert np.ptp(slow) > 1
    fast = model.predict_logits(pairs, genome, batch_size=batch_size)
    np.testing.assert_allclose(fast, slow, atol=1e-5)
    probabilities = model.predict(pairs, genome, batch_size=batch_size)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, logistic(slow), atol=1e-6)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(st.integers(0, 10), max_size=25), batch_size=st.integers(1, 9))
def test_a_row_has_its_score_in_any_company(
    model: Model, pairs: pd.DataFrame, genome: Genome, rows: list[int], batch_size: int
):
    alone = model.predict_logits(pairs, genome)
    together = model.predict_logits(pairs.iloc[rows], genome, batch_size=batch_size)
    assert together.shape == (len(rows),)
    np.testing.assert_allclose(together, alone[rows], atol=1e-5)


def test_equal_rows_have_equal_bits(model: Model, pairs: pd.DataFrame, genome: Genome):
    scores = model.predict(pairs, genome, batch_size=2)
    assert scores[0] == scores[6]
    assert len(set(scores.tolist())) == len(pairs) - 1


def test_equal_rows_are_scored_once(pairs: pd.DataFrame, genome: Genome, monkeypatch: pytest.MonkeyPatch):
    scorer, seen = Composition(2.0), []
    score = scorer.score
    monkeypatch.setattr(scorer, "score", lambda *stems: seen.append(len(stems[0])) or score(*stems))
    Model(scorer).predict(pd.concat([pairs] * 3), genome, batch_size=4)
    assert seen == [4, 4, 2]


def test_rc_average_is_the_mean_of_both_strands(model: Model, pairs: pd.DataFrame, genome: Genome):
    forward = slow_network_logits(model, pairs, genome)
    turned = slow_network_logits(model, pairs, genome, turned=True)
    assert np.abs(forward - turned).min() > 1e-3
    averaged = model.predict_logits(pairs, genome, batch_size=3, rc_average=True)
    np.testing.assert_allclose(averaged, (forward + turned) / 2, atol=1e-5)
    probabilities = model.predict(pairs, genome, rc_average=True)
    np.testing.assert_allclose(probabilities, logistic((forward + turned) / 2), atol=1e-6)


@pytest.mark.parametrize("rc_average", [False, True])
def test_little_memory_for_stems_changes_nothing(
    model: Model, pairs: pd.DataFrame, genome: Genome, rc_average: bool
):
    few = 8 * model.scorer.stem_bytes["promoter"]
    scarce = model.predict(pairs, genome, batch_size=2, rc_average=rc_average, stem_memory=few)
    np.testing.assert_allclose(scarce, model.predict(pairs, genome, rc_average=rc_average), atol=1e-6)


def test_refuses_memory_for_no_stems(model: Model, pairs: pd.DataFrame, genome: Genome):
    with pytest.raises(ConfigError, match=r"--stem-memory is 0\.005\d* megabytes; .* must be 1 or more"):
        model.predict(pairs, genome, stem_memory=7 * model.scorer.stem_bytes["promoter"])


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_a_network_knows_the_size_of_its_stems(changes: dict[str, Any]):
    scorer = NetworkScorer(small_network(**changes))
    for role, codes in zip(("enhancer", "promoter"), small_codes(batch=3), strict=True):
        stems = scorer.encode(role, codes.numpy())
        assert len(stems) == 3
        assert stems.nbytes == 3 * scorer.stem_bytes[role]


@pytest.mark.parametrize("wanted", [0.02, TRAINED_AT, 0.9])
def test_prevalence_moves_probabilities_as_bayes_says(
    model: Model, pairs: pd.DataFrame, genome: Genome, wanted: float
):
    as_trained = model.predict(pairs, genome).astype(np.float64)
    positive = as_trained * wanted / TRAINED_AT
    negative = (1 - as_trained) * (1 - wanted) / (1 - TRAINED_AT)
    moved = model.predict(pairs, genome, prevalence=wanted)
    np.testing.assert_allclose(moved, positive / (positive + negative), atol=1e-6)


@pytest.mark.parametrize("wanted", [0.0, 1.0, -0.5, 3.0, float("nan")])
def test_refuses_a_prevalence_that_is_none(model: Model, wanted: float):
    with pytest.raises(ConfigError, match=r"--prevalence is .* between 0 and 1"):
        model.probabilities(np.zeros(2, dtype=np.float32), wanted)


def test_prevalence_needs_that_of_the_training_set():
    with pytest.raises(ConfigError, match="does not know its training prevalence"):
        Model(Composition(1.0)).probabilities(np.zeros(2, dtype=np.float32), 0.1)


@pytest.mark.parametrize("batch_size", [0, -3])
def test_refuses_a_batch_of_nothing(model: Model, pairs: pd.DataFrame, genome: Genome, batch_size: int):
    with pytest.raises(ConfigError, match=f"--batch-size is {batch_size}"):
        model.predict(pairs, genome, batch_size=batch_size)
    with pytest.raises(ConfigError, match=f"--batch-size is {batch_size}"):
        model.predict_codes(*(codes.numpy() for codes in small_codes()), batch_size=batch_size)


def test_leaves_no_trace(pairs: pd.DataFrame, genome: Genome, model: Model):
    network = small_network()
    learner = Model(NetworkScorer(network))
    state = {name: value.clone() for name, value in network.state_dict().items()}
    rng, table = torch.get_rng_state(), pairs.copy()
    scores = learner.predict(pairs, genome, rc_average=True)
    assert network.training
    assert torch.equal(rng, torch.get_rng_state())
    assert all(torch.equal(state[name], value) for name, value in network.state_dict().items())
    pd.testing.assert_frame_equal(pairs, table)
    assert np.array_equal(scores, model.predict(pairs, genome, rc_average=True))


def test_the_mode_is_put_back_after_a_failure():
    network = small_network()
    with pytest.raises(ShapeError):
        NetworkScorer(network).encode("promoter", np.zeros((2, 60), dtype=np.uint8))
    assert network.training


def test_labels_are_not_looked_at(model: Model, pairs: pd.DataFrame, genome: Genome):
    labelled = pairs.assign(label=1)
    assert np.array_equal(model.predict(labelled, genome), model.predict(pairs, genome))


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"enhancer_chrom": "chr9", "promoter_chrom": "chr9"}, ChromosomeError, "chr1, chr2, 20"),
        ({"promoter_start": 613, "promoter_end": 700}, IntervalError, "outside"),
    ],
)
def test_refuses_pairs_that_are_not_in_the_genome(
    model: Model, pairs: pd.DataFrame, genome: Genome, changes: dict[str, Any], error: type[Exception], words: str
):
    with pytest.raises(error, match=words):
        model.predict(pairs.assign(**changes), genome)


# Prediction from base codes


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_predicts_from_codes(model: Model, batch_size: int):
    enhancer, promoter = small_codes(batch=7, seed=5)
    with torch.inference_mode():
        slow = [model.network(enhancer[i : i + 1], promoter[i : i + 1]).item() for i in range(7)]
    scores = model.predict_codes(enhancer.numpy(), promoter.numpy(), batch_size=batch_size)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, logistic(np.array(slow)), atol=1e-6)


def test_takes_views_and_read_only_codes(model: Model):
    enhancer, promoter = (codes.numpy() for codes in small_codes(batch=5))
    expected = model.predict_codes(enhancer, promoter)
    backwards = np.ascontiguousarray(enhancer[:, ::-1])[:, ::-1]
    frozen = promoter.copy()
    frozen.flags.writeable = False
    assert np.array_equal(model.predict_codes(backwards, frozen), expected)


def test_no_codes_have_no_scores(model: Model):
    scores = model.predict_codes(np.empty((0, 83), dtype=np.uint8), np.empty((0, 61), dtype=np.uint8))
    assert (scores.shape, scores.dtype) == ((0,), np.float32)


@pytest.mark.parametrize(
    ("enhancer", "promoter", "words"),
    [
        (np.zeros((2, 83), dtype=np.int64), np.zeros((2, 61), dtype=np.uint8), "enhancer codes: uint8"),
        (np.zeros((2, 84), dtype=np.uint8), np.zeros((2, 61), dtype=np.uint8), r"enhancer codes: .*\(n, 83\)"),
        (np.zeros((2, 83), dtype=np.uint8), np.zeros(61, dtype=np.uint8), r"promoter codes: .*\(n, 61\)"),
        (np.zeros((2, 83), dtype=np.uint8), np.zeros((3, 61), dtype=np.uint8), "2 enhancers and 3 promoters"),
    ],
)
def test_refuses_other_arrays(model: Model, enhancer: np.ndarray, promoter: np.ndarray, words: str):
    with pytest.raises(ShapeError, match=words):
        model.predict_codes(enhancer, promoter)


# The model file


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_every_network_survives_its_file(tmp_path: Path, changes: dict[str, Any]):
    network = small_network(**changes)
    saved = Model(NetworkScorer(network))
    saved.save(tmp_path / "m.safetensors")
    loaded = Model.load(tmp_path / "m.safetensors")
    assert loaded.network.config == network.config
    assert not loaded.network.training
    weights = loaded.network.state_dict()
    assert weights.keys() == network.state_dict().keys()
    assert all(torch.equal(weights[name], value) for name, value in network.state_dict().items())
    codes = [codes.numpy() for codes in small_codes()]
    assert np.array_equal(loaded.predict_codes(*codes), saved.predict_codes(*codes))


def test_provenance_survives_the_file(tmp_path: Path, pairs: pd.DataFrame):
    origin = Provenance(
        training={"epochs": 3, "learning_rate": 0.001, "init": None},
        kmer_vectors="dna2vec.npy (sha256 00)",
        pairs=[{"name": "a.csv", "sha256": "11"}, {"name": "b.csv", "sha256": "22"}],
        genome={"name": "hg19", "digest": "33"},
        regime="specific",
        cell_lines=["HeLa-S3", "K562"],
        split={"kind": "chromosome:chr8", "seed": 5, "fold": 0},
        training_intervals=pack_hashes(interval_hashes(pairs)),
        training_prevalence=1 / 3,
        metrics={"test": {"auroc": 0.75}, "validation": None},
        calibration=calibrated_at(0.25),
    )
    assert set(origin.model_dump()) == set(Provenance.model_fields)
    Model(NetworkScorer(small_network()), origin).save(tmp_path / "m.safetensors")
    loaded = Model.load(tmp_path / "m.safetensors").provenance
    assert loaded == origin
    assert loaded.version == epidyn.__version__
    assert loaded.interval_hashes().dtype == np.uint64
    assert np.array_equal(loaded.interval_hashes(), interval_hashes(pairs))
    assert loaded.interval_hashes().tolist() == sorted(set(loaded.interval_hashes().tolist()))


def test_the_file_says_where_it_came_from(model_file: Path):
    metadata, tensors = parts_of(model_file)
    assert set(metadata) == METADATA
    assert (metadata["format"], metadata["kind"]) == (str(FORMAT_VERSION), "network")
    assert json.loads(metadata["network"])["enhancer_length"] == 83
    assert set(tensors) == set(small_network().state_dict())


def test_a_file_from_before_starting_models_motifs_and_stems_were_recorded_loads(model: Model, tmp_path: Path):
    model.save(tmp_path / "m.safetensors")
    metadata, tensors = parts_of(tmp_path / "m.safetensors")
    assert metadata.pop("starting_model") == metadata.pop("motifs") == metadata.pop("stem") == "null"
    save_file(tensors, tmp_path / "old.safetensors", metadata=metadata)
    assert Model.load(tmp_path / "old.safetensors").provenance == model.provenance


def test_what_is_not_known_is_none():
    origin = Provenance()
    assert origin.model_dump(exclude_none=True) == {"version": epidyn.__version__}
    assert origin.interval_hashes().tolist() == []


@pytest.mark.parametrize("packed", ["AAAA", "not base64!", "é"])
def test_refuses_intervals_that_are_no_hashes(packed: str):
    with pytest.raises(ValueError, match="training_intervals"):
        Provenance(training_intervals=packed)


def test_a_copy_holds_the_same(model_file: Path, tmp_path: Path):
    Model.load(model_file).save(tmp_path / "copy.safetensors")
    metadata, tensors = parts_of(model_file)
    copied, others = parts_of(tmp_path / "copy.safetensors")
    assert copied == metadata
    assert others.keys() == tensors.keys()
    assert all(torch.equal(others[name], value) for name, value in tensors.items())


def test_loading_leaves_torchs_generator(model_file: Path):
    rng = torch.get_rng_state()
    Model.load(model_file)
    assert torch.equal(rng, torch.get_rng_state())


def test_a_failed_save_leaves_the_old_file(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"old")

    def full(beside: Path, content: bytes) -> None:
        with beside.open("wb") as file:
            file.write(content[:100])
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="No space left"):
        model.save(path)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("m.safetensors", b"old")]


def test_others_may_read_a_model_as_any_other_file(model: Model, tmp_path: Path):
    model.save(tmp_path / "m.safetensors")
    (tmp_path / "other").touch()
    assert (tmp_path / "m.safetensors").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_refuses_to_save_where_there_is_no_folder(model: Model, tmp_path: Path):
    with pytest.raises(OutputError, match="no folder"):
        model.save(tmp_path / "none" / "m.safetensors")


# Calibration


def test_a_calibrated_model_predicts_calibrated_probabilities(model: Model, pairs: pd.DataFrame, genome: Genome):
    origin = Provenance(training_prevalence=TRAINED_AT, calibration=calibrated_at(0.25))
    calibrated = Model(model.scorer, origin)
    logits = model.predict_logits(pairs, genome)
    assert calibrated.predict_logits(pairs, genome).tolist() == logits.tolist()
    expected = logistic(0.5 * logits - 1.25)
    np.testing.assert_allclose(calibrated.predict(pairs, genome), expected, atol=1e-6)
    codes = [codes.numpy() for codes in small_codes()]
    own = np.log(model.predict_codes(*codes) / (1 - model.predict_codes(*codes)))
    np.testing.assert_allclose(calibrated.predict_codes(*codes), logistic(0.5 * own - 1.25), atol=1e-5)


@pytest.mark.parametrize("trained_at", [None, 0.5])
def test_a_calibrated_probability_is_shifted_from_the_prevalence_of_the_calibration(trained_at: float | None):
    origin = Provenance(training_prevalence=trained_at, calibration=calibrated_at(0.25))
    calibrated = Model(Composition(1.0), origin)
    even = np.array([2.5], dtype=np.float32)  # half of 2.5 less 1.25: even odds where one of four interacts
    assert calibrated.probabilities(even).tolist() == pytest.approx([0.5])
    assert calibrated.probabilities(even, 0.25).tolist() == pytest.approx([0.5])
    # From odds of 1/3 to odds of 1/99 is a 33rd: 1/33 to 1.
    assert calibrated.probabilities(even, 0.01).tolist() == pytest.approx([1 / 34], rel=1e-5)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_probabilities_hold_where_the_wanted_prevalence_is_the_true_one(method: Any):
    """Trained at even odds, calibrated where 30% interact, used where 5% do: each at its own prevalence."""
    rng = np.random.default_rng(3)

    def scored(pairs: int, prevalence: float) -> tuple[np.ndarray, np.ndarray]:
        labels = (rng.random(pairs) < prevalence).astype(np.int8)
        return (5 * (rng.standard_normal(pairs) + 2 * labels - 1)).astype(np.float32), labels

    fitted = fit_calibration(*scored(30_000, 0.3), method)
    calibrated = Model(Composition(1.0), Provenance(training_prevalence=0.5, calibration=fitted))
    for prevalence in (0.05, 0.3, 0.8):
        logits, labels = scored(100_000, prevalence)
        probability = calibrated.probabilities(logits, prevalence)
        assert probability.mean() == pytest.approx(prevalence, abs=0.01)
        likely = probability > 0.5
        assert labels[likely].mean() == pytest.approx(probability[likely].mean(), abs=0.03)


def test_a_damaged_calibration_is_refused(model_file: Path, tmp_path: Path):
    metadata, tensors = parts_of(model_file)
    damaged = {**calibrated_at(0.25).model_dump(), "slope": -2}
    save_file(tensors, tmp_path / "bad.safetensors", metadata={**metadata, "calibration": json.dumps(damaged)})
    with pytest.raises(ModelFileError, match=r"cannot be used:\n  calibration.slope: "):
        Model.load(tmp_path / "bad.safetensors")


# Files that are no models


def truncated(path: Path, content: bytes) -> None:
    path.write_bytes(content[: len(content) - 7])


def only_the_header(path: Path, content: bytes) -> None:
    path.write_bytes(content[: 8 + struct.unpack_from("<Q", content)[0] // 2])


def random_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(997))


def a_text(path: Path, content: bytes) -> None:
    path.write_text("enhancer_name,promoter_name\n")


def a_pickle(path: Path, content: bytes) -> None:
    path.write_bytes(pickle.dumps({"weight": [1.0]}))


def a_torch_file(path: Path, content: bytes) -> None:
    torch.save({"weight": torch.zeros(3)}, path)


@pytest.mark.parametrize("damage", [truncated, only_the_header, random_bytes, a_text, a_pickle, a_torch_file])
def test_refuses_what_is_no_safetensors(model_file: Path, tmp_path: Path, damage: Callable[[Path, bytes], None]):
    path = tmp_path / "bad.safetensors"
    damage(path, model_file.read_bytes())
    with pytest.raises(ModelFileError, match=r"bad\.safetensors is truncated or no safetensors .*Copy it again"):
        Model.load(path)


def without(name: str) -> Callable[[dict[str, str]], dict[str, str]]:
    return lambda metadata: {key: value for key, value in metadata.items() if key != name}


def of_size(**sizes: object) -> Callable[[dict[str, str]], dict[str, str]]:
    return lambda metadata: {**metadata, "network": json.dumps(json.loads(metadata["network"]) | sizes)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda metadata: None, "no epidyn model"),
        (without("format"), "no epidyn model"),
        (lambda metadata: {**metadata, "format": "one"}, "no epidyn model"),
        (lambda metadata: {**metadata, "format": "²"}, "no epidyn model"),
        (lambda metadata: {**metadata, "format": "2"}, r"its format is 2; .* reads up to 1\. Install a newer one"),
        (lambda metadata: {**metadata, "kind": "oracle"}, "its kind is 'oracle'; known are network"),
        (without("kind"), "its kind is ''"),
        (without("network"), r"damaged \('network'\)"),
        (without("split"), r"damaged \('split'\)"),
        (lambda metadata: {**metadata, "genome": "{"}, "damaged"),
        (lambda metadata: {**metadata, "cell_lines": '"K562"'}, "cannot be used:\n  cell_lines: "),
        (lambda metadata: {**metadata, "training_intervals": '"AAAA"'}, "cannot be used:\n  training_intervals: "),
        (lambda metadata: {**metadata, "network": "[]"}, "network configuration cannot be used"),
        (lambda metadata: {**metadata, "network": '{"layers": 3}'}, "cannot be used:\n  layers: "),
        (
            lambda metadata: {**metadata, "network": small_config(dense=8).model_dump_json()},
            "weights do not fit its network configuration:\n  dense.bias\n",
        ),
        (
            lambda metadata: {**metadata, "network": small_config(tie_kmers=True).model_dump_json()},
            "weights do not fit its network configuration:\n  promoter_kmers.table.weight",
        ),
        # What a file that was made to harm may hold: text without end, and networks that no memory holds.
        (lambda metadata: {**metadata, "format": "9" * 5000}, "no epidyn model"),
        (lambda metadata: {**metadata, "training": "9" * 5000}, "damaged"),
        (lambda metadata: {**metadata, "metrics": "[" * 100_000}, "damaged"),
        (lambda metadata: {**metadata, "network": '{"a":' * 100_000}, "damaged"),
        (of_size(vector_size=999_999), r"none has the shape \(4097, 999999\) of k-mer vectors"),
        (of_size(feedforward=1_000_000), "weights do not fit its network configuration:\n  transformer"),
        (of_size(channels=999_996), "weights do not fit its network configuration:\n"),
        (of_size(gru_layers=1_000_000), "weights are too few for 1000000 layers of the GRU"),
        (of_size(enhancer_length=10**30), "enhancer_length: Input should be less than or equal to 1000000"),
        (of_size(promoter_length="\ud800"), "promoter_length: "),
    ],
)
def test_refuses_metadata_that_cannot_be_used(
    model_file: Path, tmp_path: Path, change: Callable[[dict[str, str]], dict[str, str] | None], words: str
):
    metadata, tensors = parts_of(model_file)
    save_file(tensors, tmp_path / "bad.safetensors", metadata=change(metadata))
    with pytest.raises(ModelFileError, match=rf"bad\.safetensors: (?s:.)*{words}"):
        Model.load(tmp_path / "bad.safetensors")


@pytest.mark.parametrize(("content", "words"), [(None, "does not exist"), (b"", "is empty")])
def test_refuses_a_missing_and_an_empty_file(tmp_path: Path, content: bytes | None, words: str):
    path = tmp_path / "m.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputFileError, match=words):
        Model.load(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_a_damaged_header_is_an_error_of_ours_or_none(model_file: Path, tmp_path: Path, place: float, byte: int):
    content = bytearray(model_file.read_bytes())
    content[int(place * (8 + struct.unpack_from("<Q", content)[0]))] = byte
    (tmp_path / "m.safetensors").write_bytes(content)
    outcome: object
    try:
        outcome = Model.load(tmp_path / "m.safetensors").provenance.interval_hashes().dtype
    except EpidynError as error:
        outcome = str(error)
    assert outcome == np.uint64 or "m.safetensors" in str(outcome)


class Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


def test_nothing_in_a_model_file_runs(tmp_path: Path):
    marker = tmp_path / "ran"
    (tmp_path / "plain.safetensors").write_bytes(pickle.dumps(Bomb(marker)))
    torch.save({"weight": Bomb(marker)}, tmp_path / "torch.safetensors")
    for name in ("plain", "torch"):
        with pytest.raises(ModelFileError, match="no safetensors"):
            Model.load(tmp_path / f"{name}.safetensors")
    assert not marker.exists()
    pickle.loads((tmp_path / "plain.safetensors").read_bytes())
    assert marker.exists()


# A model of another kind


def test_a_model_of_another_kind_has_no_network():
    with pytest.raises(ConfigError, match="needs a model of kind 'network'; it is one of kind 'composition'"):
        _ = Model(Composition(1.0)).network


def test_another_kind_lives_as_a_network_does(
    pairs: pd.DataFrame, genome: Genome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(epidyn.model.SCORERS, "composition", Composition)
    saved = Model(Composition(2.5), Provenance(training_prevalence=0.5, regime="general"))
    saved.save(tmp_path / "m.safetensors")
    assert set(parts_of(tmp_path / "m.safetensors")[0]) == METADATA - {"network"} | {"composition"}
    loaded = Model.load(tmp_path / "m.safetensors")
    assert isinstance(loaded.scorer, Composition)
    assert loaded.provenance == saved.provenance

    def score(enhancer: np.ndarray, promoter: np.ndarray) -> float:
        shares = [np.isin(codes, (1, 2)).mean() for codes in (enhancer, promoter)]
        return 2.5 * (shares[0] - shares[1])

    slow = slow_logits(score, {"enhancer": 31, "promoter": 17}, pairs, genome)
    assert np.ptp(slow) > 0.3
    np.testing.assert_allclose(loaded.predict_logits(pairs, genome, batch_size=4), slow, atol=1e-6)
    shifted = loaded.predict(pairs, genome, prevalence=0.2)
    np.testing.assert_allclose(shifted, logistic(slow + np.log(0.25)), atol=1e-6)
    codes = np.zeros((3, 31), dtype=np.uint8), np.ones((3, 17), dtype=np.uint8)
    np.testing.assert_allclose(loaded.predict_codes(*codes), logistic(np.full(3, -2.5)), atol=1e-6)


def test_an_unregistered_kind_is_refused(tmp_path: Path):
    Model(Composition(1.0)).save(tmp_path / "m.safetensors")
    with pytest.raises(ModelFileError, match="its kind is 'composition'; known are network"):
        Model.load(tmp_path / "m.safetensors")


def test_equal_models_are_equal_files(tmp_path: Path):
    contents = set()
    for number in range(5):
        torch.manual_seed(1)
        Model(NetworkScorer(EpiDynFusion(small_config()))).save(tmp_path / f"{number}.safetensors")
        contents.add((tmp_path / f"{number}.safetensors").read_bytes())
    assert len(contents) == 1
