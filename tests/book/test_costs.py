"""Each page runs alone, without a network, within its budget; the figures go to _build/page-costs.csv."""

import errno
import warnings

import pytest

from . import costs
from .conftest import FACTOR, PAIRED, say


@pytest.mark.parametrize("page", PAIRED)
def test_a_page_runs_offline_within_its_budget(page, cost_of):
    cost = cost_of(page)
    say(costs.cost_problems(cost, FACTOR))
    for problem in costs.cost_problems(cost, factor=1):
        warnings.warn(f"Let through, because LHS_BUDGET_FACTOR is {FACTOR}: {problem}", stacklevel=1)


def test_all_pages_together_are_within_their_budget(cost_of):
    say(costs.total_problems([cost_of(page) for page in PAIRED], FACTOR))


@pytest.fixture
def run(tmp_path):
    """Run a page with the given code."""

    def cost(*lines: str) -> costs.Cost:
        page = tmp_path / "99-x.py"
        page.write_text("\n".join(lines), encoding="utf-8")
        return costs.run(page)

    return cost


def test_page_that_asks_the_network_is_found_even_if_it_hides_the_error(run):
    cost = run(
        "from urllib.request import urlopen",
        "try:",
        "    urlopen('https://example.org')",
        "except OSError:",
        "    pass",
    )
    assert cost.exit_code == 0
    (problem,) = costs.cost_problems(cost, 1)
    assert "asked the network for example.org" in problem


def test_worker_process_of_a_page_is_offline_too(run):
    work = "import socket; socket.create_connection(('192.0.2.1', 9), 5)"
    cost = run("import subprocess, sys", f"subprocess.run([sys.executable, '-c', {work!r}])")
    assert cost.asked == ("192.0.2.1",)


@pytest.mark.skipif(
    not costs.no_network(), reason="this system does not let us take the network away (unshare)"
)
def test_what_passes_by_python_is_offline_too(run):
    cost = run("import _socket", "print(_socket.socket().connect_ex(('192.0.2.1', 9)))")
    assert cost.output == str(errno.ENETUNREACH)


def test_page_may_ask_a_service_on_this_computer(run):
    cost = run(
        "import socket",
        "there = socket.create_server(('127.0.0.1', 0))",
        "socket.create_connection(there.getsockname(), 5).sendall(b'hello')",
        "print(there.accept()[0].recv(5))",
    )
    assert (cost.output, cost.asked) == ("b'hello'", ())


def test_page_that_stops_with_an_error_is_found(run):
    cost = run("display(1)", "assert 1 == 2, 'the claim does not hold'")
    (problem,) = costs.cost_problems(cost, 1)
    assert all(said in problem for said in ("stopped with an error", "line 2", "the claim does not hold"))


def test_time_and_memory_of_worker_processes_count(run):
    work = "import time; x = b'x' * 150_000_000; end = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
    cost = run(
        "import subprocess, sys",
        f"workers = [subprocess.Popen([sys.executable, '-c', {work!r}]) for _ in range(2)]",
        "[worker.wait() for worker in workers]",
    )
    assert 300 < cost.peak_mib < 600
    assert cost.processor_seconds > 1


@pytest.mark.parametrize(
    ("cost", "says"),
    [
        (costs.Cost("06-x", 21, 21, 100), "its budget is 20 s"),
        (costs.Cost("07-x", 46, 80, 100), "its budget is 45 s"),
        (costs.Cost("06-x", 1, 1, 3000), "a page may take 2,560 MiB"),
    ],
)
def test_page_over_its_budget_is_found(cost, says):
    (problem,) = costs.cost_problems(cost, 1)
    assert says in problem and "Use fewer patients" in problem


def test_waiting_for_a_busy_processor_is_not_held_against_a_page():
    assert not costs.cost_problems(costs.Cost("06-x", seconds=35, processor_seconds=15, peak_mib=100), 1)
    assert not costs.cost_problems(costs.Cost("07-x", seconds=30, processor_seconds=60, peak_mib=100), 1)


def test_pages_that_are_too_slow_together_are_found():
    each = [costs.Cost(f"{n:02}-x", 19, 19, 100) for n in range(20)]
    assert "budget is 360 s" in costs.total_problems(each, 1)[0]
    assert not costs.total_problems(each[:5], 1)


def test_figures_are_written_as_they_were_taken(tmp_path):
    costs.write([costs.Cost("07-x", 12.34, 20.06, 512.4)], tmp_path / "costs.csv")
    assert (tmp_path / "costs.csv").read_text().splitlines()[1] == "07-x,12.3,20.1,512,45,2560"
