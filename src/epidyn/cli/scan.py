"""``epidyn scan``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar, cast

import typer

from epidyn.cli.options import Force, Quiet, given
from epidyn.errors import ConfigError

if TYPE_CHECKING:
    from epidyn.regions import Unit
    from epidyn.scan.run import PromoterSource

Value = TypeVar("Value")

_WITHOUT_SCORING = {"out", "merge", "plot_locus", "gtf", "force", "quiet"}


def scan(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Table to write, NAME.tsv.gz: bgzipped, with a tabix index.")],
    model: Annotated[Path | None, typer.Option(help="Model file.")] = None,
    genome: Annotated[
        str | None, typer.Option(help="FASTA (plain or bgzipped), 2bit, or random:hg19[:SEED].", metavar="GENOME")
    ] = None,
    enhancers: Annotated[Path | None, typer.Option(help="Enhancers (BED, maybe gzipped).")] = None,
    promoters: Annotated[Path | None, typer.Option(help="Promoters (BED, maybe gzipped).")] = None,
    gtf: Annotated[
        Path | None, typer.Option(help="Gene models in place of --promoters (GTF, maybe gzipped).")
    ] = None,
    promoter_of: Annotated[
        str | None, typer.Option(help="gene (its most upstream TSS; default) or transcript.")
    ] = None,
    upstream: Annotated[int | None, typer.Option(help="Bases before the TSS; default 1000.")] = None,
    downstream: Annotated[int | None, typer.Option(help="Bases behind the TSS; default 1000.")] = None,
    max_distance: Annotated[int, typer.Option(help="Between midpoints of enhancer and promoter.")] = 1_000_000,
    threshold: Annotated[float | None, typer.Option(help="Leave out pairs of lower probability.")] = None,
    top_k: Annotated[int | None, typer.Option(help="Keep so many pairs of each promoter.")] = None,
    prevalence: Annotated[
        float | None, typer.Option(help="Share of interacting pairs where the probabilities are to hold.")
    ] = None,
    shard: Annotated[str | None, typer.Option(help="i/n: do share i of n alone.")] = None,
    merge: Annotated[
        list[Path] | None, typer.Option(help="A finished shard, once for each; nothing else is done.")
    ] = None,
    plot_locus: Annotated[
        str | None, typer.Option(help="chr1:1,000,000-2,000,000: draw it; without --model from what --out holds.")
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Pairs scored at once.")] = 64,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ...")] = "cpu",
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Score all pairs of enhancers and promoters within reach; goes on after a kill."""
    from epidyn.scan.locus import Locus
    from epidyn.scan.locus import plot_locus as draw

    locus = None if plot_locus is None else Locus.parse(plot_locus)
    if merge:
        _refuse_without_use(context, "--merge")
        from epidyn.scan.merge import merge as put_together

        put_together(merge, out, force=force)
    elif model is None and locus is not None:
        _refuse_without_use(context, "--plot-locus without --model")
    else:
        from epidyn.genome import Genome
        from epidyn.scan.plan import Shard
        from epidyn.scan.run import ScanSettings
        from epidyn.scan.run import scan as score

        settings = ScanSettings(max_distance, threshold, top_k, prevalence, batch_size)
        share = None if shard is None else Shard.parse(shard)
        source = _source(promoters, gtf, promoter_of, upstream, downstream)
        model, enhancers = _needed(model, "--model"), _needed(enhancers, "--enhancers")
        with Genome.open(_needed(genome, "--genome")) as opened:
            score(model, opened, enhancers, source, out, settings, shard=share, device=device, force=force)
    if locus is not None:
        print(draw(out, locus, gtf))


def _refuse_without_use(context: typer.Context, option: str) -> None:
    """Refuse what only scoring needs, where nothing is scored."""
    useless = [name for name in context.params if name not in _WITHOUT_SCORING and given(context, name)]
    if useless:
        listed = ", ".join(f"--{name.replace('_', '-')}" for name in useless)
        raise ConfigError(f"{option} reads finished scans and scores nothing. Leave out {listed}.")


def _needed(value: Value | None, option: str) -> Value:
    if value is None:
        raise ConfigError(
            f"{option} is missing. A scan needs --model, --genome, --enhancers, and --promoters or --gtf."
        )
    return value


def _source(
    promoters: Path | None, gtf: Path | None, unit: str | None, upstream: int | None, downstream: int | None
) -> PromoterSource:
    from epidyn.scan.run import DEFAULT_FLANK, PromoterSource

    if (promoters is None) == (gtf is None):
        raise ConfigError("give either --promoters (BED) or --gtf (gene models).")
    if promoters is not None:
        if (unit, upstream, downstream) != (None, None, None):
            raise ConfigError(
                "--promoter-of, --upstream and --downstream belong to --gtf; --promoters are as they are."
            )
        return PromoterSource(promoters)
    flanks = [DEFAULT_FLANK if flank is None else flank for flank in (upstream, downstream)]
    return PromoterSource(_needed(gtf, "--gtf"), cast("Unit", unit or "gene"), *flanks)
