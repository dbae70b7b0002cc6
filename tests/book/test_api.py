"""The page of functions: each has an example, and what stands there as code runs."""

import importlib
import re
import sys

import pytest

from .conftest import ROOT, say

sys.path.insert(0, str(ROOT / "book" / "_ext"))
from api_examples import examples, full_name, uses

PAGE = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
MAKES = next(block for block in BLOCKS if "hospital.advance(" in block)


def documented(kind: str) -> list[str]:
    found = []
    for name in re.findall(rf"^\.\. auto{kind}:: (\S+)$", PAGE, re.MULTILINE):
        module, _, attribute = name.rpartition(".")
        found.append(full_name(getattr(importlib.import_module(module), attribute)))
    return found


def test_every_function_has_an_example():
    here = {name for block in BLOCKS for name, _ in uses(block)}
    functions, elsewhere = documented("function"), examples(ROOT)
    assert len(functions) > 100
    say(
        [
            f"book/api.md: {name} stands in no page, study or assignment, and in no code of this page"
            for name in functions
            if name not in here and name not in elsewhere
        ]
    )


def test_the_code_of_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in [MAKES, *BLOCKS]:
        exec(compile(block, "book/api.md", "exec"), names)
    assert names["known"].people.count().execute() > 0
    assert names["check"](names["emr"]).empty
    assert names["survivors"](names["small"], names["shared"]) == []
    assert not names["clearly_better"](names["gain"]) and names["as_proposed"](names["gain"])
    moved, _ = names["policies"].intercept(names["given"]).adjustment
    assert 1 < moved < 4, "a tenth is told; the logarithm of ten is 2.3"


@pytest.mark.parametrize(
    ("program", "name", "code"),
    [
        (
            "from lhs_helpers.learning import train\nif True:\n    model = train(\n        X, y)\n",
            "lhs_helpers.learning.training.train",
            "model = train(\n    X, y)",
        ),
        (
            "from lhs_helpers import plots\nplots.use_style()",
            "lhs_helpers.plots.use_style",
            "plots.use_style()",
        ),
        (
            "from lhs_helpers.system.service import serving\nwith serving(model) as at:\n    pass\n",
            "lhs_helpers.system.service.serving",
            "with serving(model) as at:\n    ...",
        ),
    ],
)
def test_an_example_is_the_statement_that_uses_a_function(program, name, code):
    assert (name, code) in list(uses(program))
    assert name not in dict(uses(program.replace("lhs_helpers", "elsewhere")))
