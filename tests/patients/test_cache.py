"""A cached hospital is made once, and never mistaken for that of another version of the package."""

import pytest

from lhs_helpers import paths
from lhs_helpers.patients import cache, cached_hospital

SMALL = {"patients": 300, "years": 1, "seed": 2}


def test_a_cached_hospital_is_made_once_and_leaves_nothing_else(monkeypatch, tmp_path):
    monkeypatch.setenv("LHS_CACHE", str(tmp_path))
    first = cached_hospital(**SMALL)
    made = (first.folder / "manifest.json").stat().st_mtime_ns
    again = cached_hospital(**SMALL)
    assert again.folder == first.folder and (first.folder / "manifest.json").stat().st_mtime_ns == made
    assert [path.name for path in tmp_path.iterdir()] == [first.folder.name]


def test_a_hospital_that_another_page_made_meanwhile_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("LHS_CACHE", str(tmp_path))
    place = cached_hospital(**SMALL).folder
    cache._make(place, **SMALL, start="2014-01-01")
    assert [path.name for path in tmp_path.iterdir()] == [place.name]


def test_a_changed_package_makes_its_own_hospital(monkeypatch, tmp_path):
    monkeypatch.setenv("LHS_CACHE", str(tmp_path))
    first = cached_hospital(**SMALL).folder
    monkeypatch.setattr(paths, "package_hash", lambda *floors: "0" * 64)
    assert cached_hospital(**SMALL).folder != first


def test_a_stop_leaves_no_half_made_hospital(monkeypatch, tmp_path):
    def stopped(self, to):
        raise KeyboardInterrupt

    monkeypatch.setenv("LHS_CACHE", str(tmp_path))
    monkeypatch.setattr(cache.Hospital, "advance", stopped)
    with pytest.raises(KeyboardInterrupt):
        cached_hospital(**SMALL)
    assert not list(tmp_path.iterdir())
