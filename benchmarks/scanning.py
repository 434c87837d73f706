"""Speed and memory of scan: all pairs within 1 Mb of elements drawn along chr1 of a random genome.

The default, 20,000 enhancers and 2,000 promoters, is some 320,000 pairs: most of an hour on one core. The scan
runs in a fresh process, whose peak memory is so its own; what it reads and writes counts.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from measure import Figure, Section, Wanted, run_apart, write
from subjects import GENOME, Settings, save_model

from epidyn import Genome
from epidyn.scan.merge import read_settings
from epidyn.scan.run import PromoterSource, ScanSettings, scan

ENHANCERS, PROMOTERS = 20_000, 2_000
CHROM, LENGTHS = "chr1", {"enhancers": 700, "promoters": 500}


def write_elements(path: Path, count: int, length: int, span: int, seed: int) -> None:
    """Write elements drawn evenly from the first ``span`` bases of the chromosome."""
    starts = np.random.default_rng(seed).integers(0, span - length, count)
    path.write_text("".join(f"{CHROM}\t{start}\t{start + length}\n" for start in starts.tolist()))


def scan_folder(folder: Path, batch_size: int) -> int:
    """Scan the folder's elements with its model; return the number of pairs."""
    source, out = PromoterSource(folder / "promoters.bed"), folder / "scan.tsv.gz"
    settings = ScanSettings(batch_size=batch_size)
    with Genome.open(GENOME) as genome:
        scan(folder / "model.safetensors", genome, folder / "enhancers.bed", source, out, settings)
    return int(read_settings(out)["pairs"])


def measured(settings: Settings, counts: dict[str, int]) -> list[Figure]:
    with tempfile.TemporaryDirectory() as name, Genome.open(GENOME) as genome:
        folder = Path(name)
        save_model(settings.config, folder / "model.safetensors")
        for seed, (what, count) in enumerate(counts.items()):
            write_elements(folder / f"{what}.bed", count, LENGTHS[what], genome.sizes[CHROM], seed)
        run = run_apart(scan_folder, folder, settings.batch, apart=settings.apart)
    described = f"{counts['enhancers']:,} enhancers, {counts['promoters']:,} promoters"
    return [
        Figure(f"pairs within 1 Mb, {described}", run.result, "pairs"),
        Figure("speed, all included", run.result / run.seconds, "pairs/s"),
        Figure("peak memory", run.peak_bytes / 1e6, "MB", wanted=(Wanted("value", "<=", 3000),)),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small network and few elements: does it run?")
    parser.add_argument("--enhancers", type=int, default=ENHANCERS)
    parser.add_argument("--promoters", type=int, default=PROMOTERS)
    parser.add_argument("--out", type=Path, default=Path("bench"))
    given = parser.parse_args()
    counts = {"enhancers": given.enhancers, "promoters": given.promoters}
    if given.quick:
        counts = {"enhancers": 600, "promoters": 40}
    section = Section("Scanning", measured(Settings.quick() if given.quick else Settings(), counts))
    print(section.markdown())
    write(given.out, "scanning", [section], "Scanning")


if __name__ == "__main__":
    main()
