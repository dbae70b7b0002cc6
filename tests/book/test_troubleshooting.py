"""Troubleshooting starts from messages that are really raised."""

import re

import pytest

from .conftest import ROOT, say

QUOTED = re.compile(r'\*\*"([^"]+)"')
# Messages of other programs, named there as such.
FOREIGN = {"Address already in use", "Warning, treated as error"}


def sources() -> str:
    files = [ROOT / "Makefile", *sorted((ROOT / "lhs_helpers").rglob("*.py")), *(ROOT / "tools").glob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    return re.sub(r'"\s*\n\s*f?"', "", text)  # a sentence that is written in several pieces


def unsaid(text: str, said: str) -> list[str]:
    """Quoted messages of which a part stands nowhere in the code; `…` and code spans stand for what varies."""
    found = []
    for message in QUOTED.findall(text):
        parts = [part.strip(" .;") for part in re.split(r"…|`[^`]*`", " ".join(message.split()))]
        if message.rstrip(".") not in FOREIGN and not all(part in said for part in parts):
            found.append(
                f"book/troubleshooting.md quotes '{message}', which nothing raises; quote what is raised"
            )
    return found


def test_every_quoted_message_is_one_that_the_code_raises():
    text = (ROOT / "book" / "troubleshooting.md").read_text(encoding="utf-8")
    assert len(QUOTED.findall(text)) >= 6
    say(unsaid(text, sources()))


@pytest.mark.parametrize(
    "bad", ['**"There is no such folder."**', '**"… holds a clinic made with another seed."**']
)
def test_message_that_nothing_raises_is_found(bad):
    assert not unsaid('**"Address already in use".**', "")
    assert len(unsaid(bad, "{x} holds a hospital made with another seed.")) == 1
