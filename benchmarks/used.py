"""What a process and its workers use: processor time, and memory at the worst moment."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread

import psutil

EVERY = 0.05  # seconds between two looks at the memory


def family() -> list[psutil.Process]:
    """This process and all that it has started, and they."""
    me = psutil.Process()
    return [me, *me.children(recursive=True)]


def processor() -> float:
    """Seconds of processor time of the family, and of workers that have ended."""
    seconds = 0.0
    for process in family():
        with suppress(psutil.NoSuchProcess):
            used = process.cpu_times()
            seconds += used.user + used.system + used.children_user + used.children_system
    return seconds


@dataclass
class Peak:
    """The most memory, GiB: of all processes together, and of the largest of the workers."""

    together: float = 0.0
    worker: float = 0.0

    def look(self) -> None:
        resident = []
        for process in family():
            with suppress(psutil.NoSuchProcess):
                resident.append(process.memory_info().rss / 2**30)
        self.together = max(self.together, sum(resident))
        self.worker = max(self.worker, *resident[1:], 0.0)


@contextmanager
def watched() -> Iterator[Peak]:
    """The memory of the family while the block runs, looked at again and again."""
    peak, over = Peak(), Event()

    def watch() -> None:
        while not over.wait(EVERY):
            peak.look()

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()
        peak.look()
