"""From a configuration to chromosomes, pairs and truth, all in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn import progress
from epidyn.simulate.cell_lines import share_out
from epidyn.simulate.config import RULES, SimulationConfig
from epidyn.simulate.grammar import Grammar, draw_grammar
from epidyn.simulate.layout import Ints, lay_out
from epidyn.simulate.motifs import Codes
from epidyn.simulate.plant import TRUTH_COLUMNS, Elements, draw_background, plant


@dataclass(frozen=True, eq=False)
class Simulation:
    """A simulated genome, its pairs and the truth behind them. All coordinates are 0-based, half-open.

    Parameters
    ----------
    config
        What it was made from.
    chromosomes
        Base codes of each chromosome, shape ``(size,)``.
    pairs
        A pair table with ``label``, ``cell_line`` and the names of the elements, and a column ``rule``
        (presence, pairing or propensity). An enhancer has one pair, a promoter ``config.pairs_per_promoter``, and
        of several cell lines each has either or not.
    truth
        Everything planted, sorted by chromosome and start, one row an instance: ``chrom``, ``start``,
        ``end``, ``name`` (matrix and class, as ``MA0476.1|AP-1``; ``scrambled``), ``score`` (0 to 1000: its
        log-odds score as a share of the best that its matrix allows; 0 if scrambled), ``strand``,
        ``element_name``, ``role`` (of the element: enhancer, promoter), ``class`` (of the motif; a decoy's
        own name; ``.`` if scrambled) and ``kind`` (motif, decoy, scrambled).
    """

    config: SimulationConfig
    chromosomes: dict[str, Codes]
    pairs: pd.DataFrame
    truth: pd.DataFrame


def simulate(config: SimulationConfig) -> Simulation:
    """Simulate a genome with enhancer-promoter pairs whose labels follow known rules.

    Every chromosome draws from a stream of its own, so chr3 is the same whether 3 or 30 are made. Memory is
    one byte a base (about 7 kb a pair with the published windows), the tables, and as much again for the
    largest chromosome while it is drawn.

    Parameters
    ----------
    config
        See :class:`SimulationConfig`, and :func:`configure` for one with our errors.
    """
    chromosomes: dict[str, Codes] = {}
    pairs, truth = [], []
    streams = np.random.SeedSequence(config.seed).spawn(config.chromosomes)
    with progress.bar("simulating", config.chromosomes) as advance:
        for number, stream in enumerate(streams, start=1):
            chrom = f"chr{number}"
            rng = np.random.default_rng(stream)
            chromosomes[chrom], chromosome_pairs, chromosome_truth = _simulate_chromosome(rng, config, chrom)
            lines = np.random.default_rng(stream.spawn(1)[0])  # the genome is the same whatever the lines
            pairs.append(share_out(lines, chromosome_pairs, config.cell_lines, config.shared))
            truth.append(chromosome_truth)
            advance(1)
    return Simulation(
        config, chromosomes, pd.concat(pairs, ignore_index=True), pd.concat(truth, ignore_index=True)
    )


def _simulate_chromosome(
    rng: np.random.Generator, config: SimulationConfig, chrom: str
) -> tuple[Codes, pd.DataFrame, pd.DataFrame]:
    grammar = draw_grammar(rng, config)
    layout = lay_out(rng, config, len(grammar.enhancers.real), len(grammar.promoters.real))
    sides = [
        Elements(
            "enhancer",
            _names(chrom, "enhancer", layout.enhancer_start),
            layout.enhancer_start,
            layout.enhancer_end,
            grammar.enhancers,
        ),
        Elements(
            "promoter",
            _names(chrom, "promoter", layout.promoter_start),
            layout.promoter_start,
            layout.promoter_end,
            grammar.promoters,
        ),
    ]
    sequence = draw_background(rng, layout.size)
    truth = pd.concat([plant(rng, config, sequence, side) for side in sides]).sort_values("start")
    truth.insert(0, "chrom", chrom)
    return sequence, _pair_table(chrom, grammar, sides[0], sides[1]), truth[list(TRUTH_COLUMNS)]


def _names(chrom: str, role: str, start: Ints) -> npt.NDArray[np.object_]:
    """Return names that count elements along the chromosome, so that they tell nothing but the place."""
    rank = np.empty(len(start), dtype=np.int64)
    rank[np.argsort(start)] = np.arange(1, len(start) + 1)
    return np.array([f"{chrom}_{role}_{number}" for number in rank], dtype=object)


def _pair_table(chrom: str, grammar: Grammar, enhancers: Elements, promoters: Elements) -> pd.DataFrame:
    promoter = grammar.promoter
    return pd.DataFrame(
        {
            "enhancer_chrom": chrom,
            "enhancer_start": enhancers.start,
            "enhancer_end": enhancers.end,
            "promoter_chrom": chrom,
            "promoter_start": promoters.start[promoter],
            "promoter_end": promoters.end[promoter],
            "label": grammar.label,
            "cell_line": "",
            "enhancer_name": enhancers.names,
            "promoter_name": promoters.names[promoter],
            "rule": np.array(RULES, dtype=object)[grammar.rule],
        }
    )
