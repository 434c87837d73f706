"""A simulation as files."""

from __future__ import annotations

import os
from pathlib import Path

from epidyn.files import atomic_path, prepare_output_folder, write_json, write_text
from epidyn.genome.write import write_fasta
from epidyn.pairs import write_pairs
from epidyn.simulate.generate import Simulation
from epidyn.simulate.motifs import load_motifs

# The index is not written here, but one left by an earlier genome of this name would not fit.
FILES = (
    "genome.fa",
    "genome.fa.fai",
    "genome.chrom.sizes",
    "pairs.csv",
    "truth.bed",
    "families.json",
    "simulation.json",
)


def write_simulation(simulation: Simulation, folder: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Write a simulation to a folder, and return it.

    ``genome.fa``; ``genome.chrom.sizes`` (names and sizes; ``random:`` before its path makes the same pairs lie on
    meaningless bases); ``pairs.csv`` (0-based, half-open, as :func:`epidyn.read_pairs` reads it), and if there are
    several cell lines ``pairs.LINE.csv`` of each; ``truth.bed``
    (BED6 and four more columns, 0-based, half-open, named in a first line that starts with ``#``: see
    :class:`Simulation`); ``families.json`` (the classes in use, the matrix that enhancers and promoters of
    each carry, other JASPAR matrices that count as the same class, and the decoys); ``simulation.json`` (the
    configuration).

    Parameters
    ----------
    simulation
        What :func:`simulate` returned.
    folder
        Made if it does not exist.
    force
        Write into a folder that is not empty, and replace files of these names.

    Raises
    ------
    OutputError
        If the folder is not empty (without ``force``), is a file, or cannot be written to.
    """
    own = [*FILES, *(path.name for path in Path(folder).glob("pairs.*.csv"))]
    folder = prepare_output_folder(folder, force=force, own=own)
    write_fasta(folder / "genome.fa", simulation.chromosomes)
    sizes = [f"{chrom}\t{len(codes)}\n" for chrom, codes in simulation.chromosomes.items()]
    write_text(folder / "genome.chrom.sizes", "".join(sizes))
    write_pairs(simulation.pairs, folder / "pairs.csv")
    if len(simulation.config.cell_lines) > 1:
        for line, pairs in simulation.pairs.groupby("cell_line"):
            write_pairs(pairs, folder / f"pairs.{line}.csv")
    with atomic_path(folder / "truth.bed") as path:
        header = simulation.truth.rename(columns={"chrom": "#chrom"})
        header.to_csv(path, sep="\t", index=False, lineterminator="\n")
    families = dict(load_motifs().families)
    families["families"] = families["families"][: simulation.config.classes]
    write_json(folder / "families.json", families)
    write_text(folder / "simulation.json", simulation.config.model_dump_json(indent=2) + "\n")
    return folder
