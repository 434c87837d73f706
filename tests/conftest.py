"""What many tests share: where the real data is, and a clean set of progress bars."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("EPIDYN_DATA", Path(__file__).parents[2] / "shared" / "data"))
needs_data = pytest.mark.skipif(
    not DATA.is_dir(),
    reason=f"no real data at {DATA}; set EPIDYN_DATA to the folder that holds targetfinder/",
)


@pytest.fixture(scope="session")
def data() -> Path:
    return DATA
