"""The learning cycle: collect, wait for labels, judge the model in use, fit a challenger, decide, act, and again."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import Task
from lhs_helpers.system.acting import Acting, no_orders
from lhs_helpers.system.change_control import ChangeControlPlan
from lhs_helpers.system.history import History, as_proposed, clearly_better
from lhs_helpers.system.loop_state import Folder, Version
from lhs_helpers.system.loop_steps import Steps
from lhs_helpers.system.policies import Policy, policy_of

if TYPE_CHECKING:
    from lhs_helpers.patients import Hospital

STEPS = ("collect", "label", "judge", "challenge", "decide", "act")


class Loop(Steps):
    """Cycles of learning in a living hospital.

    Each cycle goes through `STEPS`. *Collect*: time passes, with the orders of the cycle before, or a clinic joins.
    *Label*: take the labels that have arrived. *Judge* the model in use on rows that are new to it. *Challenge*: the
    update policy proposes a change, fitted on people who are not held out. *Decide*, on held-out people, within the
    plan: release or keep. *Act*: the risks of the model in use become orders. A person is held out or learned from
    for good: a hash of `patient_id` decides.

    Index dates follow one another at the length of the prediction window, so that windows do not overlap and no
    outcome counts twice. A label has arrived when its window has closed; it is read from the record as it is
    known in that cycle.

    Parameters
    ----------
    hospital : Hospital
    task : Task
    first_index : str
        The first index date.
    threshold : float
        Alert when the risk is at least this; for recall, precision and the like.
    algorithm : str
        One of ``lhs_helpers.learning.ALGORITHMS``.
    update_policy : str or Policy
        A name in ``policies.POLICIES``, or a function of its form. Intercept and slope are fitted on the labels that
        arrived in the cycle, a refit on all that are remembered.
    release_when : callable, optional
        The rule: takes the table of ``paired_difference``, says whether the challenger replaces the champion. By
        default `clearly_better` for the policy "refit" and `as_proposed` for the others.
    held_out : float
        Share of the people who are never learned from.
    seed : int
        Same seed and same hospital, same history.
    memory : int, optional
        How many of the latest windows are looked at; all when None.
    min_share : float
        A code makes a feature when this share of the people learned from has it.
    plan : ChangeControlPlan, optional
        What the loop may change and when it stops; it obeys, and writes down why.
    acting : Acting, optional
        How predictions become orders; without it nothing is ordered.
    journal : Path or str, optional
        The folder of the service's log. Each cycle reads what came since the last: cards, and answers to cards.
    folder : Path or str, optional
        Where the loop is saved after every step, and every version is a release in a registry. The same call with a
        folder that holds this loop goes on where it stopped.

    Raises
    ------
    LHSError
        When the policy is unknown, the folder holds another loop, or a cycle is asked for before any label has
        arrived.

    Attributes
    ----------
    champion : Version or None
        The deployed model.
    versions : list of Version
        Every model made so far, released or not.
    labelled : DataFrame
        The cohorts with a label by the latest cycle, with ``held_out``, ``new`` (in this cycle) and ``acted`` (an
        order was made for the person on or before the index date).
    orders : DataFrame
        Every order made: patient_id, date, code, risk, cycle.
    state : str
        "on"; "paused" (this cycle's orders were withheld) or "stopped" by the plan's stop rule.
    """

    def __init__(
        self,
        hospital: "Hospital",
        task: Task,
        *,
        first_index: str,
        threshold: float,
        algorithm: str = "gradient boosting",
        update_policy: str | Policy = "refit",
        release_when: Callable[[pd.DataFrame], bool] | None = None,
        held_out: float = 0.3,
        seed: int = 0,
        memory: int | None = None,
        min_share: float = 0.01,
        plan: ChangeControlPlan | None = None,
        acting: Acting | None = None,
        journal: Path | str | None = None,
        folder: Path | str | None = None,
    ):
        self.policy = policy_of(update_policy)
        if memory is not None and memory < 1:
            raise LHSError(f"memory is {memory}; give the number of windows to look at, at least 1.")
        self.hospital, self.task, self.first_index = hospital, task, pd.Timestamp(first_index)
        self.threshold, self.algorithm, self.update_policy = threshold, algorithm, update_policy
        default = clearly_better if update_policy == "refit" else as_proposed
        self.release_when = release_when or default
        self.share, self.seed, self.memory, self.min_share = held_out, seed, memory, min_share
        self.plan, self.acting, self.journal = plan, acting, journal
        self.versions: list[Version] = []
        self.labelled = pd.DataFrame(columns=["patient_id", "index_time"])
        self.orders = no_orders()
        self._history = History()
        # Where the loop stands, in plain words and numbers: it is saved as JSON. `line` is the champions that led to
        # the present one; `asked` what the cycle under way was asked to do.
        self._where: dict[str, Any] = {
            "cycle": 1, "step": 0, "asked": {}, "state": "on", "line": [], "made": [], "read": [0, 0], "verdict": None,
            "begins": None, "proposal": None, "versions": [],
        }  # fmt: skip
        self._folder = None if folder is None else Folder(folder, self._settings())
        if self._folder and self._folder.state:
            self._resume()

    def _settings(self) -> dict[str, Any]:
        """What must be the same for a stopped loop to go on."""
        return {
            "task": self.task.to_dict(), "first_index": str(self.first_index), "threshold": self.threshold,
            "algorithm": self.algorithm, "update_policy": getattr(self.policy, "__name__", "own"),
            "release_when": getattr(self.release_when, "__name__", "own"), "held_out": self.share,
            "seed": self.seed, "memory": self.memory, "min_share": self.min_share,
            "plan": self.plan and self.plan.model_dump(mode="json"), "acting": self.acting and vars(self.acting),
        }  # fmt: skip

    @property
    def state(self) -> str:
        return self._where["state"]

    @property
    def next_step(self) -> str:
        """Which of `STEPS` comes next; "collect" between two cycles."""
        return STEPS[self._where["step"]]

    @property
    def champion(self) -> Version | None:
        line = self._where["line"]
        return self._version(line[-1]) if line else None

    @property
    def history(self) -> pd.DataFrame:
        """One row per cycle, role and measure.

        Roles: *deployed*, the model in use, on people and times that are new to it, and *deployed, no order* on those
        of them for whom nothing was ordered before; *champion* and *challenger* on the held-out people; *difference*,
        challenger minus champion; *cards*, what clinicians answered. `version` is the cycle in which the judged model
        was made; `people` (rows, when time passes) and `events` are those it was judged on; `decision` is "release",
        "keep", "refused" (by the plan), "fall back" or "stop"; `update` what was proposed, and `reason` why it was
        decided so. A measure without a value is NaN.
        """
        return self._history.decided

    @property
    def held_out(self) -> pd.DataFrame:
        """The held-out people of the latest cycle with their labels, as a cohort."""
        return self.labelled[self.labelled["held_out"]].reset_index(drop=True)

    def cycle(self, *, to: str | None = None, joining: dict[str, int] | None = None) -> pd.DataFrame:
        """Go round once, or finish the cycle under way; returns this cycle's rows of the history.

        Parameters
        ----------
        to : str, optional
            Let time pass until the first of this month.
        joining : dict, optional
            Clinics that join, with the number of their patients: ``{"clinic A": 10_000}``.
        """
        number = self._where["cycle"]
        self.step(to=to, joining=joining)
        while self._where["cycle"] == number:
            self.step()
        return self._history.of(number)

    def run(self, dates: Sequence[str]) -> pd.DataFrame:
        """A cycle to each of these dates that the loop has not reached yet; returns the history."""
        for to in dates:
            reached = self.history["date"].max() if len(self.history) else pd.Timestamp.min
            if pd.Timestamp(to) > reached:
                self.cycle(to=to)
        return self.history

    def step(self, *, to: str | None = None, joining: dict[str, int] | None = None) -> str:
        """Do the next of `STEPS` and save where the loop then stands; returns the name of the step.

        What a cycle is asked to do is given with its first step.
        """
        where = self._where
        if where["step"] == 0:
            where["asked"] = {"to": to, "joining": joining or {}}
        elif (to or joining) and {"to": to, "joining": joining or {}} != where["asked"]:
            raise LHSError(
                f"Cycle {where['cycle']} is under way (next step: {STEPS[where['step']]}) and was asked for "
                f"{where['asked']}; finish it with cycle() first."
            )
        name = STEPS[where["step"]]
        before = deepcopy(where), self.labelled.copy(), self.orders, self._history.rows, list(self.versions)
        try:
            getattr(self, f"_{name}")()
        except (
            BaseException
        ) as stopped:  # a step is done whole or not at all, also when somebody presses Ctrl-C
            self._where, self.labelled, self.orders, self._history.rows, self.versions = before
            if name == "label" and isinstance(stopped, LHSError):
                self._where["step"] = 0  # no label yet: the cycle may be asked for again, with a later date
            raise
        where["step"] += 1
        if where["step"] == len(STEPS):
            where |= {
                "cycle": where["cycle"] + 1,
                "step": 0,
                "verdict": None,
                "begins": None,
                "proposal": None,
            }
        self._save()
        return name

    def start_again(self, *, why: str) -> None:
        """After a stop: people have looked, and the loop may release and act again."""
        if not why.strip():
            raise LHSError("To start a stopped loop again takes a reason: why=...")
        self._where["state"] = "on"
        self._show("live" if self.acting else "silent", why)
        self._save()

    def roll_back(self, *, why: str) -> None:
        """The version before is in use again, as in ``Registry.roll_back``."""
        self._go_back(why)
        self._save()

    def _go_back(self, why: str) -> None:
        line = self._where["line"]
        if len(line) < 2:
            raise LHSError("There is no earlier version to go back to; stop the loop instead.")
        if self._folder and self._folder.registry.version("champion") != str(line[-2]):
            self._folder.registry.roll_back(date=self.hospital.clock, why=why)
        line.pop()

    def _save(self) -> None:
        if self._folder:
            tables = {"labelled": self.labelled, "history": self._history.rows, "orders": self.orders}
            self._folder.save(self._where, tables)

    def _resume(self) -> None:
        self._where, tables = self._folder.read(["labelled", "history", "orders"])
        self.labelled, self.orders = tables["labelled"], tables["orders"]
        self._history = History(tables["history"])
        self.versions = [self._folder.version(*kept) for kept in self._where["versions"]]
