"""What a page costs: run once, alone, with the network blocked, its time and peak memory are taken."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

SECONDS, SECONDS_OF_LONG_PAGES, SECONDS_OF_ALL, MEBIBYTES = 20, 45, 360, 2560
LONG_PAGES = {"07", "09", "10", "11", "13", "14", "15", "16", "19"}
GIVE_UP_AFTER = 600
OFFLINE = Path(__file__).parent / "offline"

# A network namespace begins with its own loopback device switched off; a page may ask a service on this computer.
# 0x8914 is SIOCSIFFLAGS, 1 is IFF_UP (netdevice(7)).
LOOPBACK_UP = (
    "import fcntl, socket, struct; "
    "fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8914, struct.pack('16sh14x', b'lo', 1)); "
)

# As Jupyter does it: `display` is there, and `__main__` is no file that a worker process could import again.
RUN = (
    "import sys; from IPython.display import display; "
    "exec(compile(open(sys.argv[1], encoding='utf-8').read(), sys.argv[1], 'exec'), globals())"
)


@dataclass(frozen=True)
class Cost:
    """`seconds` on the clock, of the processors (with child processes), and at most in memory at one time."""

    page: str
    seconds: float
    processor_seconds: float
    peak_mib: float
    exit_code: int = 0
    output: str = ""
    asked: tuple[str, ...] = ()

    @property
    def calm_seconds(self) -> float:
        """Time on an idle machine: waiting for a processor that others hold is not the page's fault."""
        return min(self.seconds, self.processor_seconds) if self.processor_seconds else self.seconds


def budget(page: str) -> int:
    return SECONDS_OF_LONG_PAGES if page[:2] in LONG_PAGES else SECONDS


def cost_problems(cost: Cost, factor: float) -> list[str]:
    """Whether a page ran, offline, in time and in memory."""
    page, allowed, problems = f"notebooks/{cost.page}.py", budget(cost.page), []
    if cost.asked:
        problems.append(
            f"{page} asked the network for {', '.join(cost.asked)}; a page runs offline: ship what it needs"
        )
    if cost.exit_code:
        problems.append(f"{page} stopped with an error:\n{cost.output}")
    if cost.calm_seconds > allowed * factor:
        problems.append(
            f"{page} took {cost.seconds:.0f} s ({cost.processor_seconds:.0f} s of processor time); its budget "
            f"is {allowed} s. Use fewer patients, or move the work into a study. Slow machine: LHS_BUDGET_FACTOR=3"
        )
    if cost.peak_mib > MEBIBYTES:
        problems.append(
            f"{page} took {cost.peak_mib:,.0f} MiB; a page may take {MEBIBYTES:,} MiB. Use fewer patients"
        )
    return problems


def total_problems(costs: list[Cost], factor: float) -> list[str]:
    total = sum(cost.calm_seconds for cost in costs)
    if total <= SECONDS_OF_ALL * factor:
        return []
    slowest = max(costs, key=lambda cost: cost.calm_seconds)
    return [
        f"All pages together took {total:.0f} s; the budget is {SECONDS_OF_ALL} s. Slowest: {slowest.page}"
    ]


@cache
def no_network() -> list[str]:
    """The start of a command that has no network at all, where the system allows it (Linux); else nothing."""
    command = ["unshare", "--map-root-user", "--net"]
    works = shutil.which("unshare") and not subprocess.run([*command, "true"], capture_output=True).returncode
    return command if works else []


def run(path: Path) -> Cost:
    """Run a page of percent format from beginning to end, in its own process and folder."""
    with tempfile.TemporaryDirectory() as scratch:
        log, written = Path(scratch, "asked"), Path(scratch, "written")
        search = [str(OFFLINE), str(path.parent.parent), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(filter(None, search)),
            "LHS_NETWORK_LOG": str(log),
            "MPLBACKEND": "agg",
        }
        before, began = os.times(), time.perf_counter()
        with written.open("w") as output:
            page = psutil.Popen(
                [
                    *no_network(),
                    sys.executable,
                    "-u",
                    "-c",
                    (LOOPBACK_UP if no_network() else "") + RUN,
                    str(path),
                ],
                cwd=path.parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            peak = _watch(page, began)
        after = os.times()
        return Cost(
            page=path.stem,
            seconds=time.perf_counter() - began,
            processor_seconds=sum(after[2:4]) - sum(before[2:4]),
            peak_mib=peak / 2**20,
            exit_code=page.returncode,
            output="\n".join(written.read_text(encoding="utf-8", errors="replace").splitlines()[-25:]),
            asked=tuple(dict.fromkeys(log.read_text(encoding="utf-8").split())) if log.exists() else (),
        )


def _watch(page: psutil.Popen, began: float) -> int:
    """Wait for the end of a page; the most memory it and its children held, looked at ten times a second."""
    peak = 0
    while page.poll() is None:
        family = _family(page)
        peak = max(peak, sum(map(_memory, family)))
        if time.perf_counter() - began > GIVE_UP_AFTER:
            for process in family:
                process.kill()
        time.sleep(0.1)
    return peak


def _family(page: psutil.Popen) -> list[psutil.Process]:
    try:
        return [page, *page.children(recursive=True)]
    except psutil.Error:  # it ended while we looked
        return []


def _memory(process: psutil.Process) -> int:
    """Bytes of a process; memory that several processes share is counted once, where the system tells."""
    try:
        found = process.memory_full_info()
    except psutil.Error:
        return 0
    return getattr(found, "pss", 0) or found.rss


def write(costs: list[Cost], path: Path) -> None:
    """The raw figures, for the reader who wants to know how long a page takes."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["page", "seconds", "processor_seconds", "peak_mib", "budget_seconds", "budget_mib"])
        for c in costs:
            figures = (f"{c.seconds:.1f}", f"{c.processor_seconds:.1f}", f"{c.peak_mib:.0f}")
            table.writerow([c.page, *figures, budget(c.page), MEBIBYTES])
