"""How it stops: in order, with a grace for what is under way, or at once when told twice."""

import signal
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException

import pytest

from tests.serving.conftest import Running, Start, eventually, lives

pytestmark = pytest.mark.system  # a tree of processes for every test takes its time


def slow_request(running: Running) -> HTTPConnection:
    """A request that is under way and will be until the test lets it finish."""
    connection = running.connect()
    connection.request("GET", "/slow")
    eventually((running.data / "slow-began").exists)
    return connection


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_under_way_is_finished_and_nothing_new_accepted(start: Start, number: signal.Signals) -> None:
    running = start()
    under_way = slow_request(running)
    running.process.send_signal(number)

    def refused() -> bool:
        try:
            running.connect().connect()
        except ConnectionRefusedError:
            return True
        return False

    eventually(refused)
    (running.data / "finish").touch()
    assert under_way.getresponse().read() == b'{"slow": true}'
    assert running.process.wait(timeout=10) == 0
    assert (running.data / "lifespan-ended").exists()
    assert (running.data / "housekeeping-ended").exists()


def test_an_idle_connection_does_not_hold_it_up(start: Start) -> None:
    running = start(shutdown_grace="20s")
    idle = running.connect()
    idle.request("GET", "/pid")
    idle.getresponse().read()
    began = time.monotonic()
    assert running.stop() == 0
    assert time.monotonic() - began < 5


def test_at_the_end_of_the_grace_requests_are_cancelled(start: Start) -> None:
    running = start(shutdown_grace="1s")
    under_way = slow_request(running)
    assert running.stop() == 0
    assert (running.data / "slow-cancelled").exists()
    with suppress(HTTPException, OSError):  # cut off, or just told
        assert under_way.getresponse().status == 500
    assert "did not finish in time" in running.said()


def test_a_second_signal_ends_it_at_once(start: Start) -> None:
    running = start(shutdown_grace="60s")
    slow_request(running)
    children = running.workers() | {running.housekeeping()}
    running.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert running.process.poll() is None
    assert running.stop() == 1
    eventually(lambda: not any(map(lives, children)), seconds=2)


def test_it_can_be_stopped_while_it_starts(start: Start) -> None:
    for delay in (0.3, 0.6, 0.9, 1.2):
        running = start(wait=False)
        time.sleep(delay)
        assert running.stop() in (0, -signal.SIGTERM)


def test_a_response_being_read_slowly_is_delivered_whole(start: Start) -> None:
    running = start(shutdown_grace="20s")
    connection = running.connect()
    connection.request("GET", "/big")
    response = connection.getresponse()
    received = len(response.read(1 << 20))
    running.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    received += len(response.read())
    assert received == 64 << 20
    assert running.process.wait(timeout=10) == 0
