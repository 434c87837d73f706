"""From a configuration to what training works on: table, genome, split, samples, network."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn.controls import SequenceShuffle, shuffle_labels
from epidyn.dataset import SplitData, WindowSettings, split_data
from epidyn.elements import Role, interval_hashes, locate
from epidyn.errors import ConfigError
from epidyn.files import require_file, sha256
from epidyn.genome import Genome
from epidyn.kmers import read_vectors
from epidyn.leakage import Leakage, measure
from epidyn.matrices import JASPAR, RELEASE
from epidyn.model import Model, Provenance
from epidyn.nn import EpiDynFusion, NetworkConfig
from epidyn.pairs import line_rows, pool_pairs, refuse_two_labels
from epidyn.spans import Spans, window_spans
from epidyn.splits import DISJOINT, Split, make_split
from epidyn.training.config import RunConfig
from epidyn.training.motif_stem import start_from_motifs, stem_matrices
from epidyn.training.randomness import INITIAL_WEIGHTS, borrowed_generators, seed_torch
from epidyn.training.regimes import check_regime, doubts
from epidyn.windows import DEFAULT_COPIES

log = logging.getLogger("epidyn")

# What may differ between a model and the run that starts from it: no weight depends on these.
_RATES = ("dropout", "transformer_dropout", "attention_dropout")

_STEM = "motifs of the stem"

# Share of the pairs that an element-disjoint split may leave unused without a warning.
MOST_CUT = 0.1


@dataclass(frozen=True)
class RunInputs:
    """What a run reads, and where it came from.

    Attributes
    ----------
    pairs
        The table, of all cell lines.
    tables
        Name and SHA-256 of each file that it was read from.
    digests
        What a resume compares: they change if a file or the genome does.
    leakage
        What training and test share; None without a test part.
    start
        Where the model came from that training starts from; None without one.
    """

    pairs: pd.DataFrame
    tables: list[dict[str, str]]
    split: Split
    data: SplitData
    genome_name: str
    digests: dict[str, str]
    leakage: Leakage | None
    start: Provenance | None

    @cached_property
    def seen_before(self) -> npt.NDArray[np.uint64]:
        """Hashes of the elements that the model which training starts from has seen; empty without one."""
        return np.empty(0, dtype=np.uint64) if self.start is None else self.start.interval_hashes()

    @property
    def cell_lines(self) -> list[str]:
        """Names of the cell lines, in their order."""
        return list(line_rows(self.pairs))

    def seen(self) -> npt.NDArray[np.uint64]:
        """Return the hashes of all elements that the trained model has seen, validation among them, sorted."""
        rows = np.concatenate([self.split.rows("train"), self.split.rows("validation")])
        return np.union1d(interval_hashes(self.pairs.iloc[rows]), self.seen_before)

    def test_elements_seen_before(self) -> tuple[int, int]:
        """Return how many distinct test elements the starting model has seen, and how many there are."""
        test = interval_hashes(self.pairs.iloc[self.split.rows("test")])
        return int(np.isin(test, self.seen_before).sum()), len(test)


def read_table(config: RunConfig) -> tuple[pd.DataFrame, Genome]:
    """Read the labelled table as training sees it, and open its genome; see :func:`read_inputs`."""
    pairs = pool_pairs(config.data.tables())
    check_regime(config, list(line_rows(pairs)))
    genome = Genome.open(config.data.genome)
    locate(pairs, genome)  # what it lacks is refused before anything is made of the table
    if config.training.regime == "general":
        refuse_two_labels(pairs)
    if config.data.shuffle_labels:
        pairs = shuffle_labels(pairs, seed=config.training.seed)
        log.info("control: labels are permuted within chromosome and distance bin")
    return pairs, genome


def read_inputs(config: RunConfig) -> RunInputs:
    """Read table and genome, split, and lay out the samples.

    Raises
    ------
    EpidynError
        As reading, splitting and locating raise it; PairTableError if the table has no labels.
    """
    pairs, genome = read_table(config)
    split = draw_split(config, pairs, genome)
    with genome:
        data = split_data(pairs, genome, split, **window_settings(config))
        tables = [{"name": Path(path).name, "sha256": sha256(path)} for path in config.data.tables()]
        digests = {"pairs": " ".join(table["sha256"] for table in tables), "genome": genome.digest()}
        name = genome.name
        shifts = np.isin(split.parts, ("train", "validation")) & (pairs["label"].to_numpy() == 1)
        leakage = measure(pairs, split, _spans(config, pairs, genome, copies=data.copies, shifts=shifts))
    if config.training.init_stem == JASPAR:
        digests[_STEM] = f"{JASPAR} {RELEASE}"
    read = {
        "k-mer vectors": config.data.kmer_vectors,
        "init": config.training.init,
        _STEM: None if config.training.init_stem == JASPAR else config.training.init_stem,
        "motifs": config.motif_pairs.motifs,
    }
    for name_, path in read.items():
        if path is not None:
            digests[name_] = sha256(require_file(path, name_))
    start = None if config.training.init is None else Model.load(config.training.init).provenance
    return RunInputs(pairs, tables, split, data, name, digests, leakage, start)


def of_other_settings(inputs: RunInputs, config: RunConfig) -> RunInputs:
    """Return the same table, genome and split with the windows that other settings ask for."""
    with Genome.open(config.data.genome) as genome:
        data = split_data(inputs.pairs, genome, inputs.split, **window_settings(config))
    return replace(inputs, data=data)


def draw_split(config: RunConfig, pairs: pd.DataFrame, genome: Genome) -> Split:
    """Split the table that :func:`read_table` returns; raises as :func:`epidyn.splits.make_split`."""
    copies = config.training.copies
    return make_split(
        pairs,
        config.split.split,
        config.split.validation,
        fold=config.split.fold,
        seed=config.training.seed,
        test_fraction=config.split.test_fraction,
        validation_fraction=config.split.validation_fraction,
        # How many copies balance the labels is not known before the split; it is never more.
        spans=_spans(config, pairs, genome, copies=DEFAULT_COPIES if copies == "balanced" else copies),
        pool=config.split.pool,
    )


def window_settings(config: RunConfig) -> WindowSettings:
    """Return what decides the windows of a split's parts."""
    change = None
    if config.data.shuffle_sequence is not None:
        change = SequenceShuffle(config.training.seed)
        log.info("control: the bases of each element are shuffled; counts of dinucleotides stay")
    return {
        "lengths": config.lengths,
        "copies": config.training.copies,
        "step": config.training.step,
        "validation_fraction": config.split.validation_fraction,
        "seed": config.training.seed,
        "change": change,
    }


def _spans(
    config: RunConfig,
    pairs: pd.DataFrame,
    genome: Genome,
    *,
    copies: int,
    shifts: npt.NDArray[np.bool_] | None = None,
) -> dict[Role, Spans]:
    sizes = {role: location.size for role, location in locate(pairs, genome).items()}
    return window_spans(
        pairs, lengths=config.lengths, step=config.training.step, sizes=sizes, copies=copies, shifts=shifts
    )


def initial_network(config: RunConfig) -> tuple[EpiDynFusion, dict[str, str]]:
    """Build the network that training starts from, and say where its k-mer vectors and its stem came from.

    Raises
    ------
    ConfigError
        If ``init`` is given with k-mer vectors, or with a network of another shape.
    KmerVectorError, ModelFileError, MatrixError, InputFileError
        If a file cannot be used.
    """
    if config.training.init is not None:
        return _from_model(config, config.training.init)
    vectors: npt.NDArray[np.float32] | None = None
    origin = f"initial (seed {config.training.seed})"
    if config.data.kmer_vectors is not None:
        vectors = read_vectors(config.data.kmer_vectors)
        origin = f"{Path(config.data.kmer_vectors).name} (sha256 {sha256(config.data.kmer_vectors)})"
    with borrowed_generators():
        seed_torch(config.training.seed, INITIAL_WEIGHTS)
        network = EpiDynFusion(config.network, vectors)
    if config.training.init_stem is None:
        return network, {"kmer_vectors": origin}
    matrices, words = stem_matrices(config.training.init_stem)
    motifs = start_from_motifs(network, matrices)
    return network, {"kmer_vectors": origin, "stem": f"{motifs} motifs of {words}"}


def init_network_settings(path: str) -> dict[str, object]:
    """Return the network configuration of the model at ``path``, as settings for a run that starts from it."""
    return _network(path).config.model_dump()


def _network(path: str) -> EpiDynFusion:
    """Return the network of a model file; ConfigError if it is of another kind."""
    try:
        return Model.load(path).network
    except ConfigError as error:
        raise ConfigError(f"--init {path}: {error} Give one of that kind.") from error


def _from_model(config: RunConfig, path: str) -> tuple[EpiDynFusion, dict[str, str]]:
    if config.data.kmer_vectors is not None:
        raise ConfigError("kmer_vectors has no effect with init, whose model holds its own. Leave one out.")
    start = _network(path)
    differing = [
        f"network.{name}: {getattr(config.network, name)}, the model has {getattr(start.config, name)}"
        for name in NetworkConfig.model_fields
        if name not in _RATES and getattr(config.network, name) != getattr(start.config, name)
    ]
    if differing:
        raise ConfigError(f"a run that starts from {path} must keep its network:", differing)
    with borrowed_generators():
        network = EpiDynFusion(config.network)
    network.load_state_dict(start.state_dict())
    return network, {"kmer_vectors": f"of {Path(path).name} (sha256 {sha256(path)})"}


def report_inputs(config: RunConfig, inputs: RunInputs) -> None:
    """Log how many pairs and windows each part has, what training and test share, and what is doubtful."""
    split, data = inputs.split, inputs.data
    labels = inputs.pairs["label"].to_numpy()
    if len(inputs.cell_lines) > 1:
        for line, rows in line_rows(inputs.pairs).items():
            test = rows[split.parts[rows] == "test"]
            log.info("%s: %d pairs, %d of them test (%d positive)", line, len(rows), len(test), labels[test].sum())
    for part in ("train", "validation", "test"):
        of_part = labels[split.rows(part)]
        windows = getattr(data, part)
        log.info(
            "%s: %d pairs (%d positive), %d window pairs (%d positive)",
            part,
            len(of_part),
            of_part.sum(),
            len(windows),
            windows.label.sum(),
        )
    if inputs.leakage is not None:
        log.log(logging.WARNING if inputs.leakage.leaks else logging.INFO, "%s", inputs.leakage.words())
    known, elements = inputs.test_elements_seen_before()
    if known:
        log.warning("the model that training starts from has seen %d of the %d test elements", known, elements)
    if inputs.start is not None:
        for doubt in doubts(config, inputs.start, split, inputs.cell_lines):
            log.warning("%s", doubt)
    _report_unused(split)
    log.info("regime %s", config.training.regime)
    log.info("split %s, validation %s, %d shifted copies of a positive", split.name, split.validation, data.copies)


def _report_unused(split: Split) -> None:
    if split.left_out:
        log.info("pool strict: %d pairs left out, whose elements another cell line tests", split.left_out)
    cut = len(split.rows("unused")) - split.left_out
    if not cut:
        return
    why = ", which two parts would share" if split.kind == DISJOINT else ""
    level = logging.INFO
    if split.kind == DISJOINT and cut > MOST_CUT * len(split.parts):
        level = logging.WARNING
        why += f"; more than {MOST_CUT:.0%}: those left may be unlike the table. Consider --split loco"
    log.log(level, "unused: %d of %d pairs%s", cut, len(split.parts), why)
