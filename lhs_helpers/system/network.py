"""A teaching hospital and its small clinics: who learns from whose records, and whom the result serves.

The clinics differ in size, in whom they serve, and in how much of what they find they write down. One question is
put to all of them, in the columns that the teaching hospital has chosen, as a release carries them. Five ways to
learn are compared on people of every site from whom nobody has learned.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.cohort import cohort, split_people
from lhs_helpers.learning.evaluation import evaluate
from lhs_helpers.learning.plan import FeaturePlan
from lhs_helpers.learning.task import Task
from lhs_helpers.patients.hospital import Hospital
from lhs_helpers.patients.sites import EVERYBODY, Site
from lhs_helpers.records.emr import EMR
from lhs_helpers.system.bagged_trees import bagged_trees
from lhs_helpers.system.federated import FederatedModel, averaging, newton
from lhs_helpers.system.participant import Participant

SURE = 1e-6  # a risk is never told as 0 or 1
ALERTED = 0.1  # share of each site's people that it can follow up
FEWEST_CASES = 3  # as `learning.train`: with fewer nothing is learned
AVERAGING = {"steps": 5, "rounds": 40}


@dataclass(frozen=True)
class Member:
    """A site of the network.

    Attributes
    ----------
    site : Site
    patients : int
        People whose records it holds: from them it learns.
    judges : int
        Others of its catchment who are never learned from. A real clinic of 300 has nobody to spare for a test; a
        simulated one can ask its neighbours.
    """

    site: Site
    patients: int
    judges: int


def _clinic(name: str, patients: int, *races: float, recorded: dict | None = None, **habits) -> Member:
    return Member(Site(name=name, races=races, recorded=recorded or {}, **habits), patients, 1_500)


# Shares of white, Hispanic, Black, Asian and other people; what is recorded is our assumption, made to differ.
USUAL = (0.578, 0.187, 0.121, 0.059, 0.055)
MEMBERS = (
    Member(Site(name="teaching hospital"), 8_000, 1_500),
    _clinic("town", 3_000, *USUAL, recorded={EVERYBODY: 0.95}),
    _clinic("suburb", 2_000, 0.72, 0.08, 0.05, 0.12, 0.03, uninsured=0.05, public=0.1, tests=1.3),
    _clinic("inner city", 1_500, 0.15, 0.15, 0.6, 0.05, 0.05, public=0.4, recorded={EVERYBODY: 0.95, "black": 0.6}),
    _clinic("border", 1_500, 0.2, 0.7, 0.03, 0.02, 0.05, uninsured=0.3, recorded={EVERYBODY: 0.95, "hispanic": 0.6}),
    _clinic("valley", 1_000, 0.85, 0.08, 0.03, 0.01, 0.03, visits=0.8, recorded={EVERYBODY: 0.9}),
    _clinic("hills", 600, 0.85, 0.05, 0.05, 0.01, 0.04, visits=0.6, tests=0.6, recorded={EVERYBODY: 0.8}),
    _clinic("coast", 400, *USUAL, tests=0.6, recorded={EVERYBODY: 0.9}),
    _clinic("free clinic", 300, 0.3, 0.35, 0.25, 0.05, 0.05, uninsured=0.6, public=0.3, recorded={"none": 0.6}),
)  # fmt: skip


def live(folder: Path | str, members: Sequence[Member], until: str, **parameters) -> Hospital:
    """All sites and their catchments, in one folder of records, until a day; parameters as of `Hospital`.

    The records say at which site a person is. In life they would lie in nine places; what learns below is told.
    """
    first, *others = [(member.patients + member.judges, member.site) for member in members]
    hospital = Hospital(folder, patients=first[0], site=first[1], **parameters)
    for patients, site in others[len(hospital.groups) - 1 :]:
        hospital.join(patients, site)
    hospital.advance(until)
    return hospital


def complete(members: Sequence[Member]) -> tuple[Member, ...]:
    """The same sites, at which everything that is found is written down: the same lives, better records."""
    return tuple(Member(m.site.model_copy(update={"recorded": {}}), m.patients, m.judges) for m in members)


@dataclass(frozen=True)
class Gathered:
    """People at all sites at one index date.

    Attributes
    ----------
    people : dict of DataFrame
        By name of the task, its cohort, with ``group`` (Hispanic people, and others by race) and ``learns``:
        whether the person's records are there to learn from, or the person judges.
    X : DataFrame
        What was known of everybody in one of the cohorts, by patient_id.
    plan : FeaturePlan
        The columns, chosen at the first site.
    """

    people: dict[str, pd.DataFrame]
    X: pd.DataFrame
    plan: FeaturePlan

    def of(self, task: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The cohort of a task, and its rows of `X`."""
        return self.people[task], self.X.loc[self.people[task]["patient_id"]]


def gather(
    emr: EMR,
    tasks: Sequence[Task],
    at: str,
    members: Sequence[Member],
    seed: int = 0,
    min_share: float = 0.02,
) -> Gathered:
    """Cohorts and features of all sites, for tasks that differ in their target only.

    Who learns and who judges depends on the person and the seed, in the proportion of each member's numbers.
    """
    shares = {m.site.name: m.patients / (m.patients + m.judges) for m in members}
    people = {}
    for task in tasks:
        found = cohort(emr, task, at)
        found["learns"] = False
        for site, share in shares.items():
            here = found["site"] == site
            learning = split_people(found[here], share, seed)[0]["patient_id"]
            found.loc[here, "learns"] = found.loc[here, "patient_id"].isin(learning)
        hispanic = found["ethnicity"] == "hispanic"
        found["group"] = found["race"].astype(str).mask(hispanic, "hispanic")
        people[task.name] = found
    everybody = pd.concat(people.values()).drop_duplicates("patient_id").sort_values("patient_id")
    first = everybody[everybody["learns"] & (everybody["site"] == members[0].site.name)]
    plan = FeaturePlan.fit(emr, first, tasks[0], min_share=min_share)
    return Gathered(people, plan.apply(emr, everybody), plan)


def true_outcome(hospital: Hospital, disease: str, people: pd.DataFrame, task: Task) -> pd.Series:
    """By the answer key, written down or not: 1 where the first diagnosis was made in the window, 0 where it was not.

    Diagnoses made elsewhere, after a person left, do not count. Missing for people who had it already and whose
    record does not know. For judging, never for learning: what learns takes a matrix and labels, and nothing here
    gives it this.
    """
    lives = hospital.truth.lives()
    lives = lives[lives["disease"] == disease].set_index("patient_id")["diagnosed"]
    made, index = lives.reindex(people["patient_id"]).to_numpy(), people["index_time"].to_numpy()
    begin = index + np.timedelta64(task.gap_days, "D")
    end = begin + np.timedelta64(task.window_days, "D")
    inside = ((made >= begin) & (made < end) & (made <= people["follow_up_end"].to_numpy())).astype(float)
    return pd.Series(np.where(made < begin, np.nan, inside), people.index, name="true")


def participants(people: pd.DataFrame, X: pd.DataFrame) -> dict[str, Participant]:
    """The sites that learn together: each with its own rows."""
    rows = people["learns"].to_numpy()
    sites = {}
    for site in people["site"].unique():
        here = rows & (people["site"] == site).to_numpy()
        sites[site] = Participant(X[here], people.loc[here, "label"])
    return sites


def risks(
    people: pd.DataFrame, X: pd.DataFrame, first: str, seed: int = 0, trees: bool = True
) -> pd.DataFrame:
    """What each way of learning tells those who judge: a row per person who does not learn, a column per way.

    Parameters
    ----------
    people, X : DataFrame
        From `Gathered.of`.
    first : str
        The site whose model is shared.
    trees : bool
        Also grow trees: at each site, used together ("bagged trees"), and on all rows ("pooled trees").

    Returns
    -------
    DataFrame
        - ``local``: each site learns from its own people; the mean risk where fewer than 3 had the outcome
        - ``pooled``: one model of everybody's rows, in one place
        - ``shared``: the model of the first site, as it is
        - ``recalibrated``: the same, moved to each site's own level by its own people
        - ``federated``: one model of everybody, and no row has moved; ``averaged``: by FedAvg
    """
    columns, sites = list(X.columns), participants(people, X)
    learns = people["learns"].to_numpy()
    together = {"everybody": Participant(X[learns], people.loc[learns, "label"])}
    judging, X_new = people[~learns], X[~learns]
    shared = newton({first: sites[first]}, columns)
    told = pd.DataFrame(index=judging.index)
    told["local"], told["recalibrated"] = np.nan, np.nan
    for site in sites:
        own, here = (people["site"] == site).to_numpy() & learns, (judging["site"] == site).to_numpy()
        y, level = people.loc[own, "label"].to_numpy(), shared.log_odds(X[own])
        told.loc[here, "local"] = _own(sites[site], y, columns, X_new[here])
        told.loc[here, "recalibrated"] = expit(shared.log_odds(X_new[here]) + own_level(y, level))
    models = {"pooled": newton(together, columns), "shared": shared, "federated": newton(sites, columns)}
    models["averaged"] = averaging(sites, columns, **AVERAGING)
    if trees:
        models["bagged trees"] = bagged_trees(sites, columns, seed=seed)
        models["pooled trees"] = bagged_trees(together, columns, seed=seed)
    for name, model in models.items():
        told[name] = model.predict_proba(X_new)[:, 1]
    return told.clip(SURE, 1 - SURE)


def _own(site: Participant, y: np.ndarray, columns: list[str], X_new: pd.DataFrame) -> np.ndarray:
    if y.sum() < FEWEST_CASES:
        return np.full(len(X_new), (y.sum() + 0.5) / (len(y) + 1))
    model: FederatedModel = newton({"own": site}, columns)
    return model.predict_proba(X_new)[:, 1]


def own_level(y: np.ndarray, log_odds: np.ndarray) -> float:
    """What to add to the log-odds to be right on average among these people, held back where they are few.

    The most probable value when, before any data, levels differ between sites by about one unit of log-odds: with
    no case at all it is no longer minus infinity.
    """
    shift = 0.0
    for _ in range(100):
        risk = expit(log_odds + shift)
        step = (np.sum(y - risk) - shift) / (np.sum(risk * (1 - risk)) + 1)
        shift += float(np.clip(step, -1, 1))
        if abs(step) < 1e-10:
            break
    return shift


def alerted(sites: pd.Series, risk: pd.Series, share: float = ALERTED) -> pd.Series:
    """Who is followed up: at each site, the same share of its people, those with the highest risks."""
    place = risk.groupby(sites).rank(ascending=False, method="first")
    return place <= np.round(share * risk.groupby(sites).transform("size"))


def judge(
    people: pd.DataFrame,
    told: pd.DataFrame,
    true: pd.Series,
    by: Sequence[str] = ("site", "group"),
    share: float = ALERTED,
) -> pd.DataFrame:
    """Each way of learning, judged at every site and in every group: by what was written down, and by what happened.

    Parameters
    ----------
    people : DataFrame
        The cohort; those of `told` judge.
    told : DataFrame
        From `risks`.
    true : Series
        From `true_outcome`: by the answer key; people without a value are judged by the record only.
    by : sequence of str
        Columns of `people`: a row for each word in them.
    share : float
        Alerts at each site, as a share of its people.

    Returns
    -------
    DataFrame
        A row per way (``strategy``), ``by`` ("everybody" first) and ``which``: ``people``, ``alerts`` (share of them),
        and by the record ``cases``, ``AUROC``, ``O/E``, ``calibration slope``, ``recall`` and ``precision`` of the
        alerts; by the answer key the same, named "true cases" and so on. Without cases measures are missing.
    """
    judging = people.loc[told.index]
    if judging["learns"].any():
        raise LHSError("Some of those who judge were learned from; pass risks of people who were not.")
    parts = {("everybody", "everybody"): np.ones(len(judging), dtype=bool)}
    for column in by:
        for which in sorted(judging[column].astype(str).unique()):
            parts[column, which] = (judging[column] == which).to_numpy()
    labels = {"": judging["label"].astype(float), "true ": true.loc[told.index]}
    rows = []
    for strategy in told:
        alert = alerted(judging["site"], told[strategy], share).to_numpy()
        for (column, which), part in parts.items():
            row = {"strategy": strategy, "by": column, "which": which, "people": part.sum()}
            row["alerts"] = alert[part].mean()
            for name, label in labels.items():
                who = part & label.notna().to_numpy()
                found = _measured(label[who].to_numpy(), told.loc[who, strategy].to_numpy(), alert[who])
                row |= {name + measure: value for measure, value in found.items()}
            rows.append(row)
    return pd.DataFrame(rows)


def _measured(y: np.ndarray, p: np.ndarray, alert: np.ndarray) -> dict[str, float]:
    cases = int(y.sum())
    if not 0 < cases < len(y):
        return {"cases": cases}
    found = evaluate(y, p, bootstrap=0)["estimate"]
    measures = {name: found[name] for name in ("AUROC", "O/E", "calibration slope")}
    caught = float((alert * y).sum())
    return {"cases": cases} | measures | {"recall": caught / cases, "precision": caught / max(alert.sum(), 1)}
