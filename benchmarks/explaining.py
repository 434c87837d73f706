"""Speed of masking a pair's bases, against the plain loop: mask, call the plain twin, subtract.

Ours scans every mask of both windows (width 6, step 3: 1,665 at the published lengths). The plain loop would take
minutes for that, so it calls the twin for masks evenly spread over both windows; each of its calls costs the same.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from measure import Figure, Section, Wanted, alternate, write
from subjects import Settings, random_codes, twins

from epidyn.elements import ROLES, Codes, Role
from epidyn.interpret.mutagenesis import PairScan, Perturbations, masks
from epidyn.nn import EpiDynFusion
from epidyn.nn.plain import PlainEpiDynFusion

BATCHES = (16, 32, 64, 128, 256)
SPREAD = 12  # masks an element that the plain loop is timed on


def thinned(perturbations: Perturbations, count: int) -> Perturbations:
    """Return ``count`` of the masks, evenly spread."""
    taken = np.linspace(0, len(perturbations) - 1, count).astype(int)
    return Perturbations(perturbations.offset[taken], perturbations.bases[taken])


def plain_loop(twin: PlainEpiDynFusion, codes: dict[Role, Codes], count: int) -> Callable[[], None]:
    """Mask, call, subtract: one call of the twin a mask, after one for the pair as it is."""
    twin.eval()
    given = {role: torch.from_numpy(window)[None] for role, window in codes.items()}
    changed = {role: thinned(masks(len(window)), count).apply(window) for role, window in codes.items()}

    def run() -> None:
        with torch.inference_mode():
            for role in ROLES:
                for window in torch.from_numpy(changed[role]).split(1):
                    twin(*{**given, role: window}.values())

    return run


def ours(
    network: EpiDynFusion, codes: dict[Role, Codes], batch: int, count: int | None = None
) -> Callable[[], None]:
    """Scan both windows, the reference included."""

    def run() -> None:
        scan = PairScan(network, codes, batch_size=batch)
        for role, window in codes.items():
            changes = masks(len(window))
            scan.logits(role, changes if count is None else thinned(changes, count))

    return run


def speed(settings: Settings) -> list[Figure]:
    network, twin = twins(settings.config)
    codes = {role: each[0].numpy() for role, each in zip(ROLES, random_codes(settings.config, 1), strict=True)}
    every = sum(len(masks(len(window))) for window in codes.values())
    subjects = {"ours": ours(network, codes, settings.batch), "twin": plain_loop(twin, codes, SPREAD)}
    times = alternate(subjects, settings.repetitions)
    each, theirs = times["ours"].per(every), times["twin"].per(2 * SPREAD)
    wanted = Wanted("ratio", ">=", 10, 15)
    figures = [
        Figure.against(f"all {every:,} masks of a pair, batch {settings.batch}", each, theirs, "ms/mask", wanted),
        Figure("pairs a minute", 60 / times["ours"].median, ""),
    ]
    batches = {
        str(batch): ours(network, codes, batch, batch) for batch in BATCHES[: 2 if settings.network else None]
    }
    for name, timing in alternate(batches, settings.repetitions).items():
        figures.append(Figure.timed(f"batch {name}", timing.per(2 * min(int(name), every)), "ms/mask"))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small network: does it run?")
    parser.add_argument("--out", type=Path, default=Path("bench"))
    given = parser.parse_args()
    section = Section("Masking", speed(Settings.quick() if given.quick else Settings()))
    print(section.markdown())
    write(given.out, "explaining", [section], "Explaining")


if __name__ == "__main__":
    main()
