"""A minute of what tools/fuzz.py does for an hour: whatever is damaged, readers keep their promises."""

import random

import pytest

from .promises import EXPORTS, promised, trial
from .random_damage import ANY, OWN, damage


@pytest.mark.parametrize("kind", EXPORTS)
def test_an_export_that_nobody_damaged_is_a_record(tmp_path, kind):
    write, read = EXPORTS[kind]
    assert promised(kind, write(tmp_path / "export"), tmp_path / "record", read) == "record"


@pytest.mark.parametrize("seed", range(60))
def test_whatever_is_damaged_there_is_a_sentence_or_every_row_is_accounted_for(tmp_path, seed):
    kind, _, given = trial(f"short-{seed}", tmp_path)
    assert kind in EXPORTS and given in ("sentence", "record")


def test_the_trials_try_every_damage_and_find_both_answers(tmp_path):
    """A run of damage that only ever ends in the same answer would test little."""
    done, write = set(), {kind: write for kind, (write, _) in EXPORTS.items()}
    for seed in range(400):
        draw = random.Random(f"list-{seed}")
        kind = draw.choice(list(EXPORTS))
        done |= {what.split()[0] for what in damage(write[kind](tmp_path / str(seed)), draw)}
    assert done == {harm.__name__ for harm in [*ANY, *sum(OWN.values(), [])]}
