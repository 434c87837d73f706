"""Scoring tables: streamed in chunks, whole or not at all, and equal to scoring them at once."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import epidyn
from epidyn import Genome, Model, read_pairs, training
from epidyn.calibration import Calibration
from epidyn.errors import (
    ChromosomeError,
    ConfigError,
    EpidynError,
    InputFileError,
    OutputError,
    PairTableError,
)
from epidyn.files import sha256
from epidyn.model import Provenance
from epidyn.nn import EpiDynFusion
from epidyn.pairs.schema import REQUIRED
from epidyn.predict import predict_table
from epidyn.scores import ranking, read_scores
from epidyn.scoring import NetworkScorer
from epidyn.training.config import RunConfig
from tests.conftest import needs_data
from tests.nn.toys import small_config

TRAINED_AT = 0.25
ROWS = 7


@pytest.fixture(scope="module")
def genome() -> Genome:
    rng = np.random.default_rng(4)
    return Genome.from_dict({"chr1": rng.integers(0, 4, 503), "chr2": rng.integers(0, 4, 311)}, name="toy")


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        network = EpiDynFusion(small_config())
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    Model(NetworkScorer(network), Provenance(training_prevalence=TRAINED_AT)).save(path)
    return path


def table() -> pd.DataFrame:
    """Extra columns hold what a careless writer turns into something else."""
    start = 13 * np.arange(ROWS) ** 2 % 250
    return pd.DataFrame(
        {
            "a note": ["007", "NA", "", " x ", "a\tb", 'say "hi", she said', "é\n中"],
            "promoter_chrom": ["chr1", "chr2", "chr1", "chr1", "2", "chr1", "chr2"],
            "promoter_start": start[::-1],
            "promoter_end": start[::-1] + 21,
            "label": [0, 1, 0, 0, 1, 0, 1],
            "enhancer_chrom": ["chr1", "chr2", "chr1", "chr1", "2", "chr1", "chr2"],
            "enhancer_start": start,
            "enhancer_end": start + 40,
            "tss": [5, None, 7, 8, 9, 10, 11],
            "fold change": ["1.50", "1e3", "-0", "0.1", "nan", "inf", "2"],
        }
    ).astype({"tss": "Int64"})


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "pairs.csv"
    table().to_csv(path, index=False)
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "scores.tsv"


def written(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.parent.iterdir()}


@pytest.mark.parametrize("chunk_rows", [1, 3, 100])
@pytest.mark.parametrize("rc_average", [False, True])
def test_chunks_do_not_matter(
    model_file: Path, genome: Genome, pairs: Path, out: Path, chunk_rows: int, rc_average: bool
):
    count = predict_table(
        model_file, pairs, genome, out, chunk_rows=chunk_rows, batch_size=2, rc_average=rc_average
    )
    model = Model.load(model_file)
    scored = pd.read_csv(out, sep="\t")
    assert count == len(scored) == ROWS
    at_once = read_pairs(pairs)
    np.testing.assert_allclose(
        scored["logit"], model.predict_logits(at_once, genome, rc_average=rc_average), atol=1e-5
    )
    np.testing.assert_allclose(
        scored["probability"], model.predict(at_once, genome, rc_average=rc_average), atol=1e-6
    )
    assert scored["probability"].nunique() == ROWS


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    """Eight enhancers and nine promoters, every pair of them, in no order."""
    enhancer, promoter = (each.ravel() for each in np.meshgrid(51 * np.arange(8), 47 * np.arange(9)))
    table = pd.DataFrame({"enhancer_chrom": "chr1", "enhancer_start": enhancer, "enhancer_end": enhancer + 90})
    table = table.assign(promoter_chrom="chr1", promoter_start=promoter, promoter_end=promoter + 70)
    path = tmp_path / "grid.csv"
    table.sample(frac=1, random_state=1).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("rc_average", [False, True])
@pytest.mark.parametrize("chunk_rows", [5, 100])
@pytest.mark.parametrize("few", [True, False])
def test_elements_are_encoded_once_while_their_stems_fit(
    model_file: Path,
    genome: Genome,
    grid: Path,
    out: Path,
    few: bool,
    chunk_rows: int,
    rc_average: bool,
    caplog: pytest.LogCaptureFixture,
):
    model, table = Model.load(model_file), read_pairs(grid)
    stem = max(model.scorer.stem_bytes.values())
    settings = {"chunk_rows": chunk_rows, "batch_size": 3, "rc_average": rc_average}
    with caplog.at_level("INFO", logger="epidyn"):
        predict_table(model_file, grid, genome, out, **settings, stem_memory=(8 if few else 34) * stem)
    one_by_one = [model.predict_logits(table.iloc[[row]], genome, rc_average=rc_average) for row in range(72)]
    assert np.unique(one_by_one).size == 72
    np.testing.assert_allclose(pd.read_csv(out, sep="\t")["logit"], np.ravel(one_by_one), atol=1e-5)
    beside = json.loads(out.with_name("scores.tsv.json").read_text())
    encoded, again = beside["encoded"], beside["encoded_again"]
    assert encoded - again == (34 if rc_average else 17)
    assert (again > 0) == few
    cure = "; more --stem-memory spares that" if few else ""
    assert caplog.messages[-1] == f"encoded {encoded} elements, {again} of them again{cure}"


def test_the_table_stays_as_it_was(model_file: Path, genome: Genome, pairs: Path, out: Path):
    predict_table(model_file, pairs, genome, out, chunk_rows=2)
    before, after = read_pairs(pairs), read_pairs(out)
    assert list(after) == [*REQUIRED, "label", "tss", "a note", "fold change", "logit", "probability"]
    pd.testing.assert_frame_equal(after.drop(columns=["logit", "probability"]), before)
    assert after["a note"].tolist() == table()["a note"].tolist()
    assert out.read_bytes().count(b"\r") == 0


def test_earlier_scores_are_replaced(model_file: Path, genome: Genome, pairs: Path, out: Path):
    predict_table(model_file, pairs, genome, out)
    scored = read_pairs(out).assign(logit="999", probability="none")
    scored.to_csv(pairs.parent / "scored.tsv", sep="\t", index=False)
    again = out.with_name("again.tsv")
    predict_table(model_file, pairs.parent / "scored.tsv", genome, again)
    assert again.read_bytes() == out.read_bytes()


def test_settings_lie_beside_the_scores(model_file: Path, genome: Genome, pairs: Path, out: Path):
    predict_table(model_file, pairs, genome, out, rc_average=True, prevalence=0.1)
    assert set(written(out)) == {"scores.tsv", "scores.tsv.json"}
    assert json.loads(out.with_name("scores.tsv.json").read_text()) == {
        "model": {"path": str(model_file), "sha256": sha256(model_file)},
        "pairs": {"path": str(pairs), "sha256": sha256(pairs)},
        "genome": {"name": "toy", "digest": genome.digest()},
        "rows": ROWS,
        "pairs_seen_in_training": 0,
        "rc_average": True,
        "prevalence": 0.1,
        "encoded": 4 * ROWS,  # every row has two elements of its own, and each is read on both strands
        "encoded_again": 0,
        "version": epidyn.__version__,
    }


def test_prevalence_shifts_logit_and_probability(model_file: Path, genome: Genome, pairs: Path, out: Path):
    predict_table(model_file, pairs, genome, out, prevalence=0.1)
    scored = pd.read_csv(out, sep="\t")
    model, at_once = Model.load(model_file), read_pairs(pairs)
    shift = np.log(0.1 / 0.9) - np.log(TRAINED_AT / (1 - TRAINED_AT))
    np.testing.assert_allclose(scored["logit"], model.predict_logits(at_once, genome) + shift, atol=1e-5)
    np.testing.assert_allclose(scored["probability"], 1 / (1 + np.exp(-scored["logit"])), atol=1e-6)


@pytest.fixture
def calibrated_file(model_file: Path, tmp_path: Path) -> Path:
    model = Model.load(model_file)
    fitted = Calibration(
        method="isotonic",
        logits=[-1.0, 1.0],
        probabilities=[0.1, 0.1],  # a plateau: only the logit ranks
        pairs=200,
        positives=20,
        brier_before=0.2,
        brier_after=0.1,
    )
    model.provenance = model.provenance.model_copy(update={"calibration": fitted})
    model.save(tmp_path / "calibrated.safetensors")
    return tmp_path / "calibrated.safetensors"


@pytest.mark.parametrize(("prevalence", "expected"), [(None, 0.1), (0.1, 0.1), (0.5, 0.5)])
def test_a_calibrated_model_writes_raw_probabilities_too(
    model_file: Path,
    calibrated_file: Path,
    genome: Genome,
    pairs: Path,
    out: Path,
    prevalence: float | None,
    expected: float,
):
    predict_table(calibrated_file, pairs, genome, out, prevalence=prevalence)
    scored = read_scores(out)
    assert list(scored)[-3:] == ["logit", "probability", "raw_probability"]
    own = Model.load(model_file).predict_logits(read_pairs(pairs), genome)
    np.testing.assert_allclose(scored["logit"], own, atol=1e-5)
    np.testing.assert_allclose(scored["raw_probability"], 1 / (1 + np.exp(-own)), atol=1e-6)
    np.testing.assert_allclose(scored["probability"], expected, atol=1e-6)
    assert np.argsort(ranking(scored)).tolist() == np.argsort(own).tolist()


def test_raw_probabilities_of_earlier_scores_are_not_kept(
    model_file: Path, calibrated_file: Path, genome: Genome, pairs: Path, out: Path
):
    predict_table(calibrated_file, pairs, genome, out)
    again = out.with_name("again.tsv")
    predict_table(model_file, out, genome, again)
    assert list(read_scores(again))[-2:] == ["logit", "probability"]


def test_without_out_scores_go_to_standard_output(
    model_file: Path, genome: Genome, pairs: Path, out: Path, capsys: pytest.CaptureFixture[str]
):
    predict_table(model_file, pairs, genome, out, chunk_rows=3)
    assert predict_table(model_file, pairs, genome, chunk_rows=3) == ROWS
    assert capsys.readouterr().out == out.read_text()


def test_reads_names_of_targetfinder(model_file: Path, genome: Genome, tmp_path: Path, out: Path):
    pairs = tmp_path / "names.csv"
    pairs.write_text(
        "enhancer_name,promoter_name,label\n"
        "K562|chr2:40-90,K562|chr2:200-230,1\n"
        "K562|chr1:400-470,K562|chr1:10-51,0\n"
    )
    predict_table(model_file, pairs, genome, out, chunk_rows=1)
    scored = read_pairs(out)
    assert scored["enhancer_name"].tolist() == ["K562|chr2:40-90", "K562|chr1:400-470"]
    assert scored["enhancer_start"].tolist() == [40, 400]
    assert scored["cell_line"].tolist() == ["K562", "K562"]
    expected = Model.load(model_file).predict(read_pairs(pairs), genome)
    np.testing.assert_allclose(scored["probability"].astype(float), expected, atol=1e-6)


def test_reads_gzip(model_file: Path, genome: Genome, pairs: Path, out: Path):
    predict_table(model_file, pairs, genome, out)
    packed = pairs.with_name("pairs.csv.gz")
    packed.write_bytes(gzip.compress(pairs.read_bytes()))
    again = out.with_name("again.tsv")
    predict_table(model_file, packed, genome, again)
    assert again.read_text() == out.read_text()


def test_replaces_only_by_force(model_file: Path, genome: Genome, pairs: Path, out: Path):
    out.write_text("mine\n")
    with pytest.raises(OutputError, match=r"scores\.tsv exists.*--force"):
        predict_table(model_file, pairs, genome, out)
    assert written(out) == {"scores.tsv": b"mine\n"}
    predict_table(model_file, pairs, genome, out, force=True)
    assert len(read_pairs(out)) == ROWS


def spoil(pairs: Path, old: str, new: str) -> None:
    text = pairs.read_text()
    assert text.count(old) == 1
    pairs.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "error", "words"),
    [
        # The last rows, with chunks of 2 rows of which the first are written by then.
        ('\n中",chr2,', '\n中",chr2,x', PairTableError, 'promoter_start is "x0"'),
        ('\n中",chr2,0,21,1', '\n中",chr2,0,21,7', PairTableError, 'label is "7"'),
        (
            '\n中",chr2,0,21,1,chr2',
            '\n中",chr9,0,21,1,chr9',
            ChromosomeError,
            "'chr9' in toy; it holds chr1, chr2",
        ),
        ('\n中",chr2,0,21', '\n中",chr2,0', PairTableError, "9 cells"),
    ],
    ids=["no number", "label", "chromosome", "cells"],
)
@pytest.mark.parametrize("earlier", [False, True])
def test_an_error_in_a_later_chunk_leaves_nothing(
    model_file: Path,
    genome: Genome,
    pairs: Path,
    out: Path,
    old: str,
    new: str,
    error: type[EpidynError],
    words: str,
    earlier: bool,
):
    spoil(pairs, old, new)
    if earlier:
        out.write_text("mine\n")
    with pytest.raises(error, match=words):
        predict_table(model_file, pairs, genome, out, chunk_rows=2, force=earlier)
    assert written(out) == ({"scores.tsv": b"mine\n"} if earlier else {})


def test_a_truncated_table_leaves_nothing(model_file: Path, genome: Genome, pairs: Path, out: Path):
    packed = gzip.compress(pairs.read_bytes())
    pairs.write_bytes(packed[:-12])
    with pytest.raises(InputFileError, match=r"pairs\.csv is a truncated gzip"):
        predict_table(model_file, pairs, genome, out, chunk_rows=1)
    assert written(out) == {}


def test_an_interrupt_leaves_nothing(
    model_file: Path, genome: Genome, pairs: Path, out: Path, monkeypatch: pytest.MonkeyPatch
):
    chunks = []
    predict = Model.predict_logits

    def interrupted(self: Model, *args: object, **settings: object) -> np.ndarray:
        chunks.append(1)
        if len(chunks) == 3:
            assert set(written(out)) != set()
            raise KeyboardInterrupt
        return predict(self, *args, **settings)

    monkeypatch.setattr(Model, "predict_logits", interrupted)
    with pytest.raises(KeyboardInterrupt):
        predict_table(model_file, pairs, genome, out, chunk_rows=2)
    assert written(out) == {}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"batch_size": 0}, "--batch-size is 0"),
        ({"stem_memory": 0}, "--stem-memory is 0 megabytes; for this model it must be 1 or more"),
        ({"prevalence": 1.0}, "--prevalence is 1.0"),
        ({"device": "abacus"}, "--device abacus"),
        ({"device": "meta"}, "--device meta"),
        ({"device": "cuda:99"}, "--device cuda:99"),
    ],
)
def test_refuses_settings_that_cannot_be(
    model_file: Path, genome: Genome, pairs: Path, out: Path, settings: dict[str, object], words: str
):
    with pytest.raises(ConfigError, match=words):
        predict_table(model_file, pairs, genome, out, **settings)
    assert written(out) == {}


def test_a_device_by_name(model_file: Path, genome: Genome, pairs: Path, out: Path):
    predict_table(model_file, pairs, genome, out)
    again = out.with_name("again.tsv")
    predict_table(model_file, pairs, genome, again, device="cpu:0")
    assert again.read_bytes() == out.read_bytes()


@needs_data
def test_real_pairs_of_a_megabase(data: Path, tmp_path: Path):
    sizes = {"channels": 8, "heads": 2, "cbam_reduction": 4, "vector_size": 6, "feedforward": 9, "dense": 5}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = EpiDynFusion(epidyn.nn.NetworkConfig(**sizes))
    with torch.no_grad():
        network.output.weight.mul_(10)
    Model(NetworkScorer(network)).save(tmp_path / "m.safetensors")
    table = data / "hg19" / "chr20_1-2Mb.pairs.csv"
    scores = {}
    with Genome.open(data / "hg19" / "chr20_1-2Mb.fa.gz") as genome:
        for batch_size in (1, 64):
            out = tmp_path / f"{batch_size}.tsv"
            assert predict_table(tmp_path / "m.safetensors", table, genome, out, batch_size=batch_size) == 135
            scored = pd.read_csv(out, sep="\t")
            assert scored["enhancer_name"].tolist() == pd.read_csv(table)["enhancer_name"].tolist()
            assert scored["promoter_name"].tolist() == pd.read_csv(table)["promoter_name"].tolist()
            scores[batch_size] = scored["probability"].to_numpy()
    assert np.ptp(scores[1]) > 0.01
    np.testing.assert_allclose(scores[1], scores[64], atol=1e-5)


def test_pairs_that_the_model_was_trained_on_are_counted(
    simulated: Path, tmp_path: Path, toy_config: Callable[..., RunConfig], caplog: pytest.LogCaptureFixture
):
    training.train(toy_config(training={"epochs": 1}), tmp_path / "run")
    genome = Genome.open(simulated / "genome.fa")
    parts = pd.read_csv(tmp_path / "run" / "split.tsv", sep="\t")["part"]
    with caplog.at_level("WARNING", "epidyn"):
        predict_table(tmp_path / "run" / "model.safetensors", simulated / "pairs.csv", genome, tmp_path / "s.tsv")
    seen = int((parts != "test").sum())
    assert f"{seen} of {len(parts)} pairs have both elements among those" in caplog.text
    assert json.loads((tmp_path / "s.tsv.json").read_text())["pairs_seen_in_training"] == seen


@pytest.mark.parametrize("chunk_rows", [3, 100])
def test_each_format_holds_the_scores_of_the_table(
    model_file: Path, genome: Genome, pairs: Path, out: Path, chunk_rows: int
):
    """Probabilities and places, read back by others, are those of the TSV."""
    plain = pd.read_csv(pairs).drop(columns="a note")  # which holds a tab
    plain.to_csv(pairs, index=False)
    for suffix in (".tsv", ".bedpe", ".parquet", ".interact", ".LongRange"):
        path = out.with_suffix(suffix)
        assert predict_table(model_file, pairs, genome, path, chunk_rows=chunk_rows) == ROWS
        assert json.loads(Path(f"{path}.json").read_text())["rows"] == ROWS
    scores = pd.read_csv(out, sep="\t", dtype={"fold change": str})
    bedpe = pd.read_csv(out.with_suffix(".bedpe"), sep="\t")
    np.testing.assert_array_equal(bedpe["score"], scores["probability"])
    np.testing.assert_array_equal(bedpe["logit"], scores["logit"])
    np.testing.assert_array_equal(bedpe["start2"], scores["promoter_start"])
    parquet = pd.read_parquet(out.with_suffix(".parquet"))
    assert list(parquet) == list(scores)
    np.testing.assert_allclose(parquet["probability"], scores["probability"], rtol=1e-6)
    interact = pd.read_csv(out.with_suffix(".interact"), sep="\t", skiprows=1)
    np.testing.assert_array_equal(interact["value"], scores["probability"])
    np.testing.assert_array_equal(interact["sourceEnd"], scores["enhancer_end"])
    longrange = pd.read_csv(out.with_suffix(".LongRange"), sep="\t", header=None)
    assert len(longrange) == 2 * ROWS
    assert sorted(longrange[3].str.split(",").str[1].astype(float)) == sorted([*scores["probability"]] * 2)


@pytest.mark.parametrize("suffix", [".bedpe", ".parquet", ".interact", ".longrange"])
def test_no_format_is_half_written(model_file: Path, genome: Genome, pairs: Path, out: Path, suffix: str):
    """The last row's chromosome is not there, which is seen when earlier chunks have been written."""
    changed = pd.read_csv(pairs).drop(columns="a note")
    changed.loc[ROWS - 1, ["enhancer_chrom", "promoter_chrom"]] = "chr9"
    changed.to_csv(pairs, index=False)
    with pytest.raises(ChromosomeError):
        predict_table(model_file, pairs, genome, out.with_suffix(suffix), chunk_rows=2)
    assert written(out) == {}


def test_another_genome_than_the_models_is_mentioned(
    model_file: Path, genome: Genome, pairs: Path, out: Path, caplog: pytest.LogCaptureFixture
):
    model = Model.load(model_file)
    caplog.set_level("INFO", "epidyn")
    for digest, told in ((genome.digest(), 0), ("another", 1)):
        model.provenance = Provenance(genome={"name": "hg19.2bit", "digest": digest})
        model.save(out.with_name("model.safetensors"))
        predict_table(out.with_name("model.safetensors"), pairs, genome, out, force=True)
        assert caplog.text.count("trained on another genome (hg19.2bit); this is toy") == told


def test_text_may_be_gzipped_and_what_is_not_is_refused(model_file: Path, genome: Genome, pairs: Path, out: Path):
    pd.read_csv(pairs).drop(columns="a note").to_csv(pairs, index=False)
    for suffix in (".tsv", ".tsv.gz", ".csv", ".csv.gz", ".bedpe", ".bedpe.gz"):
        predict_table(model_file, pairs, genome, out.with_suffix(suffix))
    for suffix in (".tsv", ".csv", ".bedpe"):
        plain = out.with_suffix(suffix)
        assert gzip.decompress(Path(f"{plain}.gz").read_bytes()) == plain.read_bytes()
    before = written(out)
    assert read_pairs(out.with_suffix(".csv")).equals(read_pairs(out))
    for suffix in (".interact.gz", ".longrange.gz", ".gz"):
        with pytest.raises(OutputError, match=r"only \.tsv\.gz, \.csv\.gz and \.bedpe\.gz"):
            predict_table(model_file, pairs, genome, out.with_suffix(suffix))
    for suffix in (".xlsx", ".tsv.bz2", ".zip"):
        with pytest.raises(OutputError, match=r"nothing is written that ends in .* Take \.tsv"):
            predict_table(model_file, pairs, genome, out.with_suffix(suffix))
    assert written(out) == before
