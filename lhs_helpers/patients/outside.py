"""Two published risk equations that no disease file uses: a check from outside on the generated people.

Both take a survey or cohort of `realism` (one row a person, `realism.Observed.cohort`). Nothing in them may ever feed
a disease file: they can only tell something about the generated people as long as they were not put into them.
What the world does not have (family history, left ventricular hypertrophy; heart disease, if its files are not
loaded) counts as absent.
"""

import numpy as np
import pandas as pd

RACE = (0.0, -0.7434744, 0.3944778, -0.466585, 0.0)  # in the order of people.RACES
SCHOOLING = (1, 2, 4, 5)  # of PLCO's six levels, in the order of people.EDUCATION
OTHER_CANCERS = ("colorectal_cancer", "breast_cancer")
HEART_DISEASE = ("coronary_disease", "myocardial_infarction", "heart_failure")

# Upper limits of age and of systolic pressure (untreated, treated) for 0, 1, 2 ... points; points of what is present;
# ten-year probability (%) of 1, 2, 3 ... points.
WOMEN = {
    "age": [56, 59, 62, 64, 67, 70, 73, 76, 78, 81],
    "untreated": [94, 106, 118, 130, 143, 155, 167, 180, 192, 204],
    "treated": [94, 106, 113, 119, 125, 131, 139, 148, 160, 204],
    "diabetes": 3, "smokes": 3, "heart disease": 2, "atrial fibrillation": 6,
    "risk": [1, 1, 2, 2, 2, 3, 4, 4, 5, 6, 8, 9, 11, 13, 16, 19, 23, 27, 32, 37, 43, 50, 57, 64, 71, 78, 84],
}  # fmt: skip
MEN = {
    "age": [56, 59, 62, 65, 68, 72, 75, 78, 81, 84],
    "untreated": [105, 115, 125, 135, 145, 155, 165, 175, 185, 195],
    "treated": [105, 112, 117, 123, 129, 135, 142, 150, 161, 176],
    "diabetes": 2, "smokes": 3, "heart disease": 4, "atrial fibrillation": 4,
    "risk": [3, 3, 4, 4, 5, 5, 6, 7, 8, 10, 11, 13, 15, 17, 20, 22, 26, 29, 33, 37, 42, 47, 52, 57, 63, 68, 74, 79,
             84, 88],
}  # fmt: skip


def plcom2012(people: pd.DataFrame) -> np.ndarray:
    """Probability of a diagnosis of lung cancer within six years, of people who smoke or have smoked.

    Tammemagi MC et al., N Engl J Med 2013;368:728-36, doi 10.1056/NEJMoa1211776, table 2; made for ages 55 to 74.
    """
    log_odds = (
        -4.532506
        + 0.0778868 * (people["age"] - 62)
        + np.array(RACE)[people["race"]]
        - 0.0812744 * (np.array(SCHOOLING)[people["education"]] - 4)
        - 0.0274194 * (people["bmi"] - 27)
        + 0.3553063 * people["copd diagnosed"]
        + 0.4589971 * _any(people, OTHER_CANCERS)
        + 0.2597431 * people["smokes"]
        - 1.822606 * (10 / people["cigarettes"] - 0.4021541613)
        + 0.0317321 * (people["years smoked"] - 27)
        - 0.0308572 * (people["years since quitting"] - 10)
    )
    return (1 / (1 + np.exp(-log_odds))).to_numpy()


def framingham_stroke(people: pd.DataFrame) -> np.ndarray:
    """Probability of a first stroke within ten years, by the points of the Framingham study.

    D'Agostino RB et al., Stroke 1994;25:40-3, doi 10.1161/01.STR.25.1.40; made for ages 55 to 84.
    """
    return np.where(people["sex"] == 0, _framingham(people, WOMEN), _framingham(people, MEN))


def _framingham(people: pd.DataFrame, table: dict) -> np.ndarray:
    treated = people["takes a pressure drug"].to_numpy(bool)
    pressure = [np.searchsorted(table[name], people["systolic"].round()) for name in ("untreated", "treated")]
    points = np.searchsorted(table["age"], np.floor(people["age"])) + np.where(
        treated, pressure[1], pressure[0]
    )
    present = {
        "diabetes": people["type_2_diabetes diagnosed"],
        "smokes": people["smokes"],
        "heart disease": _any(people, HEART_DISEASE),
        "atrial fibrillation": people["atrial_fibrillation diagnosed"],
    }
    points += sum(table[name] * np.asarray(has) for name, has in present.items())
    return np.array(table["risk"])[np.clip(points - 1, 0, len(table["risk"]) - 1)] / 100


def _any(people: pd.DataFrame, diseases: tuple[str, ...]) -> np.ndarray:
    """Who has been told of any of these diseases."""
    known = [f"{key} diagnosed" for key in diseases if f"{key} diagnosed" in people]
    return people[known].any(axis=1).to_numpy() if known else np.zeros(len(people), bool)
