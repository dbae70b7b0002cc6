"""A site: whom it serves and how well it keeps its records. Clinics differ in both."""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lhs_helpers.errors import LHSError
from lhs_helpers.patients.people import INSURANCE, RACES

Share = Annotated[float, Field(ge=0, le=1)]
EVERYBODY = "everybody"


class Site(BaseModel):
    """A place of care and the mix of people around it.

    Attributes
    ----------
    name : what the records call it.
    races : share of each group of `people.RACES`; the default is the US census of 2020.
    uninsured, public : shares of adults below 65, NHIS 2022-2023 by default.
    visits : how often people come, against the published rates (below 1: far away, few doctors).
    tests : how often a laboratory panel is made at a visit, against other sites.
    recorded : share of diagnoses made that are written down, by group (a race, an insurance, or "everybody");
        the smallest that applies counts. What is missing in the record stands in the answer key.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "hospital"
    races: tuple[Share, ...] = (0.578, 0.187, 0.121, 0.059, 0.055)
    uninsured: Share = 0.115
    public: Share = 0.21
    visits: Annotated[float, Field(gt=0, le=5)] = 1.0
    tests: Annotated[float, Field(gt=0, le=2)] = 1.0
    recorded: dict[str, Share] = {}

    @model_validator(mode="after")
    def _sensible(self):
        if len(self.races) != len(RACES) or abs(sum(self.races) - 1) > 0.005:
            raise ValueError(f"races needs {len(RACES)} shares that add up to 1: {', '.join(RACES)}")
        if self.uninsured + self.public > 1:
            raise ValueError("uninsured and public add up to more than 1")
        if unknown := set(self.recorded) - {EVERYBODY, *RACES, *INSURANCE}:
            known = ", ".join((EVERYBODY, *RACES, *INSURANCE))
            raise ValueError(f"recorded names {', '.join(sorted(unknown))}; groups are {known}")
        return self

    def share_recorded(self, people, who: np.ndarray) -> np.ndarray:
        """For each of `who` (index): the share of their diagnoses that is written down."""
        share = np.full(who.size, self.recorded.get(EVERYBODY, 1.0))
        for groups, of in ((RACES, people.race[who]), (INSURANCE, people.insurance[who])):
            share = np.minimum(share, np.array([self.recorded.get(g, 1.0) for g in groups])[of])
        return share


def as_site(site: "Site | str | dict") -> Site:
    """A site from its name or its parameters; LHSError when they make no sense."""
    try:
        return Site(name=site) if isinstance(site, str) else Site.model_validate(site)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "site"
        raise LHSError(f"Site, {key}: {first['msg'].removeprefix('Value error, ')}.") from None
