"""Generated hospitals are kept where the reader says, and never mistaken for those of another version."""

from pathlib import Path

from lhs_helpers import paths


def test_the_reader_decides_where_hospitals_are_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("LHS_CACHE", str(tmp_path))
    assert paths.cache_folder() == tmp_path


def test_without_a_wish_they_go_to_the_systems_caches(monkeypatch):
    monkeypatch.delenv("LHS_CACHE", raising=False)
    folder = paths.cache_folder()
    assert folder.name == "lhs-quick-guide"
    assert Path.home() in folder.parents or folder.is_absolute()


def test_changed_code_has_another_hash(monkeypatch, tmp_path):
    code = tmp_path / "people.py"
    monkeypatch.setattr(paths, "PACKAGE", tmp_path)
    hashes = []
    for text in ("births = 1", "births = 2", "births = 1"):
        code.write_text(text)
        paths.package_hash.cache_clear()
        hashes.append(paths.package_hash())
    paths.package_hash.cache_clear()
    assert hashes[0] != hashes[1]
    assert hashes[0] == hashes[2]
