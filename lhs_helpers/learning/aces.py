"""A task in the form of ACES, the Automatic Cohort Extraction System (https://eventstreamaces.readthedocs.io).

Others can extract the same cohort from their own MEDS dataset. Codes are those of our MEDS export.
"""

import json
import re

import pandas as pd

from lhs_helpers.learning.index_rule import IndexRule
from lhs_helpers.learning.task import Task

INDEX_CODE = "INDEX_DATE"


def to_aces(task: Task, at: str | pd.Timestamp | None = None) -> str:
    """The task as the text of an ACES configuration file (YAML): predicates, trigger, windows.

    ACES knows one time per event, so it can not ask when the record knew; and it starts at events, not at dates.
    For a task asked on a date, add one event with the code ``INDEX_DATE`` at that time to each person. What else
    differs from `cohort` is listed under ``metadata: differs`` in the text.

    Parameters
    ----------
    task : Task
    at : str or Timestamp, optional
        The index date, for ages to the day; without it a year is 365.25 days.
    """
    trigger, index, windows = _trigger(task.index)
    windows |= _history(task, index) | _ages(task, index, at) | _future(task, index)
    config = {
        "description": str(task),
        "metadata": {"differs": _differences(task)},
        "predicates": _predicates(task),
        "trigger": trigger,
        "windows": windows,
    }
    if task.sex:
        config["patient_demographics"] = {"sex": {"code": f"SEX//{task.sex}"}}
    return "\n".join(_yaml(config)) + "\n"


def _predicates(task: Task) -> dict:
    codes = {"target": ("MEDS_DEATH",) if task.target_kind == "death" else task.target}
    codes |= {"required": task.required, "excluded": task.excluded}
    found = {name: {"code": {"any": list(these)}} for name, these in codes.items() if these}
    found |= {
        "birth": {"code": "MEDS_BIRTH"},
        "death": {"code": "MEDS_DEATH"},
        "registered": {"code": "REGISTERED"},
        "left": {"code": "LEFT"},
    }
    if task.if_died == "outcome":
        found["target_or_death"] = {"expr": "or(target, death)"}
    rule = task.index
    if rule.kind == "date":
        found["index"] = {"code": INDEX_CODE}
    elif rule.kind == "diagnosis":
        found["index"] = {"code": {"any": list(rule.codes)}}
    elif rule.kind == "visit":
        for visit in rule.visits:
            found[f"visit_{visit}"] = {"code": {"regex": "."}, "class": visit}
        if len(rule.visits) > 1:
            found["index"] = {"expr": f"or({', '.join(f'visit_{visit}' for visit in rule.visits)})"}
    return found


def _trigger(rule: IndexRule) -> tuple[str, str, dict]:
    """The event at which ACES starts, how windows refer to the index date, and windows that this needs."""
    if rule.kind == "age":
        reached = _window("trigger", f"start + {round(rule.years * 365.25)} days")
        return "birth", "reached.end", {"reached": reached}
    if rule.kind == "visit" and len(rule.visits) == 1:
        return f"visit_{rule.visits[0]}", "trigger", {}
    if rule.kind == "diagnosis":
        return (
            "index",
            "trigger",
            {"first": _window(None, "trigger", end_inclusive=False, has={"index": "(None, 0)"})},
        )
    return "index", "trigger", {}


def _history(task: Task, index: str) -> dict:
    ends = f"{index} - {task.gap_days} days" if task.gap_days else index
    has = {"registered": "(1, None)", "death": "(None, 0)", "left": "(None, 0)"}
    if task.required:
        has["required"] = "(1, None)"
    if task.excluded:
        has["excluded"] = "(None, 0)"
    prior = task.prior_outcome == "exclude"
    if prior and task.washout_days is None and task.target_kind != "death":
        has["target"] = "(None, 0)"
    windows = {
        "look_back": _window(f"end - {task.lookback_days} days", ends, end_inclusive=False),
        "before": _window(None, index, has=has) | {"index_timestamp": "end"},
    }
    if prior and task.washout_days is not None:
        start = f"end - {task.washout_days} days"
        windows["washout"] = _window(start, index, start_inclusive=False, has={"target": "(None, 0)"})
    if task.min_history_days:
        until = f"{index} - {task.min_history_days} days"
        windows["known"] = _window(None, until, has={"registered": "(1, None)"})
    return windows


def _ages(task: Task, index: str, at: str | pd.Timestamp | None) -> dict:
    """Born after the day that would make too old, and not after the one that would make too young."""

    def days(years: int) -> int:
        if at is None:
            return round(years * 365.25)
        return (pd.Timestamp(at) - (pd.Timestamp(at) - pd.DateOffset(years=years))).days

    born = f"end - {days(task.max_age + 1)} days"
    windows = {"not_too_old": _window(born, index, start_inclusive=False, has={"birth": "(1, None)"})}
    if task.min_age:
        born = f"end - {days(task.min_age)} days"
        windows["too_young"] = _window(born, index, start_inclusive=False, has={"birth": "(None, 0)"})
    return windows


def _future(task: Task, index: str) -> dict:
    windows, opens = {}, index
    if task.gap_days:
        gap = {"target": "(None, 0)"} if task.prior_outcome == "exclude" else {}
        windows["gap"] = _window(index, f"start + {task.gap_days} days", start_inclusive=False, has=gap)
        opens = "gap.end"
    has = {"left": "(None, 0)"} if task.if_left == "exclude" else {}
    if task.if_died == "exclude":
        has["death"] = "(None, 0)"
    label = "target_or_death" if task.if_died == "outcome" else "target"
    window = _window(opens, f"start + {task.window_days} days", start_inclusive=False, has=has)
    windows["prediction"] = window | {"label": label}
    if task.required_follow_up_days:
        end = f"start + {task.required_follow_up_days} days"
        windows["followed"] = _window(index, end, start_inclusive=False, has={"left": "(None, 0)"})
    return windows


def _window(
    start: str | None,
    end: str,
    *,
    start_inclusive: bool = True,
    end_inclusive: bool = True,
    has: dict | None = None,
) -> dict:
    window = {"start": start, "end": end}
    window |= {"start_inclusive": start_inclusive, "end_inclusive": end_inclusive}
    return window | ({"has": has} if has else {})


def _differences(task: Task) -> list[str]:
    """Where ACES, reading this text, finds other people or labels than `cohort`."""
    found = [
        "Events count at their own time, also those that the record knew only later.",
        "Who left and registered again before the index date is not found.",
        "The end of the data is not looked at: a window that closes after it counts as free of the outcome.",
    ]
    if task.index.kind == "date":
        found.append(f"Each person needs one event with the code {INDEX_CODE} at the index date.")
    if task.index.kind == "visit":
        found.append(
            "Every visit gives a row, not only the first; the data need the class of a visit, as `class`."
        )
    if task.index.kind in ("age", "diagnosis"):
        found.append("The period in which index dates may lie is not looked at.")
    if task.if_left == "exclude" or task.if_died == "exclude" or task.required_follow_up_days:
        found.append("Who leaves or dies early is taken out also when the outcome came first.")
    return found


def _yaml(value: dict | list, indent: str = "") -> list[str]:
    """Block style; what stands at the ends is written as JSON, which is YAML too."""
    lines = []
    for key, item in value.items():
        if isinstance(item, dict) and item:
            lines += [f"{indent}{key}:", *_yaml(item, indent + "  ")]
        elif isinstance(item, list) and len(item) > 1:
            lines += [f"{indent}{key}:", *(f"{indent}  - {_scalar(one)}" for one in item)]
        else:
            lines.append(f"{indent}{key}: {_scalar(item)}")
    return lines


def _scalar(value: object) -> str:
    plain = isinstance(value, str) and re.fullmatch(r"[a-z_]+(\.end)?( [-+] \d+ days)?", value)
    return value if plain else json.dumps(value, ensure_ascii=False)
