from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epidyn import Genome, demo, metrics
from epidyn.cli import main
from epidyn.errors import OutputError


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo with fewer pairs and one epoch: its way, not its result."""
    from tests.nn.toys import SMALL

    sizes = {"enhancer_length": 140, "promoter_length": 120}
    simulation = {**demo.SIMULATION, **sizes, "pairs_per_chromosome": 12, "instances": 2, "decoys": 0}
    monkeypatch.setattr(demo, "SIMULATION", simulation)
    monkeypatch.setattr(demo, "NETWORK", {**SMALL, **sizes})
    monkeypatch.setattr(demo, "TRAINING", {**demo.TRAINING, "epochs": 1})


@pytest.mark.usefixtures("tiny")
def test_prints_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["demo", "--out", str(tmp_path / "demo"), "--seed", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    last_table = lines[lines.index("") + 1 :]
    scored = pd.read_csv(tmp_path / "demo" / "held-out" / "scores.tsv", sep="\t")
    assert set(scored["promoter_chrom"]) == {"chr7", "chr8"}
    area = metrics.auroc(scored["label"], scored["probability"])
    assert last_table[0].split() == ["AUROC", "held-out", "chromosomes", f"{area:.3f}"]
    assert last_table[2].startswith("AUROC of base composition alone")
    for figure in demo.FIGURES:
        assert (tmp_path / "demo" / "held-out" / figure).read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("tiny")
def test_trains_on_no_held_out_chromosome(tmp_path: Path):
    result = demo.run_demo(tmp_path / "demo")
    assert result.pairs == {"train": 60, "validation": 12, "test": 24}
    assert (result.summary["positives"], result.summary["negatives"]) == (12, 12)


@pytest.mark.usefixtures("tiny")
def test_shuffled_labels_are_those_that_are_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["demo", "--out", str(tmp_path / "demo"), "--shuffle-labels"]) == 0
    assert "permuted within chromosomes" in capsys.readouterr().out
    scored = pd.read_csv(tmp_path / "demo" / "held-out" / "scores.tsv", sep="\t")
    simulated = pd.read_csv(tmp_path / "demo" / "simulated" / "pairs.csv")
    truth = simulated[simulated["promoter_chrom"].isin(demo.TEST)]["label"]
    assert scored["label"].sum() == truth.sum()
    assert (scored["label"].to_numpy() != truth.to_numpy()).any()


@pytest.mark.usefixtures("tiny")
def test_an_earlier_demo_needs_force(tmp_path: Path):
    demo.run_demo(tmp_path / "demo")
    with pytest.raises(OutputError, match="--force"):
        demo.run_demo(tmp_path / "demo")
    demo.run_demo(tmp_path / "demo", force=True)


def test_composition_finds_composition():
    """Positives are rich in C: composition alone must tell, and must not where both labels are drawn alike."""
    rng = np.random.default_rng(0)
    sequence, rows = [], []
    for number in range(160):
        rich = number % 2
        shares = [0.2, 0.4, 0.2, 0.2] if rich else [0.25] * 4
        sequence += [rng.choice(4, 90, p=shares), rng.choice(4, 50)]
        start = number * 140
        rows.append(("chr1", start, start + 90, "chr1", start + 90, start + 140, rich))
    columns = [f"{role}_{part}" for role in ("enhancer", "promoter") for part in ("chrom", "start", "end")]
    pairs = pd.DataFrame(rows, columns=[*columns, "label"])
    genome = Genome.from_dict({"chr1": np.concatenate(sequence).astype(np.uint8)})
    train, test = pairs[:80], pairs[80:]
    assert demo.composition_auroc(genome, train, test) > 0.9
    blind = pairs.assign(label=rng.permutation(pairs["label"]))
    assert abs(demo.composition_auroc(genome, blind[:80], blind[80:]) - 0.5) < 0.25
