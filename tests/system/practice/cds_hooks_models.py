"""What CDS Hooks 2.0 says of answers, as strict models: no other element, nothing null, nothing empty.

Written from the specification (HL7 CDS Hooks 2.0, sections Discovery, CDS Service Response and Feedback).
"""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Text = Annotated[str, StringConstraints(min_length=1, strict=True)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _nothing_null_or_empty(cls, value: Any) -> Any:
        allowed = {"cards", "services"}
        for key, part in value.items():
            if part is None or (key not in allowed and part in ("", [], {})):
                raise ValueError(f"{key} is null or empty, and must be left out")
        return value


class Coding(Strict):
    system: Text
    code: Text
    display: Text  # an override reason must have one


class Source(Strict):
    label: Text
    url: Text | None = None
    icon: Text | None = None
    topic: Coding | None = None


class Action(Strict):
    type: Literal["create", "update", "delete"]
    description: Text
    resource: dict[str, Any] | None = None
    resourceId: Text | None = None

    @model_validator(mode="after")
    def _resource_where_needed(self) -> "Action":
        assert (self.resource is not None) == (self.type in ("create", "update"))
        return self


class Suggestion(Strict):
    label: Text
    uuid: UUID | None = None
    isRecommended: bool | None = None
    actions: list[Action] | None = None


class Link(Strict):
    label: Text
    url: Text
    type: Literal["absolute", "smart"]
    appContext: Text | None = None


class Card(Strict):
    uuid: UUID | None = None
    summary: Annotated[Text, Field(max_length=139)]
    detail: Text | None = None
    indicator: Literal["info", "warning", "critical"]
    source: Source
    suggestions: list[Suggestion] | None = None
    selectionBehavior: Literal["at-most-one", "any"] | None = None
    overrideReasons: list[Coding] | None = None
    links: list[Link] | None = None

    @model_validator(mode="after")
    def _selection_behaviour_with_suggestions(self) -> "Card":
        assert self.suggestions is None or self.selectionBehavior is not None
        return self


class Answer(Strict):
    cards: list[Card]
    systemActions: list[Action] | None = None


class Service(Strict):
    hook: Text
    title: Text | None = None
    description: Text
    id: Text
    prefetch: dict[Text, Text] | None = None
    usageRequirements: Text | None = None


class Discovery(Strict):
    services: list[Service]
