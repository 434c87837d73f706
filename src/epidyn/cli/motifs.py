"""``epidyn motifs``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from epidyn.cli.options import Force, GenomeSpec, Quiet


def motifs(
    explained: Annotated[Path, typer.Argument(help="Folder that epidyn explain wrote.")],
    genome: GenomeSpec,
    out: Annotated[
        Path, typer.Option(help="Folder to make: motifs.html, motifs.meme, motifs.tsv, logos and more.")
    ],
    element: Annotated[str, typer.Option(help="both, enhancer or promoter.")] = "both",
    clusters: Annotated[int, typer.Option(help="Clusters that the important segments make.")] = 10,
    top_share: Annotated[float, typer.Option(help="Share of all masks that may be important.")] = 0.01,
    flank: Annotated[int, typer.Option(help="Bases beside a segment in which a motif may lie, too.")] = 5,
    min_width: Annotated[int, typer.Option(help="Of a motif, positions.")] = 6,
    max_width: Annotated[int, typer.Option(help="Of a motif, positions.")] = 15,
    engine: Annotated[
        str, typer.Option(help="builtin, meme (the program), or modisco (on --method saturation).")
    ] = "builtin",
    jaspar_release: Annotated[str, typer.Option(help="JASPAR2014 and later.")] = "JASPAR2020",
    jaspar_collections: Annotated[str, typer.Option(help="With commas between them.")] = "CORE,CNE",
    seed: Annotated[int, typer.Option(help="Of the controls, and of the third that is kept for the test.")] = 0,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Find the motifs in what epidyn explain found important, compare them with JASPAR, test their enrichment."""
    from epidyn.errors import ConfigError
    from epidyn.files import refuse_filled_folder
    from epidyn.genome import Genome
    from epidyn.interpret.effects import read_effects
    from epidyn.interpret.motif_report import write_motifs
    from epidyn.interpret.motifs import MotifSettings, find_motifs

    settings = MotifSettings(
        element=element,
        share=top_share,
        clusters=clusters,
        flank=flank,
        widths=(min_width, max_width),
        engine=engine,
        release=jaspar_release,
        collections=tuple(name.strip() for name in jaspar_collections.split(",") if name.strip()),
        seed=seed,
    )
    refuse_filled_folder(out, force=force)
    if out.exists() and explained.exists() and out.samefile(explained):
        raise ConfigError(f"--out {out} is the explained folder. Give another.")
    with Genome.open(genome) as opened:
        report = find_motifs(read_effects(explained), opened, settings)
    page = write_motifs(report, out, force=force)
    table = report.motifs.table
    shown = ["motif", "consensus", "match_name", "match_q", "hits", "segments", "control_hits", "enrichment_q"]
    print(table[shown].to_string(index=False, float_format=lambda value: f"{value:.1g}"))
    print(
        f"\n{int(table['supported'].sum())} of {len(table)} motifs resemble one of {settings.release} and are "
        f"enriched, both q < 0.05; of {len(report.control_motifs.table)} from control segments, "
        f"{int(report.control_motifs.table['supported'].sum())}\n{page}"
    )
