"""What is in use now, as the service and a silent trial ask it: a release or a registry, its features, its state."""

import os
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from lhs_helpers.system import fhir
from lhs_helpers.system.cards import card
from lhs_helpers.system.fhir_events import Refused
from lhs_helpers.system.fhir_features import FeatureReader
from lhs_helpers.system.registry import FILE as REGISTRY_FILE
from lhs_helpers.system.registry import Registry
from lhs_helpers.system.release import Release, load


class Deployment:
    """What is in use now: a release in a fixed state, or the champion of a registry in the registry's state.

    Parameters
    ----------
    source : Path
        The folder of a release or of a registry.
    silent : bool
        Compute and log, and show nothing, whatever the registry says.
    """

    def __init__(self, source: Path, silent: bool = False):
        self.silent, self.registry, self._seen = silent, None, None
        if (source / REGISTRY_FILE).exists():
            self.registry = Registry(source)
            self.task = self.registry.release().task  # a registry holds the releases of one task
        else:
            self._use(load(source))
            self.task = self.release.task
            self.state = "silent" if silent else "live"
        self.id = re.sub(r"[^a-z0-9]+", "-", self.task.name.lower()).strip("-") or "risk"
        self.current()

    def current(self) -> tuple[Release, FeatureReader, str]:
        """Release, its feature reader, and the state."""
        if self.registry is not None:
            there = os.stat(self.registry.folder / REGISTRY_FILE)
            seen = (there.st_mtime_ns, there.st_ino)  # the file is replaced at every change
            if seen != self._seen:
                self._use(self.registry.release())
                state = self.registry.state
                self.state = "silent" if self.silent and state == "live" else state
                self._seen = seen
        return self.release, self.reader, self.state

    def _use(self, release: Release) -> None:
        self.release, self.reader = release, FeatureReader(release.features, release.task)


def answer(
    release: Release, reader: FeatureReader, asked: fhir.HookRequest, at: datetime, shown: bool
) -> tuple[dict[str, Any], list[dict]]:
    """What goes into the journal, and the cards."""
    patient_id, patient = asked.context.patientId, asked.prefetch.patient
    if "patient" not in asked.prefetch.model_fields_set:
        raise Refused(412, "The prefetch lacks 'patient', which this model needs.")
    if patient is None:
        raise Refused(404, "The patient is unknown to the client: its prefetch of 'patient' is null.")
    if patient.id != patient_id:
        raise Refused(422, "The prefetched patient is somebody else than the patient of the context.")
    events = reader.events(asked.prefetch, patient_id)
    row = reader.row(patient, events, at)
    because = reader.concerns(patient, events, at)
    entry = {"card": None, "risk": None, "alert": False, "because": because}
    if because is not None:
        return entry, []
    risk = release.risk_of_row(row)
    alert = risk >= release.threshold
    cards = [card(release, patient_id, row, risk, at)] if alert and shown else []
    return entry | {"risk": risk, "alert": alert, "card": cards[0]["uuid"] if cards else None}, cards
