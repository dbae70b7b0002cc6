"""Champion and challenger by alias, roll-back, and the three states."""

import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.system.registry import Registry
from lhs_helpers.system.release import same_but

WHY = {"date": "2018-02-01", "why": "for the test"}


@pytest.fixture
def registry(released, tmp_path):
    """Versions 1.0, 1.1 and 1.2, each promoted in its turn."""
    registry = Registry(tmp_path / "registry")
    registry.add(released, **WHY)
    registry.promote(**WHY)
    for version in ("1.1", "1.2"):
        registry.add(same_but(released, tmp_path / version, version=version), **WHY)
        registry.promote(**WHY)
    return registry


def test_it_starts_silent_and_without_a_champion(tmp_path):
    registry = Registry(tmp_path / "new")
    assert registry.state == "silent" and registry.version("champion") is None
    with pytest.raises(LHSError, match="no champion yet"):
        registry.release()


def test_the_challenger_becomes_champion_and_another_process_sees_it(registry):
    assert registry.version("champion") == "1.2" and registry.version("challenger") is None
    assert Registry(registry.folder).release().version == "1.2"


def test_rolling_back_goes_down_the_line_of_champions(registry, released, tmp_path):
    registry.roll_back(**WHY)
    assert registry.version("champion") == "1.1"
    registry.roll_back(**WHY)
    assert registry.version("champion") == "1.0"
    with pytest.raises(LHSError, match="no earlier champion"):
        registry.roll_back(**WHY)
    registry.add(same_but(released, tmp_path / "1.3", version="1.3"), **WHY)
    registry.promote(**WHY)
    registry.roll_back(**WHY)
    assert registry.version("champion") == "1.0", "1.1 and 1.2 had been left behind"


def test_every_change_has_a_reason_and_is_kept(registry):
    registry.set_state("live", date="2018-03-01", why="the silent trial went well")
    registry.set_state("off", date="2018-04-01", why="the assay changed")
    last = registry.history.iloc[-1]
    assert registry.state == "off"
    assert (last["change"], last["version"], last["why"]) == ("set to off", "1.2", "the assay changed")
    with pytest.raises(LHSError, match="needs a reason"):
        registry.set_state("live", date="2018-05-01", why=" ")
    assert registry.state == "off"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda r: r.promote(**WHY), "no challenger to promote"),
        (lambda r: r.set_state("on", **WHY), "no state 'on'; choose one of off, silent, live"),
        (lambda r: r.release("loser"), "no alias 'loser'"),
        (lambda r: r.add(r.release(), **WHY), "has a version 1.2 already"),
    ],
)
def test_what_can_not_be_done_gets_a_sentence(registry, change, says):
    with pytest.raises(LHSError, match=says):
        change(registry)


def test_a_release_altered_inside_the_registry_is_refused(registry):
    path = registry.folder / "releases" / "1.2" / "model_card.md"
    path.write_text(path.read_text() + " ")
    with pytest.raises(LHSError, match="altered"):
        registry.release()


def test_a_damaged_file_is_refused(registry):
    (registry.folder / "registry.json").write_text("{")
    with pytest.raises(LHSError, match="is damaged"):
        Registry(registry.folder)


def test_a_write_that_is_stopped_leaves_the_old_file(registry, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lhs_helpers.system.registry.os.replace", full)
    with pytest.raises(LHSError, match="No space left"):
        registry.set_state("off", **WHY)
    assert registry.state == "silent"
    assert {path.name for path in registry.folder.iterdir()} == {"registry.json", "releases"}
