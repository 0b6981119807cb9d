"""The house keeps its own rules: which way imports go, how long things may be, and what is not written at all."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "wharfinger"
SOURCES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
HANDLERS = [file for room in ("oci", "api", "ui") for file in sorted((PACKAGE / room).rglob("*.py"))]

MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 40


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def place(file: Path, line: int) -> str:
    return f"{file.relative_to(ROOT)}:{line}"


def test_imports_go_one_way(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    status = lint_imports(no_cache=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_files_are_short() -> None:
    lengths = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in SOURCES}
    assert {file: length for file, length in lengths.items() if length > MOST_LINES_OF_A_FILE} == {}


def test_functions_are_short() -> None:
    long = [
        f"{place(file, function.lineno)} {function.name}: {lines(function)} lines"
        for file in SOURCES
        if file.parent.name != "versions"  # a migration tells one change from its beginning to its end
        for function in functions(file)
        if lines(function) > MOST_LINES_OF_A_FUNCTION
    ]
    assert long == []


def test_handlers_leave_refusals_to_the_gate() -> None:
    caught = [
        place(file, node.lineno)
        for file in HANDLERS
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ExceptHandler)
    ]
    assert caught == []


def test_nothing_is_patched_into_place() -> None:
    forbidden = re.compile(r"\bmock\.patch|unittest(\.| import )mock|\bmocker\b")
    patched = [
        place(file, number)
        for file in TESTS
        if file != Path(__file__)
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if forbidden.search(line)
    ]
    assert patched == []


def test_every_room_says_what_it_is_for() -> None:
    silent = [
        str(file.relative_to(ROOT))
        for file in SOURCES
        if file.name != "__init__.py" and not ast.get_docstring(ast.parse(file.read_text()))
    ]
    assert silent == []
