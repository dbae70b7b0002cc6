"""What each step of a cycle does; `loop.Loop` says in which order, and remembers where it stands."""

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

# `train` is reached through the floor's name, which brings scikit-learn in only when something is fitted.
from lhs_helpers import learning
from lhs_helpers.errors import LHSError
from lhs_helpers.learning import Task, calibration_table, cohort, features, split_people, vocabulary
from lhs_helpers.system.acting import Acting, answers
from lhs_helpers.system.change_control import ChangeControlPlan
from lhs_helpers.system.history import History, compared, judged
from lhs_helpers.system.loop_state import Folder, Version
from lhs_helpers.system.policies import UNCHANGED, Evidence, Policy, Update, adjusted, combined

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lhs_helpers.patients import Hospital
    from lhs_helpers.records.emr import EMR


class Steps:
    """The steps, in their order; `Loop` has what they share."""

    hospital: "Hospital"
    task: Task
    first_index: pd.Timestamp
    threshold: float
    algorithm: str
    policy: Policy
    release_when: "Callable[[pd.DataFrame], bool]"
    share: float
    seed: int
    memory: int | None
    min_share: float
    plan: ChangeControlPlan | None
    acting: Acting | None
    journal: "Path | str | None"
    labelled: pd.DataFrame
    orders: pd.DataFrame
    versions: list[Version]
    _where: dict[str, Any]
    _history: History
    _folder: Folder | None

    def _collect(self) -> None:
        there = {group["site"]["name"] for group in self.hospital.groups}
        for site, patients in self._where["asked"]["joining"].items():
            if site not in there:  # a run that was killed may have come so far
                self.hospital.join(patients, site)
        to = self._where["asked"]["to"]
        if to is not None and pd.Timestamp(to) > pd.Timestamp(self.hospital.clock):
            latest = self.orders[self.orders["cycle"] == self._where["cycle"] - 1]
            self.hospital.advance(to, latest[["patient_id", "date", "code"]] if len(latest) else None)

    def _label(self) -> None:
        """Everybody with a label by now; labels are read anew, since the record may have learned of an event late."""
        labelled = arrived(self._emr(), self.task, self.first_index, self._now, self.memory)
        held_out, _ = split_people(labelled, self.share, self.seed)
        labelled["held_out"] = labelled["patient_id"].isin(held_out["patient_id"])
        labelled["new"] = ~_rows(labelled).isin(_rows(self.labelled))
        labelled["acted"] = False
        if len(self.orders):
            first = self.orders.groupby("patient_id")["date"].min()
            labelled["acted"] = labelled["patient_id"].map(first) <= labelled["index_time"]
        self.labelled = labelled.assign(in_use=np.nan, challenged=np.nan)

    def _judge(self) -> None:
        """The risks in use, how good they were where they were new, and what the stop rule says of that."""
        if self.champion is None:
            return
        table = self.labelled
        asked = table["new"] | table["held_out"]
        table.loc[asked, "in_use"] = self.champion.risks(self._emr(), table[asked])
        unseen = table["new"] & ~table["patient_id"].isin(self.champion.learned_from)
        deployed = self._judged("deployed", unseen, "in_use", self.champion)
        rows = [deployed]
        if self.acting:
            rows.append(self._judged("deployed, no order", unseen & ~table["acted"], "in_use", self.champion))
        rows.append(self._judged("champion", table["held_out"], "in_use", self.champion))
        if self.journal is not None:
            said, self._where["read"] = answers(self.journal, self._where["read"])
            rows.append(said.assign(role="cards", version=self.champion.cycle).rename_axis("measure"))
        self._write(rows)
        if self.plan:
            seen = deployed if self.journal is None else pd.concat([deployed, said])
            self._where |= {"verdict": self.plan.stops(seen), "begins": self.plan.does_not_begin(seen)}

    def _challenge(self) -> None:
        """Ask the policy for an update, and judge what it made on the held-out people."""
        table, where = self.labelled, self._where
        if self.champion is None:
            self._keep(self._fitted("first"), "first", "the first model has nothing to beat")
            return
        action = (where["verdict"] or ["none"])[0]
        if why_not := self._why_no_change(action):
            where["proposal"] = {"kind": "keep", "reason": why_not}
            return
        fit, judge = (table[table["new"] & (table["held_out"] == held_out)] for held_out in (False, True))
        made: list[Version] = []

        def refitted() -> np.ndarray:
            made.append(self._fitted("refit"))
            return self.labelled.loc[judge.index, "challenged"].to_numpy()

        update = self.policy(Evidence(fit["label"], fit["in_use"], judge["label"], judge["in_use"], refitted))
        if update.kind == "keep":
            where["proposal"] = {"kind": "keep", "reason": update.reason}
            return
        again = update.kind == "refit"
        version = (made[0] if made else self._fitted("refit")) if again else self._adjusted(update)
        self._keep(version, update.kind, update.reason)

    def _why_no_change(self, action: str) -> str | None:
        if self.state == "stopped" or action in ("stop", "fall back"):
            return (
                "the loop is stopped"
                if self.state == "stopped"
                else "nothing changes when the stop rule acts"
            )
        if not self.labelled["new"].any():
            return "no new labels"
        return self._where["begins"]

    def _decide(self) -> None:
        """Release, keep, refuse, fall back or stop; one sentence says why."""
        where, date = self._where, str(self._now.date())
        proposal, (action, said) = where["proposal"] or {}, where["verdict"] or (None, "")
        kind, decision, reason = proposal["kind"], "keep", proposal["reason"]
        if self.state != "stopped":
            where["state"] = "paused" if action == "pause" else "on"
        if action in ("stop", "fall back") and self.state != "stopped":
            decision, reason = action, said
            if action == "fall back" and len(where["line"]) > 1:
                self._go_back(said)
            else:
                decision, where["state"] = "stop", "stopped"
                reason += "" if action == "stop" else "; there is no earlier version"
                self._show("off", reason)
        elif kind == "first":
            decision = "release"
        elif kind != "keep":
            decision, reason = self._decided(kind, reason)
        if decision == "release":
            where["line"].append(self.versions[-1].cycle)
            where["made"].append([kind, date])
            self._promote(date, reason)
        if action == "pause":
            reason += f"; paused, {said}"
            self._show("silent", said)
        elif self.state == "on" and self.acting:
            self._show("live", "cards may be shown")
        self._history.decide(where["cycle"], decision, kind, reason)

    def _decided(self, kind: str, reason: str) -> tuple[str, str]:
        """Of a challenger: what the plan and the rule make of it."""
        held_out = self.labelled[self.labelled["held_out"]]
        version = self.versions[-1].cycle
        difference = compared(held_out, version, threshold=self.threshold, seed=self.seed)
        self._write([difference])
        if self.plan:
            made = [(change, pd.Timestamp(when)) for change, when in self._where["made"]]
            rate = (held_out["challenged"] >= self.threshold).mean()
            no = self.plan.forbids(kind, self._now, made) or self.plan.refuses(difference, rate)
            if no:
                return "refused", no
        if self.release_when(difference):
            return "release", reason
        return "keep", f"the rule is not met: {(self.release_when.__doc__ or 'own rule').splitlines()[0]}"

    def _act(self) -> None:
        """The risks of those whom the task concerns today become orders; time carries them out."""
        if self.acting is None or self.state != "on" or self.champion is None:
            return
        emr = self._emr()
        with warnings.catch_warnings():
            # Nobody's window has closed: that is why they are asked about, and their labels are not looked at.
            warnings.filterwarnings("ignore", message=".*window", category=UserWarning)
            today = cohort(emr, self.task, self._now)
        risks = self.champion.risks(emr, today)
        made = self.acting.orders(today, risks, self.orders, self._where["cycle"], self.seed)
        self.orders = pd.concat([self.orders, made], ignore_index=True) if len(made) else self.orders

    # ---- what they are made of ----

    @property
    def _now(self) -> pd.Timestamp:
        return pd.Timestamp(self.hospital.clock)

    def _emr(self) -> "EMR":
        return self.hospital.emr.as_of(self._now)

    def _version(self, cycle: int) -> Version:
        return next(version for version in self.versions if version.cycle == cycle)

    def _fitted(self, kind: str) -> Version:
        """A model of everybody labelled who is not held out; its risks of those who are."""
        held_out = self.labelled["held_out"].to_numpy()
        people = self.labelled[~held_out]
        emr = self._emr()
        columns = vocabulary(emr, people, self.task, self.min_share)
        X = features(emr, self.labelled, self.task, columns)
        model = learning.train(X[~held_out], people["label"], self.algorithm, self.seed)
        learned_from, events = people["patient_id"].unique(), int(people["label"].sum())
        self.labelled.loc[held_out, "challenged"] = model.predict_proba(X[held_out])[:, 1]
        return Version(self._where["cycle"], self.task, columns, learned_from, events, model, UNCHANGED, kind)

    def _adjusted(self, update: Update) -> Version:
        """The champion with other numbers on its log-odds."""
        old, table = self.champion, self.labelled
        table["challenged"] = adjusted(table["in_use"].to_numpy(), update.adjustment)
        adjustment = combined(old.adjustment, update.adjustment)
        learned_from = np.union1d(
            old.learned_from, table.loc[table["new"] & ~table["held_out"], "patient_id"]
        )
        parts = (self.task, old.columns, learned_from, old.events, old.model)
        return Version(self._where["cycle"], *parts, adjustment, update.kind)

    def _keep(self, version: Version, kind: str, reason: str) -> None:
        """A version joins the others, judged on the held-out people, and the registry as its challenger."""
        self.versions.append(version)
        held_out = self.labelled["held_out"]
        found = self._judged("challenger", held_out, "challenged", version)
        self._write([found])
        self._where["proposal"] = {"kind": kind, "reason": reason}
        self._where["versions"].append([version.cycle, kind, version.events])
        if self._folder:
            label, risks = (self.labelled.loc[held_out, part] for part in ("label", "challenged"))
            release = {
                "name": self.task.name, "algorithm": self.algorithm, "threshold": self.threshold,
                "metrics": found[["estimate", "low", "high"]], "risk_groups": calibration_table(label, risks),
                "plan": self.plan and self.plan.model_dump(mode="json"),
            }  # fmt: skip
            self._folder.keep_version(version, release, str(self._now.date()), f"{kind}: {reason}")

    def _promote(self, date: str, why: str) -> None:
        if self._folder and self._folder.registry.version("champion") != str(self._where["line"][-1]):
            self._folder.registry.promote(date=date, why=why)

    def _show(self, state: str, why: str) -> None:
        """Whether the service that reads the registry shows cards."""
        if self._folder and self._folder.registry.state != state:
            self._folder.registry.set_state(state, date=self.hospital.clock, why=why)

    def _judged(self, role: str, which: pd.Series, risks: str, version: Version) -> pd.DataFrame:
        how = {"threshold": self.threshold, "seed": self.seed}
        return judged(self.labelled[which], risks, role, version.cycle, **how)

    def _write(self, rows: list[pd.DataFrame]) -> None:
        self._history.add(rows, self._where["cycle"], self._now)


def arrived(
    emr: "EMR", task: Task, first_index: pd.Timestamp, now: pd.Timestamp, memory: int | None = None
) -> pd.DataFrame:
    """The cohorts of all index dates whose prediction windows have closed by `now`, one under the other.

    `emr` is the record as known at `now`; of `memory` windows, the latest. Raises LHSError when none has closed.
    """
    window, length = pd.Timedelta(days=task.window_days), pd.Timedelta(days=task.window_days + task.gap_days)
    if first_index + length > now:
        raise LHSError(
            f"Task {task.name!r}: no label has arrived by {now:%Y-%m-%d}. The first window closes on "
            f"{first_index + length:%Y-%m-%d}; advance the hospital beyond it, or choose an earlier index date."
        )
    dates = pd.date_range(first_index, now - length, freq=window)
    return pd.concat([cohort(emr, task, at) for at in dates[-(memory or 0) :]], ignore_index=True)


def _rows(labelled: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(labelled[["patient_id", "index_time"]])
