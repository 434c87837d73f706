"""Calling what numba compiles: it keeps results on disk, and starts threads that torch counts as its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from epidyn.files import NO_ROOM


@contextmanager
def calling_numba() -> Iterator[None]:
    """Let libraries that use numba be imported and called without harm.

    numba changes the number of torch's threads as it starts its own; with another number torch adds up in another
    order, and a resumed run would not be the same to the bit. And numba fails where the disk has no room for what
    it compiled, although it could go on: here it does.
    """
    from numba.core import caching  # takes its time to load

    threads = torch.get_num_threads()
    cache: Any = caching.Cache
    save = cache.save_overload

    def save_if_there_is_room(self: caching.Cache, signature: Any, compiled: Any) -> None:
        try:
            save(self, signature, compiled)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise

    cache.save_overload = save_if_there_is_room
    try:
        yield
    finally:
        cache.save_overload = save
        torch.set_num_threads(threads)
