"""What a line in the log is, whoever writes it, and what never is in one."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from wharfinger import logs
from wharfinger.config import Secret


class Lines(io.BytesIO):
    """A log that can be read."""

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]

    def one(self) -> dict[str, Any]:
        (line,) = self.all()
        return line


@pytest.fixture
def out() -> Iterator[Lines]:
    before = logging.root.handlers[:], logging.root.level
    lines = Lines()
    logs.configure("info", "json", lines)
    yield lines
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.captureWarnings(capture=False)
    logging.root.handlers[:], logging.root.level = before[0], before[1]


def test_a_line_is_an_object_with_time_level_and_origin(out: Lines) -> None:
    structlog.get_logger("wharfinger.some").info("happened", size=3)
    line = out.one()
    assert line.pop("time").startswith("20")
    assert line == {"event": "happened", "size": 3, "level": "info", "logger": "wharfinger.some"}


def test_what_is_below_the_level_is_not_written(out: Lines) -> None:
    structlog.get_logger().debug("quiet")
    logging.getLogger("library").debug("quiet")
    assert out.getvalue() == b""


def test_libraries_are_believed_from_warnings_on(out: Lines) -> None:
    logging.getLogger("library").info("chatter")
    assert out.getvalue() == b""


def test_what_was_bound_is_in_every_line(out: Lines) -> None:
    structlog.contextvars.bind_contextvars(request="r-1")
    structlog.get_logger().info("one")
    logging.getLogger("library").warning("two")
    assert [line["request"] for line in out.all()] == ["r-1", "r-1"]


def test_libraries_write_the_same_lines(out: Lines) -> None:
    logging.getLogger("sqlalchemy.engine").warning("slow: %d s", 3)
    line = out.one()
    assert (line["event"], line["level"], line["logger"]) == ("slow: 3 s", "warning", "sqlalchemy.engine")


def test_warnings_are_lines_too(out: Lines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old", stacklevel=1)
    assert "old" in out.one()["event"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_secrets_are_not_in_the_log_even_of_a_failure(out: Lines, form: str) -> None:
    logs.configure("info", form, out)
    password = "hush-hush"
    structlog.get_logger().info("one", key=Secret(password), password=password, authorization=password)
    try:
        _ = 1 // len("")
    except ZeroDivisionError:
        structlog.get_logger().exception("two")
        logging.getLogger("library").exception("three")
    said = out.getvalue().decode()
    assert "ZeroDivisionError" in said
    assert "***" in said
    assert password not in said


def test_anything_can_be_logged(out: Lines) -> None:
    structlog.get_logger().info("odd", half="\ud800", data=b"\xff", error=ValueError("x"), thing=object())
    assert out.one()["event"] == "odd"


def test_a_log_that_nobody_reads_fails_no_request() -> None:
    class Gone(io.BytesIO):
        def write(self, _: Any) -> int:
            raise BrokenPipeError

    logs.configure("info", "json", Gone())
    structlog.get_logger().info("into the void")
    structlog.reset_defaults()
