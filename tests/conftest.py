"""What many tests share: where the real data is, a small simulated data set, and runs on it that take seconds."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # torch takes seconds to load, which most tests need not wait for
    from epidyn.training.config import RunConfig

DATA = Path(os.environ.get("EPIDYN_DATA", Path(__file__).parents[2] / "shared" / "data"))
needs_data = pytest.mark.skipif(
    not DATA.is_dir(),
    reason=f"no real data at {DATA}; set EPIDYN_DATA to the folder that holds targetfinder/",
)


@pytest.fixture(scope="session")
def data() -> Path:
    return DATA


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from epidyn.simulate import configure, simulate, write_simulation

    settings = {
        "chromosomes": 4,
        "pairs_per_chromosome": 30,
        "enhancer_length": 140,
        "promoter_length": 120,
        "instances": 2,
        "decoys": 0,
        "seed": 1,
    }
    return write_simulation(simulate(configure(settings)), tmp_path_factory.mktemp("simulated"))


@pytest.fixture(scope="session")
def toy_config(simulated: Path) -> Callable[..., RunConfig]:
    """A run of 3 epochs of 7 steps; changes are settings by section."""
    from epidyn.training.config import make_config
    from tests.nn.toys import SMALL

    def build(**changes: dict[str, Any]) -> RunConfig:
        base = {
            "data": {"pairs": str(simulated / "pairs.csv"), "genome": str(simulated / "genome.fa")},
            "split": {"split": "chromosome:chr4", "validation": "chromosome:chr3"},
            "training": {"copies": 2, "step": 3, "epochs": 3, "batch_size": 13, "rc_augment": True, "seed": 5},
            "network": SMALL,
        }
        return make_config(base, changes)

    return build
