"""``wharf serve`` as a tree of processes: they come up, are replaced when they die, and never outlive it."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.serving.conftest import Start, eventually, lives

pytestmark = pytest.mark.system  # a tree of processes for every test takes its time


def test_the_first_start_tells_the_password_once_and_how_to_go_on(start: Start) -> None:
    first = start()
    assert first.stop() == 0
    assert "made-up-password" in first.said()
    assert f"docker login localhost:{first.port} --username admin" in first.said()

    second = start()
    assert second.stop() == 0
    assert "made-up-password" not in second.said()


def test_it_says_where_it_listens_one_json_object_for_each_line(start: Start, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()  # not the first start, which also speaks to people
    running = start(workers=2)
    eventually(lambda: '"listening"' in running.said())
    running.stop()
    events = [json.loads(line) for line in running.said().splitlines()]
    assert [event["event"] for event in events] == ["listening", "stopping", "stopped"]
    assert events[0]["url"] == f"http://127.0.0.1:{running.port}"


def test_all_workers_serve(start: Start) -> None:
    running = start(workers=2)
    seen: set[int] = set()

    def both_answered() -> bool:
        seen.add(running.get("/pid")["pid"])
        return len(seen) == 2

    eventually(both_answered)
    assert seen == running.workers()


def test_a_dead_worker_is_replaced(start: Start) -> None:
    running = start()
    (first,) = running.workers()
    os.kill(first, signal.SIGKILL)
    eventually(lambda: running.workers() and first not in running.workers())
    eventually(running.answers)
    assert running.stop() == 0


def test_dead_housekeeping_is_replaced(start: Start) -> None:
    running = start()
    first = running.housekeeping()
    os.kill(first, signal.SIGKILL)
    eventually(lambda: running.housekeeping() not in (first, 0))
    assert lives(running.housekeeping())


def test_nothing_outlives_a_supervisor_that_is_killed(start: Start) -> None:
    running = start(workers=2)
    eventually(lambda: len(running.workers()) == 2)
    children = running.workers() | {running.housekeeping()}
    running.process.kill()
    running.process.wait()
    eventually(lambda: not any(map(lives, children)), seconds=2)


def test_it_can_be_started_again_at_once_after_being_killed(start: Start) -> None:
    killed = start(workers=2)
    killed.process.kill()
    again = start(port=killed.port)
    assert again.stop() == 0


def test_a_port_in_use_is_one_clear_line(start: Start) -> None:
    running = start()
    second = start(port=running.port, wait=False)
    assert second.process.wait(timeout=20) == 1
    assert f"cannot listen on 127.0.0.1:{running.port}: address already in use" in second.said()


@pytest.mark.parametrize(
    ("how", "why"), [("broken", "the stand-in is broken"), ("unready", "the stand-in is not ready")]
)
def test_workers_that_cannot_come_up_end_it(start: Start, tmp_path: Path, how: str, why: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / how).touch()
    running = start(wait=False)
    assert running.process.wait(timeout=60) == 1
    assert "no worker comes up" in running.said()
    assert why in running.said()


def test_a_refused_preparation_ends_it_with_one_line(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "refuse").touch()
    running = start(wait=False)
    assert running.process.wait(timeout=20) == 1
    assert running.said() == "wharf: the stand-in refuses\n"


def test_secrets_are_on_no_command_line(start: Start) -> None:
    running = start(storage_access_key="key", storage_secret_key="hush-hush")
    for pid in running.workers() | {running.housekeeping()}:
        assert "hush-hush" not in Path(f"/proc/{pid}/cmdline").read_text()
