"""Explain the confident pairs of a table: how the score changes with each run of bases."""

from __future__ import annotations

import json
import logging
import os
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn import __version__, progress, windows
from epidyn.controls import SequenceShuffle
from epidyn.elements import ROLES, Codes, Role, locate
from epidyn.errors import ConfigError, PairTableError
from epidyn.fetch import located
from epidyn.files import (
    atomic_path,
    prepare_output_folder,
    refuse_filled_folder,
    sha256,
    write_text,
    writing_text,
)
from epidyn.genome import Genome
from epidyn.interpret.arrays import ARRAYS, write_arrays
from epidyn.interpret.effects import (
    EFFECTS,
    FORMAT_VERSION,
    METHODS,
    PAIRS,
    SETTINGS,
    EffectsFolder,
    effect_columns,
)
from epidyn.interpret.gradients import INTEGRATION_POINTS, estimated_effects, kmer_shares
from epidyn.interpret.mutagenesis import (
    DEFAULT_STEP,
    DEFAULT_WIDTH,
    Perturbations,
    letters,
    masks,
    substitutions,
)
from epidyn.interpret.profiles import PROFILES, write_profiles
from epidyn.interpret.scans import make_scan
from epidyn.interpret.tracks import TRACKS, write_tracks
from epidyn.locks import alone_in
from epidyn.model import Model
from epidyn.pairs import iter_pairs
from epidyn.parts import Parts
from epidyn.predict import CHUNK_ROWS, mention_other_genome
from epidyn.scores import with_scores
from epidyn.scoring import DEFAULT_BATCH_SIZE, check_batch_size
from epidyn.stems import StemCache

log = logging.getLogger("epidyn")

Method = Literal["mask", "saturation", "gradient", "integrated"]
Element = Literal["both", "enhancer", "promoter"]
Replacement = Literal["N", "shuffle"]
REPLACEMENTS = ("N", "shuffle")
DEFAULT_SHUFFLES = 3
ELEMENTS = ("both", *ROLES)
DEFAULT_MIN_PROBABILITY = 0.95
GRADIENT_POINTS = {"gradient": 1, "integrated": INTEGRATION_POINTS}
_OWN = (SETTINGS, PAIRS, EFFECTS, *TRACKS.values(), *PROFILES.values(), *ARRAYS)
PART_PAIRS = 8  # a kill loses at most this many pairs


@dataclass(frozen=True)
class ExplainSettings:
    """What is explained, and how.

    Parameters
    ----------
    method
        ``mask``: runs of bases replaced by N; ``saturation``: each base by each other; ``gradient``,
        ``integrated``: estimates of what ``mask`` gives, from gradients.
    width, step
        Of the masks, in bases.
    element
        Which elements are perturbed.
    min_probability
        Pairs below it are left out; not looked at where ``top`` is given.
    top
        Explain this many pairs with the highest scores.
    label
        Only pairs with this label, 0 or 1; the table then needs labels.
    replace
        What ``mask`` puts in place: ``N``, or ``shuffle``: what stands there in the window with its bases
        shuffled so that every dinucleotide occurs as often.
    shuffles, seed
        How many shuffles of each window, whose effects are averaged, and their seed.
    """

    method: Method = "mask"
    width: int = DEFAULT_WIDTH
    step: int = DEFAULT_STEP
    element: Element = "both"
    min_probability: float = DEFAULT_MIN_PROBABILITY
    top: int | None = None
    label: int | None = None
    replace: Replacement = "N"
    shuffles: int = DEFAULT_SHUFFLES
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ConfigError(f"--method is {self.method!r}; it must be one of {', '.join(METHODS)}.")
        if self.element not in ELEMENTS:
            raise ConfigError(f"--element is {self.element!r}; it must be one of {', '.join(ELEMENTS)}.")
        if not 0 <= self.min_probability <= 1:
            raise ConfigError(f"--min-probability is {self.min_probability}; it must be between 0 and 1.")
        if self.top is not None and self.top < 1:
            raise ConfigError(f"--top is {self.top}; it must be 1 or more.")
        if self.label not in (None, 0, 1):
            raise ConfigError(f"--label is {self.label}; it must be 0 or 1.")
        if self.replace not in REPLACEMENTS:
            raise ConfigError(f"--replace is {self.replace!r}; it must be one of {', '.join(REPLACEMENTS)}.")
        if self.replace == "shuffle" and self.method != "mask":
            raise ConfigError(f"--replace shuffle goes with --method mask, not with {self.method}.")
        if self.shuffles < 1:
            raise ConfigError(f"--shuffles is {self.shuffles}; it must be 1 or more.")
        if self.seed < 0:
            raise ConfigError(f"--seed is {self.seed}; it must be 0 or more.")

    @property
    def roles(self) -> tuple[Role, ...]:
        """The elements that are perturbed."""
        return tuple(role for role in ROLES if self.element in ("both", role))

    def perturbations(self, codes: Codes) -> list[Perturbations]:
        """Return what is tried on a window (length,): one set, or one a shuffle, all of the same places."""
        if self.method == "saturation":
            return [substitutions(codes)]
        if self.replace == "N":
            return [masks(len(codes), self.width, self.step)]
        return [
            masks(len(codes), self.width, self.step, other=self._shuffled(codes, number))
            for number in range(self.shuffles)
        ]

    def _shuffled(self, codes: Codes, number: int) -> Codes:
        """Return a window with its bases shuffled; which way follows from them, the seed and the number alone."""
        shuffled = codes.copy()
        SequenceShuffle(self.seed * self.shuffles + number)(shuffled, np.array([0]), np.array([len(codes)]))
        return shuffled


def explain_table(
    model_path: str | os.PathLike[str],
    pairs: str | os.PathLike[str],
    genome: Genome,
    out: str | os.PathLike[str],
    settings: ExplainSettings | None = None,
    *,
    batch_size: int = DEFAULT_BATCH_SIZE,
    force: bool = False,
    part_pairs: int = PART_PAIRS,
) -> int:
    """Score a pair table, perturb the pairs that are chosen, and write the effects; see :mod:`.effects`.

    What is done is kept beside ``out``, in ``OUT.partial``; the same call after a kill goes on there and gives
    the same files.

    Parameters
    ----------
    model_path, pairs, genome
        As :func:`epidyn.predict.predict_table`.
    out
        The folder; made if missing.
    settings
        Which pairs, and how they are changed.
    batch_size
        Perturbations scored at once; the result does not depend on it.
    force
        Replace what is in ``out``, and drop what another call left unfinished.
    part_pairs
        Pairs a part; a kill loses at most one.

    Returns
    -------
    int
        The number of explained pairs.

    Raises
    ------
    PairTableError
        If no pair is chosen; says how many there are and the highest probability. Or if labels are missing.
    OutputError
        If ``out`` is not empty, without ``force``; or ``OUT.partial`` is of another call.
    ConfigError
        If gradients are asked of a model without a network, or a setting does not fit its windows.
    """
    settings = settings or ExplainSettings()
    check_batch_size(batch_size)
    pairs = located(pairs)
    force_out = force or _half_made(out)
    refuse_filled_folder(out, force=force_out)
    model = Model.load(model_path)
    if settings.method in GRADIENT_POINTS:
        _ = model.network  # refuses a model of another kind
    mention_other_genome(model, genome)
    for role in settings.roles if settings.method != "saturation" else ():
        masks(model.scorer.lengths[role], settings.width, settings.step)
    chosen = choose(model, pairs, genome, settings, batch_size=batch_size)
    origin = {
        "format": FORMAT_VERSION,
        **asdict(settings),
        "batch_size": batch_size,
        "part_pairs": part_pairs,
        "model": {"name": Path(model_path).name, "sha256": sha256(model_path)},
        "pairs": {"name": Path(pairs).name, "sha256": sha256(pairs)},
        "genome": {"name": genome.name, "digest": genome.digest()},
        "windows": dict(model.scorer.lengths),
        "version": __version__,
    }
    parts = _Parts(out, origin, force=force)
    numbers = range(0, len(chosen), part_pairs)
    with alone_in(parts.folder), progress.bar("Explaining pairs", len(chosen)) as advance:
        for number, at in enumerate(numbers):
            part = chosen.iloc[at : at + part_pairs]
            if not parts.holds(number, set(part["pair"])):
                parts.write(number, _effects(model, part, genome, settings, batch_size), header=number == 0)
            advance(len(part))
        _put_together(
            Path(out), chosen, parts, len(numbers), {**origin, "explained": len(chosen)}, force=force_out
        )
    log.info("explained %s pairs: %s", f"{len(chosen):,}", out)
    return len(chosen)


def choose(
    model: Model,
    pairs: str | os.PathLike[str],
    genome: Genome,
    settings: ExplainSettings,
    *,
    batch_size: int = DEFAULT_BATCH_SIZE,
    chunk_rows: int = CHUNK_ROWS,
) -> pd.DataFrame:
    """Score a table in chunks and return the pairs to explain, in row order, with ``pair`` and their scores.

    Raises
    ------
    PairTableError
        If there is none, or a label is asked for that the table lacks.
    """
    stems = StemCache(model.scorer)
    kept: list[pd.DataFrame] = []
    scored, highest = 0, 0.0
    size = Path(pairs).stat().st_size if Path(pairs).is_file() else None
    with progress.bar("Choosing pairs", size) as advance:
        for chunk in iter_pairs(pairs, rows=chunk_rows, on_bytes=advance):
            wanted = labelled(chunk, settings.label, pairs)
            logits = model.predict_logits(wanted, genome, batch_size=batch_size, stems=stems)
            scores = with_scores(wanted, logits, model.probabilities(logits)).drop(columns="pair", errors="ignore")
            scores.insert(0, "pair", wanted.index)
            scored += len(scores)
            highest = max(highest, float(scores["probability"].max()) if len(scores) else 0.0)
            kept = _keep([*kept, scores], settings)
    chosen = pd.concat(kept).sort_values("pair") if kept else pd.DataFrame()
    if chosen.empty:
        which = "" if settings.label is None else f" with label {settings.label}"
        raise PairTableError(
            f"{pairs}: none of the {scored:,} pairs{which} has a probability of at least "
            f"{settings.min_probability:g}; the highest is {highest:.4g}. Lower --min-probability, or give --top."
        )
    return chosen


def labelled(chunk: pd.DataFrame, label: int | None, pairs: str | os.PathLike[str]) -> pd.DataFrame:
    """Return the pairs of a label, all if it is None; ``pairs`` names the table if it has no labels."""
    if label is None:
        return chunk
    if "label" not in chunk:
        raise PairTableError(f"{pairs} has no column 'label', which --label needs. Leave --label out.")
    return chunk[chunk["label"] == label]


def _keep(scored: list[pd.DataFrame], settings: ExplainSettings) -> list[pd.DataFrame]:
    """Return of all chunks so far what may be explained."""
    if settings.top is None:
        return [*scored[:-1], scored[-1][scored[-1]["probability"] >= settings.min_probability]]
    ranked = pd.concat(scored).sort_values(["logit", "pair"], ascending=[False, True])
    return [ranked.head(settings.top)]


def _effects(
    model: Model, part: pd.DataFrame, genome: Genome, settings: ExplainSettings, batch_size: int
) -> pd.DataFrame:
    """Perturb some pairs; return their rows of the effects."""
    tables = []
    of_distances = model.distance_logits(part).tolist()
    for (pair, placed), of_distance in zip(placed_windows(model, part, genome), of_distances, strict=True):
        codes = {
            role: genome.fetch(chrom, start, start + length) for role, (chrom, start, length) in placed.items()
        }
        scan = make_scan(model.scorer, codes, batch_size=batch_size)
        for role in settings.roles:
            chrom, start, _ = placed[role]
            tried = settings.perturbations(codes[role])
            changes = tried[0]
            if settings.method in GRADIENT_POINTS:
                shares = kmer_shares(model.network, codes, role, GRADIENT_POINTS[settings.method])
                logits = scan.logit - estimated_effects(shares, changes)[None]
            else:
                logits = np.stack([scan.logits(role, each) for each in tried])
            table = _table(model, role, changes, scan.logit + of_distance, logits + of_distance)
            first = start + changes.offset
            table = table.assign(
                pair=pair,
                chrom=chrom,
                start=np.maximum(first, 0),
                end=np.minimum(first + changes.width, genome.sizes[chrom]),
            )
            if settings.method == "saturation":
                table = table.assign(ref=letters(codes[role][changes.offset][:, None]), alt=letters(changes.bases))
            tables.append(table[table["start"] < table["end"]])  # the rest masks what lies outside the chromosome
    return pd.concat(tables)[effect_columns(settings.method)]


def _table(
    model: Model, role: Role, changes: Perturbations, logit: float, changed: npt.NDArray[np.float64]
) -> pd.DataFrame:
    """Return the effects of changes, the mean over several ways to make them; ``changed`` is (ways, changes)."""
    logits = np.concatenate([[logit], changed.ravel()])
    probabilities = model.probabilities(logits).astype(np.float64)
    return pd.DataFrame(
        {
            "role": role,
            "offset": changes.offset,
            "effect": (logits[0] - changed).mean(axis=0),
            "probability_effect": (probabilities[0] - probabilities[1:].reshape(changed.shape)).mean(axis=0),
        }
    )


def placed_windows(
    model: Model, part: pd.DataFrame, genome: Genome
) -> Iterator[tuple[int, dict[Role, tuple[str, int, int]]]]:
    """Yield each pair's number, and chromosome, start and length of its windows."""
    located, starts = locate(part, genome), {}
    for role in ROLES:
        start, end = part[f"{role}_start"].to_numpy(), part[f"{role}_end"].to_numpy()
        starts[role] = windows.central(start, end, model.scorer.lengths[role], located[role].size)
    for row, pair in enumerate(part["pair"].tolist()):
        yield (
            pair,
            {
                role: (str(located[role].chrom[row]), int(starts[role][row]), model.scorer.lengths[role])
                for role in ROLES
            },
        )


class _Parts(Parts):
    """A gzip member a run of pairs, so that the members one after another are the file."""

    command, settings = "explain", SETTINGS

    def holds(self, number: int, pairs: set[int]) -> bool:
        """Tell whether a part is there, whole, and of these pairs."""
        path = self.path(number)
        if not path.is_file():
            return False
        try:
            found = pd.read_csv(path, sep="\t", header=None, skiprows=int(number == 0), usecols=[0])
        except (OSError, EOFError, ValueError, zlib.error):
            return False
        return set(found[0]) == pairs

    def write(self, number: int, effects: pd.DataFrame, *, header: bool) -> None:
        """Write a part, whole or not at all."""
        with atomic_path(self.path(number)) as beside, writing_text(beside, gzipped=True) as text:
            effects.to_csv(text, sep="\t", index=False, header=header, float_format="%.9g", lineterminator="\n")


def _half_made(out: str | os.PathLike[str]) -> bool:
    """Tell whether a kill left the output while it was put together of its parts, which are still there."""
    out = Path(out)
    if not out.is_dir() or not (out.parent / f"{out.name}.partial" / SETTINGS).is_file():
        return False
    return {path.name for path in out.iterdir() if not path.name.startswith(".")} <= {*_OWN} - {SETTINGS}


def _put_together(
    out: Path, chosen: pd.DataFrame, parts: _Parts, count: int, origin: dict[str, Any], *, force: bool
) -> None:
    """Make the output folder of the parts; the settings come last, and only a folder with them is whole."""
    prepare_output_folder(out, force=force, own=_OWN)
    with atomic_path(out / EFFECTS) as beside, beside.open("wb") as whole:
        for number in range(count):
            with parts.path(number).open("rb") as part:
                shutil.copyfileobj(part, whole)
    with atomic_path(out / PAIRS) as beside:
        chosen.to_csv(beside, sep="\t", index=False, float_format="%.7g", lineterminator="\n")
    effects = EffectsFolder(out, origin, chosen)
    write_tracks(effects.effects(), out)
    write_profiles(effects, out)
    if origin["method"] == "saturation":
        write_arrays(effects, out)
    write_text(out / SETTINGS, json.dumps(origin, indent=2) + "\n")
    parts.remove()
