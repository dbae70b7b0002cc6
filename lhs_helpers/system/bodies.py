"""The bodies of requests: the form of feedback, and how a body that does not fit is answered with a sentence."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from lhs_helpers.system.fhir_events import Refused

Short = Annotated[str, StringConstraints(max_length=1_000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Suggestion(_Body):
    id: Short


class Reason(_Body):
    system: Short | None = None
    code: Short
    display: Short | None = None


class OverrideReason(_Body):
    reason: Reason | None = None
    userComment: Annotated[str, StringConstraints(max_length=4_000)] | None = None


class Feedback(_Body):
    card: UUID
    outcome: Literal["accepted", "overridden"]
    acceptedSuggestions: Annotated[list[Suggestion], Field(max_length=100)] = []
    overrideReason: OverrideReason | None = None
    outcomeTimestamp: datetime

    @model_validator(mode="after")
    def _which(self) -> "Feedback":
        if self.outcome == "accepted" and not self.acceptedSuggestions:
            raise ValueError("an accepted card names its acceptedSuggestions")
        if not 1900 < self.outcomeTimestamp.year < 2200:
            raise ValueError("the outcomeTimestamp lies in no year of clinical use")
        return self


class FeedbackRequest(_Body):
    """The body of a call of the feedback endpoint (CDS Hooks 2.0)."""

    feedback: Annotated[list[Feedback], Field(min_length=1, max_length=1_000)]


def read_body(model: type[BaseModel], body: bytes) -> Any:
    """The body as `model`, or a sentence that says where it does not fit; what it held is not repeated."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        said = first["msg"].removeprefix("Value error, ")
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
        status = 400 if first["type"] == "json_invalid" else 422
        raise Refused(status, f"The request can not be used: {where}: {said}.{more}") from None


def feedback_entry(given: Feedback) -> dict[str, Any]:
    """What goes into the journal of one piece of feedback."""
    override = given.overrideReason or OverrideReason()
    return {
        "card": str(given.card),
        "outcome": given.outcome,
        "reason": override.reason.code if override.reason else None,
        "comment": override.userComment,
        "accepted": len(given.acceptedSuggestions),
        "at": _utc(given.outcomeTimestamp).isoformat(),
    }


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def documented(model: type[BaseModel]) -> dict[str, Any]:
    """The body's schema for /openapi.json: the body is read by hand, so that errors become sentences."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    content = {"application/json": {"schema": _inlined(schema)}}
    return {"openapi_extra": {"requestBody": {"required": True, "content": content}}}


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    parts = schema.pop("$defs", {})

    def put(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                return put(parts[value["$ref"].rpartition("/")[2]])
            return {key: put(part) for key, part in value.items()}
        return [put(part) for part in value] if isinstance(value, list) else value

    return put(schema)
