"""The workflow's graph, as Snakemake itself builds it; nothing is run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from epidyn.report.experiments import LINES
from tests.conftest import needs_data

from .conftest import WORKFLOW

SNAKEMAKE = Path(sys.executable).with_name("snakemake")


def dry_run(folder: Path, configuration: dict[str, Any], *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "config.yaml").write_text(yaml.safe_dump(configuration))
    command = [
        SNAKEMAKE,
        "--snakefile",
        WORKFLOW / "Snakefile",
        "--configfile",
        "config.yaml",
        "-n",
        "--cores",
        "2",
    ]
    return subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True, check=False)


def jobs(result: subprocess.CompletedProcess[str]) -> dict[str, int]:
    assert result.returncode == 0, result.stdout + result.stderr
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", result.stdout, re.MULTILINE)}


def test_the_small_graph(configurations: dict[str, dict[str, Any]], tmp_path: Path):
    counted = jobs(dry_run(tmp_path, configurations["small"], "--profile", str(WORKFLOW / "profiles" / "local")))
    # Of each line 17 variants, the usual run, its control, 3 fine-tuned; 3 pooled; BENGI and its control.
    assert counted["train"] == 2 * (7 + 3 + 5 + 2 + 1 + 1 + 3) + 3 + 2
    assert (counted["audit"], counted["begin_loco"], counted["score_across_lines"]) == (3, 3, 2)


@needs_data
def test_the_six_lines_of_the_article(configurations: dict[str, dict[str, Any]], data: Path, tmp_path: Path):
    paper = configurations["paper"]
    real = {
        **paper,
        "genome": "random:hg19",
        "lines": {line: str(data / "targetfinder" / f"{line}.csv.gz") for line in LINES},
        "bengi": {name: str(data / table.removeprefix("data/")) for name, table in paper["bengi"].items()},
        "kmer_vectors": str(data / "dna2vec" / "embedding_matrix.npy"),
    }
    result = dry_run(tmp_path, real, "--printshellcmds")
    # Without controls: the genome is one. A line has 18 variants and 2 fine-tuned; five seeds.
    assert jobs(result)["train"] == 5 * (6 * 20 + 2 + 6)
    assert "--genome random:hg19" in result.stdout


def test_a_wrong_configuration_is_told_without_a_traceback(
    configurations: dict[str, dict[str, Any]], tmp_path: Path
):
    result = dry_run(tmp_path, {**configurations["small"], "seed": 3})
    assert result.returncode == 1
    assert "seed: Extra inputs" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
