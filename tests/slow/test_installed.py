"""The package as others get it: built, installed where nothing is, and used without its extras."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import epidyn
from tests.test_format1 import FORMAT1

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
EXTRAS = ("gensim", "optuna", "snakemake", "pyjaspar", "memelite", "logomaker", "modisco-lite", "pyarrow")


def run(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    # Nothing of the checkout must be found by chance.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run([*map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with sdist and wheel; the wheel is built from the sdist."""
    out = tmp_path_factory.mktemp("dist")
    done = run(sys.executable, "-m", "build", ROOT, "--outdir", out, cwd=out)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs' folder of an environment that has the wheel and what it requires, and nothing else."""
    home = tmp_path_factory.mktemp("empty")
    run(sys.executable, "-m", "venv", home / "env", cwd=home)
    [wheel] = built.glob("*.whl")
    python = home / "env" / "bin" / "python"
    done = run(python, "-m", "pip", "install", "--constraint", ROOT / "constraints.txt", wheel, cwd=home)
    assert done.returncode == 0, done.stderr
    return python.parent


def test_the_wheel_has_what_the_package_needs(built: Path):
    [wheel] = built.glob("*.whl")
    assert wheel.name == f"epidyn-{epidyn.__version__}-py3-none-any.whl"
    inside = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "src"
    ours = {
        str(path.relative_to(package))
        for path in (package / "epidyn").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in inside if ".dist-info/" not in name} == ours


def test_the_sdist_has_what_its_tests_need(built: Path):
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        inside = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    if not tracked:
        pytest.skip("this is no checkout, so nothing says what is of the project")
    assert {name for name in tracked if not name.startswith(".")} <= inside


def test_an_empty_environment_runs_the_demo(installed: Path, tmp_path: Path):
    assert run(installed / "python", "-m", "pip", "check", cwd=tmp_path).returncode == 0
    assert run(installed / "epidyn", "--version", cwd=tmp_path).stdout == f"epidyn {epidyn.__version__}\n"
    there = run(installed / "python", "-m", "pip", "list", "--format", "json", cwd=tmp_path)
    assert not {each["name"] for each in json.loads(there.stdout)} & set(EXTRAS)
    done = run(installed / "epidyn", "demo", "--out", "demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "demo" / "run" / "model.safetensors").is_file()


def test_it_reads_a_model_of_format_1(installed: Path, tmp_path: Path):
    given = {"--model": "model.safetensors", "--pairs": "pairs.csv", "--genome": "genome.fa.gz"}
    options = [each for name, file in given.items() for each in (name, FORMAT1 / file)]
    done = run(installed / "epidyn", "predict", *options, "--out", "scores.tsv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "scores.tsv").read_text().splitlines()) == 1 + 48


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        ("tune --pairs {pairs} --genome {genome} --trials 2 --out tuned", "tune"),
        ("kmers --genome {genome} --out kmers.npy", "kmers"),
        ("predict --model {model} --pairs {pairs} --genome {genome} --out scores.parquet", "parquet"),
    ],
)
def test_what_needs_an_extra_names_it(installed: Path, tmp_path: Path, command: str, extra: str):
    files = {"pairs": "pairs.csv", "genome": "genome.fa.gz", "model": "model.safetensors"}
    words = command.format(**{name: FORMAT1 / file for name, file in files.items()}).split()
    done = run(installed / "epidyn", *words, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert f"epidyn[{extra}]" in done.stderr
    assert "Traceback" not in done.stderr
    assert not [*tmp_path.iterdir()]


def test_every_command_has_help(installed: Path, tmp_path: Path):
    listed = run(installed / "epidyn", "--help", cwd=tmp_path).stdout
    from epidyn.cli import app

    for command in app.registered_commands:
        assert command.name
        assert command.name in listed
        assert run(installed / "epidyn", command.name, "--help", cwd=tmp_path).returncode == 0
