"""Exercises: each has a self-check that refuses the empty answer, and a solution that faces it."""

import pytest

from . import sources
from .conftest import PAIRED, ROOT, say
from .exercises import exercise_problems, parts


@pytest.mark.parametrize("name", PAIRED)
def test_every_exercise_checks_itself(name):
    cells = sources.cells((ROOT / "notebooks" / f"{name}.py").read_text(encoding="utf-8"), "py:percent")
    assert 2 <= len(parts(cells)) <= 4, "two to four exercises a page"
    say(exercise_problems(f"notebooks/{name}", cells))


GOOD = """# %% [markdown]
# ```{exercise-start} Count
# :label: ex-count
# :class: tip
# ```
# How many?

# %%
def check_count(count):
    assert isinstance(count, int), "give a number"
    assert count == len(people)


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex-count
# :class: dropdown
# ```

# %%
check_count(3)

# %% [markdown]
# ```{solution-end}
# ```
"""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("def check_count", "def look", "has no self-check"),
        ("check_count(3)", "3", "does not call check_count"),
        ('    assert isinstance(count, int), "give a number"\n', "", "stumbles (NameError"),
        ('assert isinstance(count, int), "give a number"', 'assert count > 0, "none"', "stumbles (TypeError"),
        ('assert isinstance(count, int), "give a number"', 'assert count is not None, "give one"', ""),
        (', "give a number"', "", "refuses without a word"),
        ("    assert count == len(people)\n", "", ""),
        (
            'assert isinstance(count, int), "give a number"\n    assert count == len(people)',
            "pass",
            "passes when",
        ),
    ],
)
def test_exercise_that_does_not_check_itself_is_found(old, new, says):
    assert not exercise_problems("x", sources.cells(GOOD, "py:percent"))
    assert old in GOOD
    problems = exercise_problems("x", sources.cells(GOOD.replace(old, new), "py:percent"))
    assert any(says in problem for problem in problems) if says else not problems
