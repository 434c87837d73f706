from __future__ import annotations

import subprocess
import sys

import pytest

import epidyn

HEAVY = ("torch", "pytorch_lightning", "numpy", "pandas", "scipy", "sklearn", "matplotlib", "pydantic")


def test_importing_the_package_loads_nothing_heavy():
    code = f"import sys, epidyn; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_reading_pairs_and_genomes_needs_no_torch():
    code = "import sys, epidyn; epidyn.read_pairs, epidyn.Genome, epidyn.windows; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("name", epidyn.__all__)
def test_every_public_name_is_there(name: str):
    assert getattr(epidyn, name) is not None


def test_the_names_of_the_design_are_public():
    assert {"Genome", "Model", "read_pairs", "write_pairs", "windows", "kmers", "nn"} <= set(epidyn.__all__)
    assert epidyn.Genome.__module__ == "epidyn.genome.base"
    assert epidyn.windows.central.__module__ == "epidyn.windows"
    assert epidyn.nn.EpiDynFusion(epidyn.nn.NetworkConfig()) is not None


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'epidyn' has no attribute 'Genom'"):
        epidyn.Genom  # noqa: B018
    assert not hasattr(epidyn, "torch")
