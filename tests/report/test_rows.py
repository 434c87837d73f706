from __future__ import annotations

import json
from pathlib import Path

import pytest

from epidyn.report.collect import collect
from epidyn.report.experiments import EXPERIMENTS, FULL, LINES
from epidyn.report.rows import Row, t_interval, tidy
from tests.report.folders import vary, vary_folds

SPECIFIC = "EPI-DynFusion-spe"


def rows_of(*folders: Path) -> list[Row]:
    return tidy(collect(folders))


def one(rows: list[Row], experiment: str, what: str, line: str = "NHEK", measure: str = "auroc") -> Row:
    key = (experiment, what, line, measure)
    found = [row for row in rows if (row.experiment, row.what, row.line, row.measure) == key]
    assert len(found) == 1, found
    return found[0]


def test_nothing_that_was_not_run_has_a_number_of_ours(real_run: Path, tmp_path: Path):
    """The worst that the report could do."""
    rows = rows_of(vary(real_run, tmp_path / "run", settings={"network": {"cbam": False}}))
    what = "CNN + Transformer + BiGRU + DynFusion"
    ran = {(row.experiment, row.what, row.line) for row in rows if row.ours is not None}
    assert ran == {("architecture", what, "NHEK")}
    others = [row for row in rows if row.ours is None]
    assert {row.kind for row in others} == {"not run", "published, not rerun"}
    assert all(row.low is row.high is row.seeds is row.difference is row.prevalence is None for row in others)
    assert one(rows, "architecture", FULL).published == 0.987
    assert one(rows, "fusion", "attention").published is None


def test_every_cell_of_the_article_has_a_row_whatever_was_run(real_run: Path, tmp_path: Path):
    rows = rows_of(vary(real_run, tmp_path / "run"))
    there = {(row.experiment, row.what, row.line, row.measure) for row in rows}
    assert len(there) == len(rows)
    for name, experiment in EXPERIMENTS.items():
        for what in experiment.expected:
            for measure in experiment.tables:
                assert {(name, what, line, measure) for line in experiment.lines} <= there


def test_one_seed_has_a_value_and_no_interval(real_run: Path, tmp_path: Path):
    row = one(rows_of(vary(real_run, tmp_path / "run", auroc=0.97)), "regimes", SPECIFIC)
    assert (row.ours, row.low, row.high, row.seeds) == (0.97, None, None, 1)
    assert (row.published, row.difference) == (0.987, pytest.approx(-0.017))
    assert row.prevalence == 0.5


def test_several_seeds_have_a_t_interval(real_run: Path, tmp_path: Path):
    for seed, auroc in enumerate((0.7, 0.8, 0.9)):
        vary(real_run, tmp_path / str(seed), seed=seed, auroc=auroc)
    row = one(rows_of(tmp_path), "optimisers", "NAdam")
    # t(0.975, 2) from a printed table
    assert (row.ours, row.low, row.high, row.seeds) == (
        pytest.approx(0.8),
        pytest.approx(0.8 - 4.30265 * 0.1 / 3**0.5, abs=1e-5),
        pytest.approx(0.8 + 4.30265 * 0.1 / 3**0.5, abs=1e-5),
        3,
    )


def test_an_interval_of_equal_values_is_the_value():
    assert t_interval([0.5, 0.5]) == (0.5, 0.5, 0.5)


def test_a_control_is_never_the_result(real_run: Path, tmp_path: Path):
    def random_genome(report):
        report["data"]["random_genome"] = True

    alone = rows_of(vary(real_run, tmp_path / "a", auroc=0.95, metrics=random_genome))
    assert one(alone, "regimes", SPECIFIC).kind == "not run"
    control = one(alone, "regimes", f"{SPECIFIC}, random genome")
    assert (control.kind, control.ours, control.published) == ("control", 0.95, None)
    both = rows_of(tmp_path / "a", vary(real_run, tmp_path / "b", auroc=0.9))
    assert one(both, "regimes", SPECIFIC).ours == 0.9
    assert one(both, "regimes", f"{SPECIFIC}, random genome").ours == 0.95
    assert not [row for row in alone if row.experiment == "sizes" and row.ours is not None]


def test_runs_that_differ_in_more_than_the_seed_are_not_averaged(real_run: Path, tmp_path: Path):
    vary(real_run, tmp_path / "0", seed=0, auroc=0.9)
    vary(real_run, tmp_path / "1", seed=1, auroc=0.8)
    vary(real_run, tmp_path / "2", seed=2, auroc=0.5, settings={"training": {"epochs": 7}})
    found = collect([tmp_path])
    rows = tidy(found)
    assert one(rows, "regimes", SPECIFIC).ours == pytest.approx(0.85)
    assert one(rows, "regimes", f"{SPECIFIC} [training.epochs = 7]").ours == 0.5
    assert any("training.epochs = 7" in note for note in found.notes)


def test_where_it_ran_does_not_tell_runs_apart(real_run: Path, tmp_path: Path):
    vary(real_run, tmp_path / "0", seed=0)
    vary(real_run, tmp_path / "1", seed=1, settings={"training": {"accelerator": "cpu", "save_minutes": 1.0}})
    assert one(rows_of(tmp_path), "regimes", SPECIFIC).seeds == 2


def test_the_mean_over_lines_needs_all_of_them(real_run: Path, tmp_path: Path):
    for number, line in enumerate(LINES[1:]):
        vary(real_run, tmp_path / line, line=line, auroc=0.9 + number / 100, settings={"training": {"copies": 5}})
    assert one(rows_of(tmp_path), "oversampling", "5x", "mean").kind == "not run"
    vary(real_run, tmp_path / LINES[0], line=LINES[0], auroc=0.6, settings={"training": {"copies": 5}})
    mean = one(rows_of(tmp_path), "oversampling", "5x", "mean")
    assert (mean.ours, mean.seeds) == (pytest.approx((0.6 + 0.9 + 0.91 + 0.92 + 0.93 + 0.94) / 6), 1)


def test_loco_is_mean_and_sd_over_chromosomes(real_folds: Path, tmp_path: Path):
    vary_folds(real_folds, tmp_path / "0", line="IMR90", auroc=0.6, sd=0.04)
    vary_folds(real_folds, tmp_path / "1", line="IMR90", auroc=0.7, sd=0.06, seed=1)
    row = one(rows_of(tmp_path), "loco", "EPI-DynFusion", "IMR90")
    assert (row.ours, row.sd, row.seeds) == (pytest.approx(0.65), pytest.approx(0.05), 2)
    assert (row.published, row.published_sd, row.difference) == (0.668, 0.086, pytest.approx(-0.018))


def test_loco_of_the_general_model_is_by_line(real_folds: Path, tmp_path: Path):
    folder = vary_folds(real_folds, tmp_path / "cv", line="IMR90")
    config = folder / "config.toml"
    config.write_text(config.read_text().replace('regime = "specific"', 'regime = "general"'))
    report = json.loads((folder / "metrics.json").read_text())
    report["data"]["cell_lines"] = ["IMR90", "NHEK"]
    (folder / "metrics.json").write_text(json.dumps(report))
    for fold, (one_line, other) in enumerate([(0.5, 0.9), (0.6, 0.8), (0.7, 0.7), (0.8, None)], start=1):
        path = folder / "folds" / f"chr{fold}" / "metrics.json"
        scored = json.loads(path.read_text())
        counts = {"pairs": 10, "positives": 5, "prevalence": 0.5}
        scored["lines"] = {
            line: {**counts, "auroc": auroc, "aupr": auroc}
            for line, auroc in (("IMR90", one_line), ("NHEK", other))
        }
        path.write_text(json.dumps(scored))
    rows = rows_of(folder)
    first, second = (one(rows, "loco", "EPI-DynFusion-gen", line) for line in ("IMR90", "NHEK"))
    assert (first.ours, first.sd) == (pytest.approx(0.65), pytest.approx(0.129099, abs=1e-6))
    assert (second.ours, second.sd) == (pytest.approx(0.8), pytest.approx(0.1))


def test_sizes_count_the_training_positives_once(real_run: Path, tmp_path: Path):
    """Of 120 pairs, 60 positive, 12 are test, 6 of them positive."""
    rows = rows_of(vary(real_run, tmp_path / "run", metrics=lambda report: report["data"].update(copies=20)))
    found = {row.what: row.ours for row in rows if row.experiment == "sizes" and row.line == "NHEK"}
    assert found == {
        "training positives": 54,
        "training copies": 1080,
        "training negatives": 54,
        "test positives": 6,
        "test negatives": 6,
    }


def test_time_and_memory_are_minutes_and_megabytes(real_run: Path, tmp_path: Path):
    def measured(report):
        report["time"] = {"training_seconds": 1992.0, "test_seconds": 2.5}
        report["memory"] = {"peak_bytes": 1_500_000_000, "training_peak_gpu_bytes": None}

    rows = rows_of(vary(real_run, tmp_path / "run", metrics=measured))
    values = {
        row.measure: row.ours
        for row in rows
        if (row.experiment, row.what, row.line) == ("complexity", "EPI-DynFusion", "NHEK")
    }
    assert values == {
        "minutes": pytest.approx(33.2),
        "megabytes": None,  # there was no GPU
        "test_seconds": 2.5,
        "process_megabytes": 1500,
    }
