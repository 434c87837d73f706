"""Each benchmark runs, small and once, and writes what it says."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run(script: str, out: Path, *options: str, warnings: str = "error") -> str:
    command = [sys.executable, str(BENCHMARKS / script), "--quick", "--out", str(out), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": warnings}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def is_positive(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and value > 0


def test_network(tmp_path: Path):
    shown = run("network.py", tmp_path)
    results = read(tmp_path / "results.json")
    assert {"processor", "cores", "threads", "Python", "torch"} <= results["machine"].keys()
    figures = results["figures"]
    assert {figure["group"] for figure in figures} == {
        "Agreement with the twin",
        "Speed of predict",
        "Memory of predict",
        "Speed of training",
        "Memory of training",
        "From file to first batch",
        "Input pipeline, one core",
        "Layers by themselves",
        "FFT convolution against direct",
    }
    for figure in figures:
        assert figure["value"] >= 0
        assert (figure["twin"] is None) == (figure["ratio"] is None)
        assert figure["ratio"] is None or is_positive(figure["ratio"])
        assert (figure["threshold"] is None) == (figure["met"] is None)
    compared = {figure["group"] for figure in figures if figure["ratio"] is not None}
    assert {"Speed of predict", "Speed of training", "Memory of training", "Layers by themselves"} <= compared
    differences = [figure["value"] for figure in figures if figure["name"].startswith("largest ")]
    assert len(differences) == 6
    assert max(differences) < 1e-3
    assert shown.strip() in (tmp_path / "results.md").read_text()


def test_network_measures_the_groups_asked_for(tmp_path: Path):
    run("network.py", tmp_path, "--only", "agreement")
    assert {figure["group"] for figure in read(tmp_path / "results.json")["figures"]} == {
        "Agreement with the twin"
    }


def test_io(tmp_path: Path):
    run("io.py", tmp_path)
    figures = read(tmp_path / "io.json")["figures"]
    assert all(is_positive(figure["value"]) for figure in figures)
    assert {figure["unit"] for figure in figures} == {"intervals/s", "rows/s", "MB"}


def test_scaling(tmp_path: Path):
    run("scaling.py", tmp_path)
    points = read(tmp_path / "scaling.json")["points"]
    assert {point["panel"] for point in points} == {"pairs", "window length", "distinct elements"}
    assert all(is_positive(point["seconds"]) and is_positive(point["peak_megabytes"]) for point in points)
    assert (tmp_path / "scaling.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_gpu_on_the_cpu(tmp_path: Path):
    # torch's tracer has warnings of its own about our recurrence, which is the CPU's alone.
    run("gpu.py", tmp_path, "--device", "cpu", warnings="default")
    report = read(tmp_path / "gpu.json")
    lines = report["lines"]
    assert report["machine"]["card"] == "none"
    assert [line["error"] for line in lines if line["error"]] == []
    by_name = {line["name"]: line for line in lines}
    for what in ("training", "inference, network alone"):
        ours = by_name[f"{what}, batch 4: ours, bf16"]
        assert is_positive(ours["value"])
        assert is_positive(ours["ratio"])
    ready = next(
        line for name, line in by_name.items() if name.endswith("in float32: twin, float32, tokens ready")
    )
    assert ready["value"] < 1e-5
    assert is_positive(by_name["training, batch 4: ours, bf16, compiled"]["value"])
    assert by_name["largest batch that trains: ours, bf16"]["value"] == 8
    assert (tmp_path / "gpu.md").read_text().count("\n|") == len(lines) + 2


@pytest.mark.slow
def test_evaluating(tmp_path: Path):
    run("evaluating.py", tmp_path)
    figures = read(tmp_path / "evaluating.json")["figures"]
    assert len(figures) == 10
    assert all(is_positive(figure["value"]) for figure in figures)
    assert all(figure["met"] for figure in figures if figure["threshold"])


def test_kmers(tmp_path: Path):
    run("kmers.py", tmp_path)
    figures = {figure["name"]: figure["value"] for figure in read(tmp_path / "kmers.json")["figures"]}
    assert figures["6-mers read in a pass"] == pytest.approx(50_000, rel=0.01)
    assert is_positive(figures["rate"])
    assert is_positive(figures["peak memory"])
    assert figures["random, closer than random pairs"] == 50
    assert 0 <= figures["10 nearest neighbours that two seeds agree in"] <= 100
    assert "random chromosome of 50,000 bases" in (tmp_path / "kmers.md").read_text()


@pytest.mark.slow
def test_fine_tuning():
    command = [sys.executable, str(BENCHMARKS / "fine_tuning.py"), "--quick", "--seeds", "2"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    header, _, *rows = done.stdout.splitlines()
    assert header == "| regime | AUROC | less specific | AUPR | less specific |"
    assert [row.split(" | ")[0] for row in rows] == ["| specific", "| general", "| fine-tuned"]
    assert all(0 < float(row.split(" | ")[1]) < 1 for row in rows)


@pytest.mark.slow
def test_motif_finder_and_recovery():
    for script, first in (("motif_finder.py", "| 1.5 |"), ("motif_recovery.py", "| 0 | as simulated |")):
        command = [sys.executable, str(BENCHMARKS / script), "--quick"]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        assert done.returncode == 0, done.stderr
        header, _, *rows = done.stdout.splitlines()
        assert len(rows) == 1
        assert rows[0].startswith(first)
        assert rows[0].count("|") == header.count("|")


@pytest.mark.slow
def test_motif_pairs():
    command = [sys.executable, str(BENCHMARKS / "motif_pairs.py"), "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    table, _, means = done.stdout.partition("\n\n")
    header, _, *rows = table.splitlines()
    assert [row.split("|")[1].strip() for row in rows] == [*CASES[:-2]]
    assert all(row.count("|") == header.count("|") for row in rows)
    assert [line.partition(":")[0] for line in means.splitlines()] == CASES


CASES = ["pairing", "known", "presence", "propensity", "unbalanced", "permuted", "forced"]


@pytest.mark.slow
def test_learning_curves(tmp_path: Path):
    run("learning_curves.py", tmp_path)
    shown = run("learning_curves.py", tmp_path, "--both", "--rules", "pairing")
    assert len(list((tmp_path / "done").iterdir())) == 4 * 2 + 2
    table = pd.read_csv(tmp_path / "learning_curves.csv")
    assert table["rule"].nunique() == 4
    counts = table.groupby(["rule", "pairs"])["model"].apply(set)
    assert counts["presence"].tolist() == [{"motif pairs"}] * 2
    assert counts["pairing"].tolist() == [{"motif pairs", "network", "both"}] * 2
    assert table["auroc"].between(0, 1).all()
    assert "pairing, network, 200 pairs: mean AUROC" in shown
    assert (tmp_path / "learning_curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_term_choice(tmp_path: Path):
    shown = run("term_choice.py", tmp_path, warnings="ignore")
    table = pd.read_csv(tmp_path / "term_choice.csv")
    ways = ["relaxed lasso", "with a distance that says nothing", "without G+C", "lasso", "elastic net", "ridge"]
    assert table["way"].tolist() == [*ways, "stability selection", "boosted trees", "sparse factors"] * 3
    assert table["auroc"].between(0, 1).all()
    assert "stability selection" in shown


def test_coverage(tmp_path: Path):
    run("interval_coverage.py", tmp_path)
    figures = {figure["name"]: figure for figure in read(tmp_path / "coverage.json")["figures"]}
    covered = [figure["value"] for name, figure in figures.items() if "covered" in name]
    alarms = [figure["value"] for name, figure in figures.items() if "p < 0.05" in name]
    assert (len(covered), len(alarms), len(figures)) == (10, 8, 26)
    assert all(0 <= value <= 100 for value in covered + alarms)
    assert "95% intervals" in (tmp_path / "coverage.md").read_text()


def test_scanning(tmp_path: Path):
    run("scanning.py", tmp_path)
    figures = {figure["name"]: figure for figure in read(tmp_path / "scanning.json")["figures"]}
    assert list(figures)[1:] == ["speed, all included", "peak memory"]
    assert all(is_positive(figure["value"]) for figure in figures.values())
    pairs = figures["pairs within 1 Mb, 600 enhancers, 40 promoters"]["value"]
    assert 150 < pairs < 250  # 600 x 40 x 2 Mb / 249 Mb is 193


def test_explaining(tmp_path: Path):
    run("explaining.py", tmp_path)
    figures = read(tmp_path / "explaining.json")["figures"]
    assert len(figures) == 4
    assert all(is_positive(figure["value"]) for figure in figures)
    assert is_positive(figures[0]["ratio"])
