"""The tutorial runs from its first cell to its last, and lies in git without what it shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

TUTORIAL = Path(__file__).parents[1] / "docs" / "tutorial.ipynb"


def test_the_tutorial_has_no_outputs():
    cells = json.loads(TUTORIAL.read_text())["cells"]
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells if "outputs" in cell)
    assert {cell["cell_type"] for cell in cells} == {"code", "markdown"}


def test_the_tutorial_runs(tmp_path: Path):
    """In a pytest of its own: Jupyter's libraries have warnings that are none of ours."""
    command = [sys.executable, "-m", "pytest", "--nbmake", "-q", "-p", "no:cacheprovider", "-o", "addopts="]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "-W", "default", str(TUTORIAL)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
