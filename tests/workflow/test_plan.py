"""The plan makes every run that the report waits for, each once, and nothing twice."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from epidyn.report.collect import line_of_table
from epidyn.report.experiments import EXPERIMENTS, HIC_LINES, LINES, Traits, is_default_copies, places
from epidyn.training.config import RunConfig
from tests.cli.conftest import Run

Configurations = dict[str, dict[str, Any]]


@pytest.fixture
def trained(epidyn: Run, monkeypatch: pytest.MonkeyPatch) -> list[RunConfig]:
    """The configurations that `epidyn train` was called with; nothing is trained."""
    called: list[RunConfig] = []
    monkeypatch.setattr("epidyn.training.train_or_resume", lambda config, out, force: called.append(config))
    monkeypatch.setattr("epidyn.training.inputs.init_network_settings", lambda path: {})
    return called


def traits(run: Any, config: RunConfig, bengi: bool) -> Traits:
    copies = config.training.copies
    return Traits(
        network=config.network,
        line=run.line,
        copies=20 if copies == "balanced" else copies,
        default_copies=is_default_copies(copies),
        optimizer=config.training.optimizer,
        regime=config.training.regime,
        split=config.split.split,
        bengi=bengi,
        strict=config.split.pool == "strict",
    )


@pytest.mark.parametrize("name", ["paper", "small"])
def test_every_row_of_the_report_has_its_run(
    plan: ModuleType, configurations: Configurations, epidyn: Run, trained: list[RunConfig], name: str
):
    settings = plan.read(configurations[name])
    runs = [run for run in plan.runs(settings) if run.seed == settings.seeds[0]]
    for run in runs:
        command = shlex.split(plan.options(settings, run, plan.inputs(settings, run)))
        result = epidyn("train", *command, "--out", run.folder("out"), "--continue", "--force")
        assert result.code == 0, result.err
    found: dict[str, set[tuple[str, str]]] = {}
    for run, config in zip(runs, trained, strict=True):
        control = config.data.genome.startswith("random:")
        assert control == run.variant.endswith(plan.CONTROL)
        for place in places(traits(run, config, run.line in settings.bengi)):
            assert place.experiment != "other", run
            if not control:
                found.setdefault(place.experiment, set()).add((place.what, run.line))
    for experiment in ("architecture", "fusion", "oversampling", "optimisers", "complexity"):
        wanted = {(what, line) for what in EXPERIMENTS[experiment].expected for line in settings.lines}
        assert found[experiment] >= wanted, experiment
    assert {what for what, _ in found["regimes"]} >= set(EXPERIMENTS["regimes"].expected)
    assert {line for _, line in found["bengi"]} == set(settings.bengi)
    assert {what for what, _ in found["cross-line"]} == set(settings.lines)


def test_runs_are_distinct_and_counted(plan: ModuleType, configurations: Configurations):
    settings = plan.read(configurations["paper"])
    runs = plan.runs(settings)
    assert len(set(runs)) == len(runs)
    per_line = 1 + 7 + 3 + 5 + 2 + 1 + 3  # usual, experiments, control, fine-tuned three ways
    assert Counter(run.line for run in runs if run.seed == 4) == Counter(
        {**dict.fromkeys(LINES, per_line), "all": 3, **{f"BENGI-{line}": 2 for line in HIC_LINES}}
    )
    assert {run.seed for run in runs} == {0, 1, 2, 3, 4}
    assert len(plan.across(settings)) == 5 * 6 * 5
    assert {line_of_table(Path(table).name) for table in settings.bengi.values()} == set(HIC_LINES)


def test_commands_that_differ_are_other_runs_and_no_two_are_the_same(
    plan: ModuleType, configurations: Configurations
):
    settings = plan.read(configurations["paper"])
    commands = [plan.options(settings, run, plan.inputs(settings, run)) for run in plan.runs(settings)]
    assert len(set(commands)) == len(commands)


def test_a_fine_tuned_run_starts_from_the_general_one_of_its_seed_genome_and_pooling(
    plan: ModuleType, configurations: Configurations
):
    settings = plan.read(configurations["paper"])
    starts = {
        variant: plan.inputs(settings, plan.Run("NHEK", variant, 3))["model"]
        for variant in ("fine-tuned", "fine-tuned-strict", "fine-tuned-random-genome", "usual")
    }
    assert starts == {
        "fine-tuned": ["results/runs/all/general/3/model.safetensors"],
        "fine-tuned-strict": ["results/runs/all/general-strict/3/model.safetensors"],
        "fine-tuned-random-genome": ["results/runs/all/general-random-genome/3/model.safetensors"],
        "usual": [],
    }


def test_files_may_lie_elsewhere(plan: ModuleType, configurations: Configurations):
    settings = plan.read(configurations["small"])
    run = plan.Run("sim-A", plan.CONTROL, 0)
    files = {name: [f"/pod/{path}" for path in paths] for name, paths in plan.inputs(settings, run).items()}
    command = plan.options(settings, run, files)
    assert "--pairs /pod/paper-small/simulated/pairs.sim-A.csv" in command
    assert "--genome random:/pod/paper-small/simulated/genome.chrom.sizes" in command


def test_a_random_genome_needs_no_control(plan: ModuleType, configurations: Configurations):
    settings = plan.read({**configurations["paper"], "genome": "random:hg19", "control_genome": None})
    assert not any(run.variant.endswith(plan.CONTROL) for run in plan.runs(settings))
    assert plan.inputs(settings, plan.Run("NHEK", plan.USUAL, 0))["genome"] == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"genom": "x"}, "genom: Extra inputs"),
        ({"experiments": ["figure-8"]}, "experiments.0"),
        ({"seeds": []}, "seeds"),
        ({"control_genome": None}, "control_genome is missing"),
        ({"lines": {"K562": "k.csv"}}, "names one"),
        ({"bengi": {}}, "bengi needs tables"),
        ({"bengi": {"K562": "k.tsv"}}, "names of their own"),
    ],
)
def test_a_wrong_configuration_is_told(
    plan: ModuleType, configurations: Configurations, change: dict[str, Any], words: str
):
    with pytest.raises(ValueError, match=words):
        plan.read({**configurations["paper"], **change})
