"""Worker processes: several shards at once, and none that outlives the run it works for."""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.context import BaseContext
from signal import SIG_IGN, SIGINT, signal
from threading import Thread

from lhs_helpers.errors import LHSError
from lhs_helpers.patients import shard


def each(work: Callable, jobs: list[tuple], workers: int) -> Iterator:
    """Results of `work(job)` as they come, from as many processes as there are workers.

    A stop (Ctrl-C) or an error ends them; a later run goes on from what each shard had saved.

    Raises
    ------
    LHSError
        When a process could not start, or was ended from outside.
    """
    if min(workers, len(jobs)) == 1:
        yield from map(work, jobs)
        return
    others = active_children()
    pool = ProcessPoolExecutor(min(workers, len(jobs)), _processes(), _begin)
    try:
        for done in as_completed([pool.submit(work, job) for job in jobs]):
            yield done.result()
    except BrokenProcessPool:
        raise LHSError(
            "A worker process could not start or was ended from outside. In a script, put what you run under "
            "`if __name__ == '__main__':`. If memory was short, run the same again with fewer workers: what "
            "was saved is kept."
        ) from None
    finally:
        for child in active_children():
            if child not in others:
                child.terminate()
        pool.shutdown(wait=False, cancel_futures=True)


def _processes() -> BaseContext:
    """How worker processes start: each alone, or, on Linux, from one that has imported what they need.

    So the first run waits a second for them, and the next ones a twentieth.
    """
    if sys.platform != "linux":
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload([shard.__name__])
    return context


def _begin() -> None:
    """A worker leaves Ctrl-C to the process it works for, and ends with it: no two write into one folder."""
    signal(SIGINT, SIG_IGN)
    Thread(target=_end_with, args=(parent_process().sentinel,), daemon=True).start()


def _end_with(parent: int) -> None:
    wait([parent])
    os._exit(1)
