"""The workflow's own module and configurations; the folder is no package."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tests.cli.conftest import epidyn

__all__ = ["epidyn"]  # the fixture that runs commands

WORKFLOW = Path(__file__).resolve().parents[2] / "workflow"


@pytest.fixture(scope="session")
def plan() -> ModuleType:
    """The workflow's plan.py."""
    spec = importlib.util.spec_from_file_location("plan", WORKFLOW / "plan.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["plan"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def configurations() -> dict[str, dict[str, Any]]:
    """Configuration files by name."""
    return {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in (WORKFLOW / "config").glob("*.yaml")}
