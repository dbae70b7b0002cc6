"""What the tests of the service share. Not in conftest.py: of that name there are several."""

from uuid import uuid4

AT = "2018-01-01"  # the day on which clinicians ask
JSON = {"Content-Type": "application/json"}


def accepted(card, suggestion=None):
    return {
        "card": card,
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": suggestion or str(uuid4())}],
        "outcomeTimestamp": "2018-01-01T10:00:00Z",
    }


def overridden(card, code="known", comment="seen last week"):
    reason = {"reason": {"system": "urn:lhs-helpers:override-reason", "code": code}, "userComment": comment}
    return {
        "card": card,
        "outcome": "overridden",
        "overrideReason": reason,
        "outcomeTimestamp": "2018-01-01T11:00:00+01:00",
    }
