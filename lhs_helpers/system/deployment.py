"""What is in use now, as the service and a silent trial ask it: a release or a registry, its features, its state."""

import os
import re
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from lhs_helpers.errors import LHSError
from lhs_helpers.system import fhir
from lhs_helpers.system.cards import card
from lhs_helpers.system.fhir_events import Refused
from lhs_helpers.system.fhir_features import FeatureReader
from lhs_helpers.system.guard import log
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
            self._look_up(self.registry)
        else:
            self._use(load(source))
            self.state = "silent" if silent else "live"
        # A registry holds the releases of one task, so the address stays.
        self.id = re.sub(r"[^a-z0-9]+", "-", self.release.task.name.lower()).strip("-") or "risk"

    def current(self) -> tuple[Release, FeatureReader, str]:
        """Release, its feature reader, and the state.

        Raises
        ------
        Refused
            When the registry, or the release in use, can not be read any more or was altered (503): what was in
            use before is not served on, since it may have been switched off.
        """
        if self.registry is not None:
            try:
                self._look_up(self.registry)
            except (LHSError, OSError) as error:
                log.error("out of service: %s", error)
                raise Refused(
                    503,
                    "No risk is given: the registry of releases, or the release in use, is damaged. The log says more.",
                ) from None
        return self.release, self.reader, self.state

    def _look_up(self, registry: Registry) -> None:
        there = os.stat(registry.folder / REGISTRY_FILE)
        seen = (there.st_mtime_ns, there.st_ino)  # the file is replaced at every change
        if seen != self._seen:
            self._use(registry.release())
            state = registry.state
            self.state = "silent" if self.silent and state == "live" else state
            self._seen = seen

    @property
    def version(self) -> str:
        """The version in use; while that can not be told, the one before."""
        with suppress(Refused):
            self.current()
        return self.release.version

    def _use(self, release: Release) -> None:
        self.release, self.reader = release, FeatureReader(release.features, release.task)


def answer(
    release: Release, reader: FeatureReader, asked: fhir.HookRequest, at: datetime, shown: bool
) -> tuple[dict[str, Any], list[dict]]:
    """What goes into the journal, and the cards."""
    patient_id, patient = asked.context.patientId, asked.prefetch.patient
    if "patient" not in asked.prefetch.model_fields_set:
        raise Refused(
            412, "The prefetch lacks 'patient', which this model needs; GET /cds-services says what to send."
        )
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
