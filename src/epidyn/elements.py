"""ElementStore: the bases of each distinct element, once; windows and shifted copies are offsets into it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn import progress
from epidyn.errors import ChromosomeError, ConfigError, IntervalError
from epidyn.genome import Genome
from epidyn.pairs import chromosomes, intervals

Role = Literal["enhancer", "promoter"]
ROLES: tuple[Role, Role] = ("enhancer", "promoter")
_PARTS = ["chrom", "start", "end"]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint8]

# Changes stored elements in place: all bases, and where each element begins and how long it is.
Change = Callable[[Codes, Ints, Ints], None]


@dataclass(frozen=True)
class WindowRequest:
    """The windows that one role will be asked for, one row a pair.

    Parameters
    ----------
    chrom
        Chromosome names as the genome spells them, object or str (n,).
    start, end
        The elements, 0-based half-open, int64 (n,): with ``chrom`` they say which rows share an element.
    first, last
        Lowest and highest window start of the row, 0-based, int64 (n,); equal where there is one window.
    length
        Window length in bases.
    """

    chrom: npt.NDArray[np.object_]
    start: Ints
    end: Ints
    first: Ints
    last: Ints
    length: int


@dataclass(frozen=True)
class _RoleIndex:
    """Where the elements of one role lie in the store: per row its element, per element its span."""

    element: Ints  # (rows,)
    span_start: Ints  # (elements,) genomic start of the stored span, may be negative
    span_length: Ints  # (elements,)
    offset: Ints  # (elements,) where the span begins in the flat array
    length: int


class ElementStore:
    """Base codes of elements, held once an element and read-only.

    An element holds the union of all windows asked of it. Elements of one role with the same bases share them.
    Windows are addressed by their position in the flat array, so that a training set of copies is an array of
    numbers. Forked workers share the array with their parent.

    Attributes
    ----------
    bases
        All base codes, uint8 (total,).
    """

    def __init__(self, bases: Codes, roles: Mapping[Role, _RoleIndex]) -> None:
        bases.flags.writeable = False
        self.bases = bases
        self._roles = dict(roles)

    @classmethod
    def fill(
        cls, genome: Genome, requests: Mapping[Role, WindowRequest], change: Change | None = None
    ) -> ElementStore:
        """Read from ``genome`` what ``requests`` ask for; ``change``, a control, alters each stored element once.

        Raises
        ------
        ChromosomeError, IntervalError
            As :meth:`epidyn.genome.Genome.fetch`; :func:`locate` finds the rows at fault beforehand.
        """
        indices = {role: _index(request) for role, request in requests.items()}
        bases = np.empty(sum(int(index.span_length.sum()) for index in indices.values()), dtype=np.uint8)
        stored: list[tuple[int, int]] = []
        used = 0
        with progress.bar("Reading sequences", sum(len(index.offset) for index in indices.values())) as advance:
            for role, index in indices.items():
                known: dict[bytes, int] = {}
                chrom = _element_chromosomes(requests[role].chrom, index)
                # In genomic order: a bgzipped genome is unpacked once instead of once an element.
                for element in np.lexsort((index.span_start, chrom.astype(str))):
                    start, length = int(index.span_start[element]), int(index.span_length[element])
                    codes = genome.fetch(chrom[element], start, start + length)
                    key = hashlib.blake2b(codes.tobytes(), digest_size=16).digest()
                    if key not in known:
                        known[key] = used
                        bases[used : used + length] = codes
                        stored.append((used, length))
                        used += length
                    index.offset[element] = known[key]
                    advance(1)
        if change is not None:
            change(bases, *np.array(stored, dtype=np.int64).reshape(-1, 2).T)
        # A copy only where shared bases left room worth giving back.
        return cls(bases if used == len(bases) else bases[:used].copy(), indices)

    def length(self, role: Role) -> int:
        """Return the window length of ``role`` in bases."""
        return self._roles[role].length

    def positions(self, role: Role, rows: npt.ArrayLike, starts: npt.ArrayLike) -> Ints:
        """Return where windows lie in :attr:`bases`.

        Parameters
        ----------
        role
            Enhancer or promoter.
        rows
            Rows of the request, int (n,).
        starts
            0-based window starts, int (n,); each between its row's ``first`` and ``last``.

        Raises
        ------
        IntervalError
            If a window was not asked for when the store was filled.
        """
        index = self._roles[role]
        element = index.element[np.asarray(rows)]
        inside = np.asarray(starts) - index.span_start[element]
        if ((inside < 0) | (inside + index.length > index.span_length[element])).any():
            raise IntervalError(f"an {role} window lies outside what the store was filled with")
        positions: Ints = index.offset[element] + inside
        return positions

    def codes(self, role: Role, positions: npt.ArrayLike) -> Codes:
        """Return the windows at ``positions`` as base codes, uint8 (n, length); a new array."""
        windows = np.lib.stride_tricks.sliding_window_view(self.bases, self.length(role))
        codes: Codes = windows[np.asarray(positions, dtype=np.int64)]
        return codes


@dataclass(frozen=True)
class Location:
    """Where the elements of one role lie: chromosome names as the genome spells them, and their sizes; (n,)."""

    chrom: npt.NDArray[np.object_]
    size: Ints


def locate(pairs: pd.DataFrame, genome: Genome) -> dict[Role, Location]:
    """Find each element's chromosome in ``genome``.

    Raises
    ------
    ChromosomeError
        If the genome lacks chromosomes; lists them, with how many rows need them.
    IntervalError
        If elements begin behind their chromosome's end; lists all.
    """
    located: dict[Role, Location] = {}
    outside: list[tuple[int, str]] = []
    for role in ROLES:
        column = pairs[f"{role}_chrom"]
        number, distinct = pd.factorize(column)
        resolved = _resolve(list(distinct), column, genome)
        sizes = np.array([genome.sizes[name] for name in resolved], dtype=np.int64)[number]
        located[role] = Location(np.array(resolved, dtype=object)[number], sizes)
        start, end = (pairs[f"{role}_{part}"].to_numpy() for part in ("start", "end"))
        for row in np.flatnonzero(start >= sizes).tolist():
            where = f"{column.iloc[row]}:{start[row]}-{end[row]}"
            at = pairs.index[row]
            outside.append((at, f"row {at}: {role} {where}, the chromosome has {sizes[row]} bases"))
    if outside:
        raise IntervalError(
            f"{len(outside)} elements lie wholly outside their chromosome in {genome.name} (rows count from 0). "
            "Is it the assembly that the pairs were made for?",
            [text for _, text in sorted(outside)],
        )
    return located


def refuse_windows_outside(
    pairs: pd.DataFrame, requests: Mapping[Role, WindowRequest], sizes: Mapping[Role, Ints]
) -> None:
    """Check that every window touches its chromosome, which one of an element that sticks out far may not.

    Raises
    ------
    IntervalError
        Lists the elements at fault.
    """
    outside = [
        f"row {pairs.index[row]}: {role} {request.chrom[row]}:{request.start[row]}-{request.end[row]}, "
        f"the chromosome has {sizes[role][row]} bases"
        for role, request in requests.items()
        for row in np.flatnonzero((request.last >= sizes[role]) | (request.first + request.length <= 0)).tolist()
    ]
    if outside:
        raise IntervalError(
            f"{len(outside)} elements stick out of their chromosome so far that their windows lie outside it "
            "(rows count from 0). Is it the assembly that the pairs were made for?",
            outside,
        )


def element_numbers(pairs: pd.DataFrame, role: Role) -> Ints:
    """Return the number of each row's element, int64 (n,): from 0, in order of appearance."""
    return np.asarray(intervals(pairs, role).groupby(_PARTS, sort=False).ngroup(), dtype=np.int64)


def place_numbers(pairs: pd.DataFrame) -> Ints:
    """Return a number for each row's enhancer and promoter, int64 (n, 2): that of its place, whatever the role."""
    numbers = pd.concat([intervals(pairs, role) for role in ROLES]).groupby(_PARTS, sort=False).ngroup()
    return np.asarray(numbers, dtype=np.int64).reshape(len(ROLES), len(pairs)).T


def midpoints(pairs: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return the midpoints of each row's enhancer and promoter, in bases, float64 (n, 2); halves are exact."""
    ends = [(pairs[f"{role}_start"] + pairs[f"{role}_end"]).to_numpy(dtype=np.float64) for role in ROLES]
    return np.stack(ends, axis=1) / 2


def distances(pairs: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return the distance between the midpoints of each pair, in bases, float64 (n,); halves are exact."""
    return np.asarray(np.abs(np.diff(midpoints(pairs), axis=1)[:, 0]))


def refuse_without_distance(pairs: pd.DataFrame) -> None:
    """Raise ConfigError if the elements of any pair are on two chromosomes, or are sequences without places."""
    apart = chromosomes(pairs, "enhancer") != chromosomes(pairs)
    if apart.any():
        first = pairs[apart].iloc[0]
        raise ConfigError(
            f"the model reads the distance between two elements, which {apart.sum()} of {len(pairs)} pairs do not "
            f"have: in row {first.name} the enhancer is on {first['enhancer_chrom']}, the promoter on "
            f"{first['promoter_chrom']}. Use a model that was trained without motif_pairs.distance."
        )


def interval_hashes(pairs: pd.DataFrame) -> npt.NDArray[np.uint64]:
    """Return a 64-bit hash of each distinct element, sorted, uint64 (n,).

    The hash is of ``CHROM:START-END``, without a leading ``chr`` and whatever the role, so that the overlap of any
    later table with a training set can be computed from the model file alone.
    """
    return np.unique(np.concatenate([element_hashes(pairs, role) for role in ROLES]))


def pairs_among(pairs: pd.DataFrame, known: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Tell of each row whether both elements are among ``known``, hashes of :func:`interval_hashes`; bool (n,)."""
    if not len(known):
        return np.zeros(len(pairs), dtype=np.bool_)
    return np.logical_and(*(np.isin(element_hashes(pairs, role), known) for role in ROLES))


def element_hashes(pairs: pd.DataFrame, role: Role) -> npt.NDArray[np.uint64]:
    """Return the hash of each row's element as :func:`interval_hashes` makes it, uint64 (n,)."""
    number, distinct = pd.factorize(pd.MultiIndex.from_frame(intervals(pairs, role)))
    keys = (f"{chrom}:{start}-{end}" for chrom, start, end in distinct)
    hashes = [int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little") for key in keys]
    return np.array(hashes, dtype=np.uint64)[number]


def _resolve(distinct: Sequence[str], column: pd.Series[str], genome: Genome) -> list[str]:
    resolved, missing = [], []
    for name in distinct:
        try:
            resolved.append(genome.resolve(name))
        except ChromosomeError as error:
            first = column.index[int((column == name).to_numpy().argmax())]
            missing.append((f"{name}: {(column == name).sum()} rows, the first is row {first}", error))
    if missing:
        headline = missing[0][1].headline
        raise ChromosomeError(
            f"{headline} Chromosomes of the table that are not there (rows count from 0):",
            [m[0] for m in missing],
        )
    return resolved


def _index(request: WindowRequest) -> _RoleIndex:
    """Group rows by element and unite their windows."""
    rows = pd.DataFrame({"chrom": request.chrom, "start": request.start, "end": request.end})
    numbered = rows.groupby(_PARTS, sort=False).ngroup()
    element: Ints = np.asarray(numbered, dtype=np.int64)
    count = int(element.max()) + 1 if len(element) else 0
    low = np.full(count, np.iinfo(np.int64).max, dtype=np.int64)
    high = np.full(count, np.iinfo(np.int64).min, dtype=np.int64)
    np.minimum.at(low, element, request.first)
    np.maximum.at(high, element, request.last)
    return _RoleIndex(element, low, high - low + request.length, np.zeros(count, dtype=np.int64), request.length)


def _element_chromosomes(chrom: npt.NDArray[np.object_], index: _RoleIndex) -> npt.NDArray[np.object_]:
    names = np.empty(len(index.offset), dtype=object)
    names[index.element] = chrom
    return names
