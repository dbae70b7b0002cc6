"""The model card of a release, in the form of the CHAI Applied Model Card (Coalition for Health AI, schema v0.2).

Every element of the schema is there. What nobody stated says so: a gap that is seen can be asked about.
"""

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import Task

NOT_STATED = "Not stated."
SCHEMA = "CHAI Applied Model Card, schema v0.2"
METRIC = (
    "MetricGoal",
    "Results",
    "Interpretation",
    "TestType",
    "TestingDataDescription",
    "ValidationProcessAndJustification",
)
# The elements in the schema's order; a tuple lists texts, a mapping goes deeper.
FORM: dict[str, Any] = {
    "BasicInfo": ("ModelName", "ModelDeveloper", "DeveloperContact"),
    "ReleaseInfo": (
        "ReleaseStage",
        "ReleaseDate",
        "ReleaseVersion",
        "GlobalAvailability",
        "RegulatoryApproval",
    ),
    "ModelSummary": ("Summary", "Keywords"),
    "UsesAndDirections": (
        "IntendedUseAndWorkflow",
        "PrimaryIntendedUsers",
        "HowToUse",
        "TargetedPatientPopulation",
        "CautionedOutOfScopeSettings",
    ),
    "Warnings": ("KnownRisksAndLimitations", "KnownBiasesOrEthicalConsiderations", "ClinicalRiskLevel"),
    "TrustIngredients": {
        "AISystemFacts": (
            "OutcomesAndOutputs",
            "ModelType",
            "InputDataSource",
            "OutputAndInputDataTypes",
            "DevelopmentDataCharacterization",
            "BiasMitigationApproaches",
            "OngoingMaintenance",
            "Security",
            "Transparency",
        ),
        "TransparencyInformation": ("FundingSource", "ThirdPartyInformation", "StakeholdersConsulted"),
    },
    "KeyMetrics": {
        "UsefulnessUsabilityEfficacy": METRIC,
        "FairnessEquity": METRIC,
        "SafetyReliability": METRIC,
    },
    "Resources": (
        "EvaluationReferences",
        "ClinicalTrial",
        "PeerReviewedPublications",
        "ReimbursementStatus",
        "PatientConsentOrDisclosure",
    ),
    "Bibliography": None,
}
USEFUL = ("AUROC", "AUPRC", "recall", "precision", "specificity", "alert rate")
SAFE = ("O/E", "calibration intercept", "calibration slope", "Brier")


def model_card(
    *,
    name: str,
    version: str,
    date: str,
    task: Task,
    algorithm: str,
    threshold: float,
    features: pd.DataFrame,
    metrics: pd.DataFrame,
    groups: pd.DataFrame | None = None,
    stated: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The card as nested dictionaries with the schema's element names.

    Parameters
    ----------
    metrics : DataFrame
        As ``evaluate`` returns it: indexed by measure; estimate, low, high.
    groups : DataFrame, optional
        The same measures by group, with a column ``group``; they make the section on fairness.
    stated : mapping, optional
        What people state, by element: ``{"ModelDeveloper": "Ward 4", "FundingSource": "none"}``. It takes the
        place of what would be filled in.

    Raises
    ------
    LHSError
        When `stated` names an element the form does not have.
    """
    texts = dict.fromkeys(_elements(FORM), NOT_STATED)
    texts |= {
        "ModelName": name,
        "ReleaseDate": date,
        "ReleaseVersion": version,
        "ReleaseStage": "Research and teaching",
        "GlobalAvailability": "Wherever this folder is copied to",
        "RegulatoryApproval": "None",
        "Summary": str(task),
        "Keywords": f"{task.name}, risk prediction, {algorithm}",
        "IntendedUseAndWorkflow": "For learning about learning health systems. Not for care.",
        "PrimaryIntendedUsers": "Students, data scientists and clinical teams who learn with synthetic records",
        "HowToUse": f"Risks of {threshold:g} or more raise an alert; below it nothing is shown.",
        "TargetedPatientPopulation": f"Aged {task.min_age} to {task.max_age}, without the outcome on record",
        "CautionedOutOfScopeSettings": "Patients outside this population; sites where it was not tried silently first",
        "KnownRisksAndLimitations": "Judged on the records it was developed with; it can be wrong elsewhere and later.",
        "OutcomesAndOutputs": f"Probability of a first {' or '.join(task.target)} within {task.window_days} days "
        f"after a gap of {task.gap_days}",
        "ModelType": algorithm,
        "InputDataSource": f"Structured record of the past {task.lookback_days} days",
        "OutputAndInputDataTypes": f"{len(features)} features of {features['code'].nunique()} codes, "
        f"of the kinds {', '.join(sorted(features['kind'].unique()))}; one probability out",
        "Security": "No pickle; every file is hashed; the service needs a token outside this computer",
        "Transparency": "The feature dictionary and the metrics are in the release",
    }
    unknown = [element for element in stated or {} if element not in texts]
    if unknown:
        raise LHSError(
            f"The model card has no element {unknown[0]!r}; its elements are {', '.join(_elements(FORM))}."
        )
    card = _filled(FORM, texts | dict(stated or {}))
    sections = card["KeyMetrics"]
    sections["UsefulnessUsabilityEfficacy"]["Results"] = _results(metrics, USEFUL)
    sections["SafetyReliability"]["Results"] = _results(metrics, SAFE)
    sections["FairnessEquity"]["Results"] = "Not measured." if groups is None else _by_group(groups)
    return card


def markdown(card: Mapping[str, Any]) -> str:
    """The card as a page to read."""
    lines = [f"# Model card: {card['BasicInfo']['ModelName']}", "", f"Form: {SCHEMA}.", ""]
    _write(card, 2, lines)
    return "\n".join(lines).rstrip() + "\n"


def _elements(form: Any) -> list[str]:
    """The elements that hold a text and can be stated; those of the metrics are shared by their sections."""
    if isinstance(form, tuple):
        return [element for element in form if element != "Results"]
    deeper = (_elements(part) if part else [name] for name, part in form.items())
    return list(dict.fromkeys(element for part in deeper for element in part))


def _filled(form: Any, texts: Mapping[str, str]) -> dict[str, Any]:
    if isinstance(form, tuple):
        return {element: texts.get(element, NOT_STATED) for element in form}
    return {name: _filled(part, texts) if part else texts[name] for name, part in form.items()}


def _results(metrics: pd.DataFrame, wanted: tuple[str, ...]) -> list[dict[str, Any]]:
    rows = metrics.loc[[measure for measure in wanted if measure in metrics.index]]
    return [{"Label": row.Index, "Value": _interval(row)} for row in rows.itertuples()] or "Not measured."


def _by_group(groups: pd.DataFrame) -> list[dict[str, Any]]:
    rows = groups.reset_index()
    return [{"Label": f"{row.measure}, {row.group}", "Value": _interval(row)} for row in rows.itertuples()]


def _interval(row: Any) -> str:
    """An estimate with its interval, as people write it."""
    if pd.isna(row.estimate):
        return "has no value here"
    bounds = "" if pd.isna(row.low) else f" (95 % interval {row.low:.3g} to {row.high:.3g})"
    return f"{row.estimate:.3g}{bounds}"


def _write(part: Mapping[str, Any], level: int, lines: list[str]) -> None:
    for name, value in part.items():
        words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]+", name)
        title = " ".join([words[0], *(word if word.isupper() else word.lower() for word in words[1:])])
        if isinstance(value, Mapping):
            lines += [f"{'#' * level} {title}", ""]
            _write(value, level + 1, lines)
        elif isinstance(value, list):
            lines += [f"**{title}**", "", *(f"- {row['Label']}: {row['Value']}" for row in value), ""]
        else:
            lines += [f"**{title}**: {value}", ""]
