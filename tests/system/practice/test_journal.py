"""The loop through a running service: cards out, answers back, a kill in between, and what the next cycle learns."""

import threading
from copy import deepcopy
from pathlib import Path

import pytest
import urllib3
from asking import accepted, overridden

from lhs_helpers.learning import cohort
from lhs_helpers.system.acting import Acting
from lhs_helpers.system.change_control import ChangeControlPlan
from lhs_helpers.system.feedback import read_feedback
from lhs_helpers.system.fhir_writer import hook_requests

FORM = (Path(__file__).parents[3] / "book/templates/change-control-plan.toml").read_text(encoding="utf-8")
RULE = """
[[stop]]
sign = "clinicians no longer listen"
measure = "overridden"
outside = [0.0, {most}]
least_events = 20
then = "stop"
"""
BEGIN, NEXT, LAST = "2016-02-01", "2017-02-01", "2018-02-01"


def plan(most):
    """A plan that stops when more than this share of the answered cards is overridden, and for nothing else."""
    return ChangeControlPlan.from_text(FORM[: FORM.index("[[stop]]")] + RULE.format(most=most))


def cards_of(loop, cycle):
    rows = loop.history.query("cycle == @cycle and role == 'cards'").set_index("measure")
    return {
        measure: (rows.estimate[measure], rows.people[measure], rows.events[measure])
        for measure in rows.index
    }


@pytest.fixture(scope="module")
def loop(new_loop, tmp_path_factory):
    """A loop with its first release live; what the service writes down lies beside its folder."""
    place = tmp_path_factory.mktemp("practice")
    acting = Acting("RxNorm:860975", capacity=5)
    folders = {"folder": place / "loop", "journal": place / "journal"}
    loop = new_loop(threshold=0.03, plan=plan(most=0.9), acting=acting, **folders)
    loop.cycle(to=BEGIN)
    return loop


@pytest.fixture(scope="module")
def charts(loop):
    """Calls for the forty people at the highest risk on the day of the first release."""
    people = cohort(loop.hospital.emr, loop.task, BEGIN)
    people = people.assign(risk=loop.champion.risks(loop.hospital.emr, people)).nlargest(40, "risk")
    assert people["risk"].min() > loop.threshold
    return hook_requests(loop.hospital.emr, people["patient_id"].to_list(), BEGIN)


def start(serve, loop):
    return serve(loop._folder.registry.folder, at=BEGIN, journal=loop.journal)


def shown(server, charts, times):
    """The cards that clinicians see when each chart is opened so many times."""
    answers = [server.post(deepcopy(chart)) for chart in charts.values() for _ in range(times)]
    assert all(status == 200 and len(found["cards"]) == 1 for status, found in answers)
    return [found["cards"][0]["uuid"] for _, found in answers]


@pytest.mark.filterwarnings("ignore:.*prediction windows")  # of today's patients nobody knows the outcome yet
def test_every_acknowledged_answer_reaches_the_next_cycle_whatever_kills_the_service(serve, loop, charts):
    server = start(serve, loop)
    cards = shown(server, charts, times=4)
    answered, late = cards[:-25], cards[-25:]
    # Three of four are overridden, with a reason.
    said = [accepted(card) if n % 4 == 0 else overridden(card) for n, card in enumerate(answered)]
    acknowledged, enough = [], threading.Event()

    def clinician(mine):
        for answer in mine:
            try:
                status, _ = server.feedback({"feedback": [answer]})
            except urllib3.exceptions.HTTPError:
                return  # the service is gone, and this answer was not acknowledged
            assert status == 200
            acknowledged.append(answer["card"])
            if len(acknowledged) >= 40:
                enough.set()

    threads = [threading.Thread(target=clinician, args=(said[first::4],)) for first in range(4)]
    for thread in threads:
        thread.start()
    assert enough.wait(60)
    server.kill()
    for thread in threads:
        thread.join(30)
    assert 40 <= len(acknowledged) < len(answered), "killed in the middle"
    assert set(acknowledged) <= set(read_feedback(loop.journal)["card"])

    again = start(serve, loop)
    lost = [answer for answer in said if answer["card"] not in acknowledged]
    assert again.feedback({"feedback": lost}) == (200, {"received": len(lost)}), (
        "a client sends again what was not taken"
    )
    loop.cycle(to=NEXT)
    found = cards_of(loop, 2)
    assert found["alert rate shown"] == (1.0, len(cards), len(cards))
    overrides = sum(answer["outcome"] == "overridden" for answer in said)
    assert found["overridden"] == (pytest.approx(overrides / len(said)), len(cards), len(said))
    assert loop.state == "on" and again.get()[1]["services"], (
        "three in four overridden is what the plan allows"
    )

    # Who answers a year late is heard in the cycle after; these override all, and the plan stops the loop for it.
    assert again.feedback({"feedback": [overridden(card, code="too-many") for card in late]})[0] == 200
    loop.cycle(to=LAST)
    assert cards_of(loop, 3)["overridden"] == (1.0, 0, len(late))
    decided = loop.history.query("cycle == 3").iloc[0]
    assert decided["decision"] == "stop"
    assert decided["reason"] == "stop rule: clinicians no longer listen (overridden 1.00, outside 0 to 0.9)"
    assert again.get() == (200, {"services": []}), (
        "and the service that runs shows no card to the next patient"
    )
    assert again.post(next(iter(charts.values()))) == (200, {"cards": []})
