"""Rules for the pages that advise: getting started, examples. Each returns what is wrong, as sentences."""

from __future__ import annotations

import re

from .sources import cited

DATE = r"\d{1,2} (?:January|February|March|April|May|June|July|August|September|October|November|December) 20\d\d"
PARTS = {
    "a decision (`**The decision:** ...`)": r"^\*\*The decision:\*\* ",
    "an example at Lindenfield, said to be invented": r"Lindenfield[^.]{0,40}\(\{ref\}`invented <lindenfield>`\)",
    "a section `## Checklist`": r"^## Checklist$",
    "something to tick in its checklist": r"^- ☐ ",
    "a template to download": r"\{download\}`[^`]+<\.\./templates/[\w-]+\.md>`",
}
DOWNLOAD = re.compile(r"\{download\}`[^`]+<[./]*templates/([\w-]+\.md)>`")
LETTERS = "DMCR"
ROW = re.compile(r"^\| \{ref\}`([^`<]+) <example-([\w-]+)>` \|(.+)\|$", re.MULTILINE)
CARD = re.compile(
    r"^\(example-([\w-]+)\)=\n### ([^\n]+)\n(.*?)(?=^\(example-|^## |\Z)", re.MULTILINE | re.DOTALL
)
FACTS = (
    "Task",
    "Data",
    "What is learned, by whom or what",
    "Dissemination",
    "How the loop closes",
    "What was measured",
    "Shows",
    "How sure",
    "Source",
)


def part_problems(name: str, text: str) -> list[str]:
    """What each page on getting started must have."""
    return [
        f"{name} has not {part}; every page on getting started has one"
        for part, pattern in PARTS.items()
        if not re.search(pattern, text, re.MULTILINE)
    ]


def template_problems(texts: dict[str, str], templates: dict[str, str]) -> list[str]:
    """Templates that no page offers, downloads without a file, filled examples that do not say they are invented."""
    offered = {(page, target) for page, text in texts.items() for target in DOWNLOAD.findall(text)}
    gone = [
        f"{page} offers {target}, and there is no such template"
        for page, target in offered
        if target not in templates
    ]
    idle = [
        f"book/templates/{name}: no page offers it; link it with {{download}}"
        for name in sorted(set(templates) - {target for _, target in offered})
    ]
    unsaid = [
        f"book/templates/{name} does not say that its hospital is invented"
        for name, text in templates.items()
        if name.endswith("-lindenfield.md") and "is an invented hospital" not in text
    ]
    return sorted(gone) + idle + unsaid


def law_problems(name: str, text: str, lines: tuple[str, ...]) -> list[str]:
    """Statements of law without a date, or without what to check: every `###` of the page has each of `lines`."""
    problems = []
    for section in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        body = re.split(r"^## ", body, flags=re.MULTILINE)[0]
        if not re.search(rf"^- \*\*As of {DATE}:\*\* ", body, re.MULTILINE):
            problems.append(
                f"{name}, {title}: no line `- **As of <date>:** ...`; say when this was found to be so"
            )
        problems += [
            f"{name}, {title}: no line `- **{line}:** ...`"
            for line in lines
            if not re.search(rf"^- \*\*{line}:\*\* ", body, re.MULTILINE)
        ]
    return problems


def judgements(text: str) -> dict[str, dict[str, str]]:
    """Of each example in the overview: what it says on D, M, C and R."""
    found = {}
    for _, key, cells in ROW.findall(text):
        values = [cell.strip() for cell in cells.split("|")]
        found[key] = dict(zip(LETTERS, values[2:6], strict=True))
    return found


def example_problems(text: str) -> list[str]:
    """Where overview, tables of facts and the counts in the text disagree."""
    overview, cards = judgements(text), {key: body for key, _, body in CARD.findall(text)}
    problems = [f"{key} stands in the overview or below, not in both" for key in set(overview) ^ set(cards)]
    for key in set(overview) & set(cards):
        stated = dict(re.findall(r"\b([DMCR]) (yes|partly|no)\b", cards[key].partition("| Shows |")[2]))
        if stated != overview[key]:
            problems.append(f"{key}: the overview says {overview[key]}, its table {stated}")
        facts = tuple(re.findall(r"^\| ([^|]+?) \| \S", cards[key], re.MULTILINE))
        if tuple(fact for fact in facts if fact in FACTS) != FACTS:
            problems.append(f"{key}: its table of facts has not the rows {', '.join(FACTS)}, all filled")
        if "{cite" not in cards[key].partition("| Source |")[2]:
            problems.append(f"{key} cites no source")
    total = len(overview)
    learn = sum(judged["C"] == "yes" for judged in overview.values())
    whole = sum(set(judged.values()) == {"yes"} for judged in overview.values())
    claim = f"**C is *yes* in {learn} of {total}, and only {whole} of {total} is *yes* in all four columns.**"
    if claim not in text:
        problems.append(f"the gap is not stated as the table has it; write: {claim}")
    return sorted(problems)


READINGS = {"paper", "abstract", "text copy", "copy", "rule", "page", "register", "secondary", "not found"}


def claim_problems(texts: dict[str, str], rows: list[dict[str, str]]) -> list[str]:
    """Works cited that the table of claims does not hold, rows nobody needs, rows that are not filled."""
    table, used = "book/claims.csv", {key for text in texts.values() for key in cited(text)}
    held = [row["work"] for row in rows]
    problems = [
        f"{table} has no row for `{key}`; say what it is cited for and what was read"
        for key in sorted(used - set(held))
    ]
    problems += [f"{table}: no page cites `{key}`; remove the row" for key in sorted(set(held) - used)]
    problems += [f"{table} has `{key}` twice" for key in sorted({k for k in held if held.count(k) > 1})]
    for row in rows:
        if row["what was read"].removesuffix(", in part") not in READINGS:
            problems.append(
                f"{table}, {row['work']}: `{row['what was read']}` is none of {', '.join(sorted(READINGS))}"
            )
        if (
            not re.fullmatch(r"20\d\d-\d\d-\d\d", row["checked on"])
            or not row["what it is cited for"].strip()
        ):
            problems.append(f"{table}, {row['work']}: no day on which it was checked, or no claim")
    return problems
