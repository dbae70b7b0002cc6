"""A code of a clinical terminology, SYSTEM:value: the form its system gives it, and its check digit; asks no server."""

import re
from typing import Annotated

from pydantic import AfterValidator
from stdnum import luhn, verhoeff

# In SNOMED CT, 00 or 10 before the last digit means a concept, as opposed to one of its names.
FORMS = {
    "SNOMED": r"[1-9]\d{2,14}[01]0\d",
    "LOINC": r"[1-9]\d{0,6}-\d",
    "RxNorm": r"[1-9]\d{0,7}",
    "CVX": r"\d{1,3}",
}
# The last digit of these is computed from the others.
CHECKED = {"SNOMED": verhoeff.is_valid, "LOINC": luhn.is_valid}


def _code(text: str) -> str:
    system, _, value = text.partition(":")
    if system not in FORMS:
        raise ValueError(
            f"'{text}' is not a code: write SYSTEM:value with one of the systems {', '.join(FORMS)}"
        )
    if not re.fullmatch(FORMS[system], value, re.ASCII):
        raise ValueError(f"'{text}' is not a code: {system} has none of this form")
    if system in CHECKED and not CHECKED[system](value.replace("-", "")):
        raise ValueError(
            f"'{text}' is no code of {system}: its last digit does not fit the others, so one is wrong"
        )
    return text


Code = Annotated[str, AfterValidator(_code)]
