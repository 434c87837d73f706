"""Processes that train at the same time: each with its share of the threads, none outliving its parent."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor

import torch

from epidyn import progress


def pool(jobs: int) -> ProcessPoolExecutor:
    """Return a pool of ``jobs`` processes that share this one's threads; silent, and ended with this process."""
    threads = max(1, torch.get_num_threads() // jobs)
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_settle, initargs=(threads,))


def _settle(threads: int) -> None:
    """Prepare a process: its share of the threads, a silent screen, and no life without its parent."""
    torch.set_num_threads(threads)
    progress.quiet()
    logging.getLogger("epidyn").addHandler(logging.NullHandler())  # what is to be kept goes to files
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        # A killed parent must not leave processes at work: called again, it would have them do it a second time.
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
