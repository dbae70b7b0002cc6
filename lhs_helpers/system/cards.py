"""The card a clinician sees (CDS Hooks 2.0), and the risk as a FHIR R4 RiskAssessment to keep."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from lhs_helpers.system.fhir_events import URLS
from lhs_helpers.system.reasons import main_reasons

if TYPE_CHECKING:
    from lhs_helpers.system.release import Release

REASON_SYSTEM = "urn:lhs-helpers:override-reason"
OVERRIDE_REASONS = {
    "known": "Already known and acted on",
    "not-applicable": "Does not fit this patient",
    "disagree": "I judge the risk differently",
    "declined": "The patient declined",
    "no-time": "No time now",
    "too-many": "Too many alerts",
}


def card(release: "Release", patient_id: str, row: np.ndarray, risk: float, at: datetime) -> dict[str, Any]:
    """One card: the risk, its interval, the main reasons, the source, and the RiskAssessment to accept."""
    low, high, people = release.interval(risk)
    days = release.task.window_days
    detail = [
        f"Of {people:,} people in the evaluation whose risk was near this one, between {percent(low)} and "
        f"{percent(high)} had the outcome (95 % interval).",
        "",
        *_reasons(release, row),
        "",
        f"Alerts begin at {percent(release.threshold)}. {release.card['UsesAndDirections']['IntendedUseAndWorkflow']}",
    ]
    return {
        "uuid": str(uuid4()),
        "summary": _short(f"{release.task.name}: risk {percent(risk)} in {days:,} days", 139),
        "detail": "\n".join(detail),
        "indicator": "warning",
        "source": {"label": f"{release.name} {release.version}, release {release.identity[:12]}"},
        "suggestions": [
            {
                "label": "Keep this risk in the chart",
                "uuid": str(uuid4()),
                "actions": [
                    {
                        "type": "create",
                        "description": f"Add a risk assessment: {release.task.name}, {percent(risk)}",
                        "resource": risk_assessment(release, patient_id, risk, at),
                    }
                ],
            }
        ],
        "selectionBehavior": "at-most-one",
        "overrideReasons": [
            {"system": REASON_SYSTEM, "code": code, "display": display}
            for code, display in OVERRIDE_REASONS.items()
        ],
    }


def risk_assessment(release: "Release", patient_id: str, risk: float, at: datetime) -> dict[str, Any]:
    """A FHIR R4 RiskAssessment; its probability is in percent, as FHIR has it."""
    task = release.task
    low, high, people = release.interval(risk)
    codes = [code.split(":", 1) for code in task.target if ":" in code]
    coding = [{"system": URLS[system], "code": code} for system, code in codes if system in URLS]
    day = {"unit": "days", "system": "http://unitsofmeasure.org", "code": "d"}
    outcome: dict[str, Any] = {"text": task.name} | ({"coding": coding} if coding else {})
    return {
        "resourceType": "RiskAssessment",
        "status": "preliminary",
        "method": {
            "text": f"{release.name} {release.version} ({release.algorithm}), {release.identity[:12]}"
        },
        "subject": {"reference": f"Patient/{patient_id}"},
        "occurrenceDateTime": at.date().isoformat(),
        "prediction": [
            {
                "outcome": outcome,
                "probabilityDecimal": round(100 * risk, 3),
                "whenRange": {
                    "low": {"value": task.gap_days} | day,
                    "high": {"value": task.gap_days + task.window_days} | day,
                },
                "rationale": f"Observed among {people:,} people with a risk near this one: {percent(low)} to "
                f"{percent(high)} (95 % interval).",
            }
        ],
    }


def percent(risk: float) -> str:
    """A risk as people read it: two digits that count, never more than one decimal above 1 %."""
    hundred = 100 * risk
    return f"{hundred:.0f} %" if hundred >= 10 else f"{hundred:.1f} %" if hundred >= 1 else f"{hundred:.2g} %"


def _reasons(release: "Release", row: np.ndarray) -> list[str]:
    reasons = main_reasons(release, row)
    if reasons is None:
        return [f"What moved this risk is not known: a {release.algorithm} does not say."]
    if not reasons:
        return ["No feature moved this risk much away from that of the average person."]
    listed = [f"- {feature} ({direction} it)" for feature, direction in reasons]
    return ["What moved the risk most, in the model and not as a cause:", "", *listed]


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
