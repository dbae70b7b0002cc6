"""Hospitals that several pages use are made once, and cached by their parameters and this package's content."""

import os
import shutil
from pathlib import Path

from lhs_helpers import paths
from lhs_helpers.patients.hospital import Hospital

FLOORS = ("patients", "records")  # what can change a record


def cached_hospital(
    *, patients: int = 30_000, years: int = 6, seed: int = 0, start: str = "2014-01-01"
) -> Hospital:
    """A hospital that has lived for `years` recorded years; made on first use, opened from the cache afterwards.

    Do not advance it: others read it too. Make your own with `Hospital` for that.
    """
    name = f"{patients}_{years}_{seed}_{start}_{paths.package_hash(*FLOORS)[:16]}"
    place = paths.cache_folder() / name
    if not (place / "manifest.json").exists():
        _make(place, patients, years, seed, start)
    return Hospital(place, patients=patients, seed=seed, start=start)


def _make(place: Path, patients: int, years: int, seed: int, start: str) -> None:
    """Make it under a name of this process and move it into place: two pages at once do not meet half-way."""
    own = place.with_name(f"{place.name}.{os.getpid()}")
    shutil.rmtree(own, ignore_errors=True)
    try:
        Hospital(own, patients=patients, seed=seed, start=start).advance(f"{int(start[:4]) + years}-01-01")
    except BaseException:  # stopped or failed: nobody would come back to a half-made one
        shutil.rmtree(own, ignore_errors=True)
        raise
    try:
        own.rename(place)
    except OSError:  # another page was quicker, with the same bytes
        shutil.rmtree(own)
