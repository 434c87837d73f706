"""Windows: the fixed-length interval around an element that the network reads, and its shifted copies.

The rules are those of the published augmentation script (EPIANN's ``Data_Augmentation.R``, which EPI-DynFusion
uses). They take an element's ``start`` and ``end`` as they stand as a 1-based closed interval; this module does
the same, for exact agreement with the published data, and returns 0-based window starts. Nowhere else in the
package is an interval read that way.

All arithmetic is on integers. A start below 0 is kept: the genome fills what sticks out with N.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from epidyn.errors import ConfigError

Ints = npt.NDArray[np.int64]

DEFAULT_COPIES = 20
DEFAULT_STEP = 50


def central(start: npt.ArrayLike, end: npt.ArrayLike, length: int, chrom_size: npt.ArrayLike) -> Ints:
    """Return the start of the window of ``length`` bases centred on each element.

    Used for test pairs, for all negatives, and for positives without oversampling.

    Parameters
    ----------
    start, end
        Elements as in the pair table, shape (n,) or scalars; taken as 1-based closed (see the module).
    length
        Window length in bases, at least 1.
    chrom_size
        Size of each element's chromosome, shape (n,) or scalar. A window that is longer than its element is
        moved left if its end would pass the chromosome's; a shorter one stays inside its element.

    Returns
    -------
    int64 array (n,)
        0-based starts; may be negative.

    Examples
    --------
    >>> import epidyn
    >>> epidyn.windows.central([501, 40], [600, 60], 300, 10_000).tolist()
    [400, -101]
    """
    s, e, size = _broadcast(start, end, length, chrom_size)
    n = e - s + 1
    wide = np.minimum(s - _ceil_div(length - n, 2), size - length + 1)
    narrow = s + _ceil_div(n - length, 2)
    return np.where(n < length, wide, np.where(n > length, narrow, s)) - 1


def shifted(
    start: npt.ArrayLike,
    end: npt.ArrayLike,
    length: int,
    chrom_size: npt.ArrayLike,
    copies: int = DEFAULT_COPIES,
    step: int = DEFAULT_STEP,
) -> Ints:
    """Return the window starts of the ``copies`` shifted copies of each element (a training positive).

    Copy ``i`` (1 to ``copies``) lies ``(i - copies // 2) * step`` bases from the centre; near a chromosome's end
    the whole comb slides left until its last window fits. Enhancer and promoter of a pair use the same copy
    number: ``copies`` copies of a pair, not ``copies`` squared.

    Parameters
    ----------
    start, end, length, chrom_size
        As for :func:`central`.
    copies
        Number of copies, at least 0.
    step
        Distance between neighbouring copies in bases, at least 1.

    Returns
    -------
    int64 array (n, copies)
        0-based starts; may be negative.

    Raises
    ------
    ConfigError
        If ``copies``, ``step`` or ``length`` is too small.
    """
    if copies < 0:
        raise ConfigError(f"copies is {copies}; it must be 0 or more.")
    if step < 1:
        raise ConfigError(f"step is {step}; it must be 1 or more.")
    s, e, size = _broadcast(start, end, length, chrom_size)
    middle = np.full(s.shape, copies // 2, dtype=np.int64)
    last_end = _ceil_div(s + e + length + 2 * (copies - middle) * step, 2) - 1
    slides = (e - s + 1 < length) & (last_end > size)
    slid = _ceil_div(s + e + length - 2 * size - 2, 2 * step) + copies
    middle = np.where(slides, slid, middle)
    number = np.arange(1, copies + 1, dtype=np.int64)
    return _ceil_div(s + e - length, 2)[..., None] + (number - middle[..., None]) * step - 1


def training(
    start: npt.ArrayLike,
    end: npt.ArrayLike,
    length: int,
    chrom_size: npt.ArrayLike,
    copies: int,
    step: int = DEFAULT_STEP,
) -> Ints:
    """Return the windows of training positives: :func:`shifted`, or with ``copies`` 0 the central window.

    Returns
    -------
    int64 array (n, max(1, copies))
    """
    if copies == 0:
        return central(start, end, length, chrom_size)[..., None]
    return shifted(start, end, length, chrom_size, copies, step)


def reach(
    start: npt.ArrayLike,
    end: npt.ArrayLike,
    length: int,
    chrom_size: npt.ArrayLike,
    copies: int,
    step: int = DEFAULT_STEP,
) -> tuple[Ints, Ints]:
    """Return the lowest and the highest start of all windows, central and :func:`training`; int64 (n,) each."""
    middle = central(start, end, length, chrom_size)
    moved = training(start, end, length, chrom_size, copies, step)
    return np.minimum(middle, moved.min(axis=-1)), np.maximum(middle, moved.max(axis=-1))


def _ceil_div(numerator: Ints, divisor: int) -> Ints:
    return -(-numerator // divisor)


def _broadcast(
    start: npt.ArrayLike, end: npt.ArrayLike, length: int, chrom_size: npt.ArrayLike
) -> tuple[Ints, Ints, Ints]:
    if length < 1:
        raise ConfigError(f"window length is {length}; it must be 1 or more.")
    arrays = (np.asarray(values, dtype=np.int64) for values in (start, end, chrom_size))
    s, e, size = np.broadcast_arrays(*arrays)
    return s, e, size
