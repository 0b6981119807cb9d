"""Where settings come from, which source wins, and that every problem is told at once."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from wharfinger.config import Address, ConfigError, Loaded, Settings, load


def from_all(
    tmp_path: Path,
    yaml: str = "",
    environment: Mapping[str, str] | None = None,
    options: Mapping[str, object] | None = None,
) -> Loaded:
    file = tmp_path / "wharf.yaml"
    file.write_text(yaml)
    return load(file, environment or {}, options or {})


def problems(tmp_path: Path, yaml: str = "", **environment: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        from_all(tmp_path, yaml, environment)
    told: tuple[str, ...] = caught.value.problems
    return told


def test_without_any_source_everything_has_its_default() -> None:
    loaded = load(None, {}, {})
    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {"default"}


def test_the_command_line_wins_over_the_environment_that_over_the_file(tmp_path: Path) -> None:
    yaml = "listen: 1.1.1.1:1\nworkers: 2\nbody_timeout: 5s\n"
    loaded = from_all(tmp_path, yaml, {"WHARF_LISTEN": "2.2.2.2:2", "WHARF_WORKERS": "3"}, {"listen": "3.3.3.3:3"})
    assert loaded.settings.listen == Address("3.3.3.3", 3)
    assert loaded.settings.workers == 3
    assert loaded.settings.body_timeout == timedelta(seconds=5)
    assert loaded.origins["listen"] == "--listen"
    assert loaded.origins["workers"] == "WHARF_WORKERS"
    assert loaded.origins["body_timeout"] == f"{tmp_path}/wharf.yaml line 3"
    assert loaded.origins["data"] == "default"


def test_what_is_empty_is_not_given(tmp_path: Path) -> None:
    loaded = from_all(tmp_path, "public_url:\nworkers: 2\n", {"WHARF_WORKERS": ""}, {"data": None})
    assert loaded.settings == Settings(workers=2)


def test_every_problem_is_told_with_its_place(tmp_path: Path) -> None:
    found = problems(tmp_path, "workers: 65\nlog_levle: info\n", WHARF_LISTEN="5000", WHARF_COLOUR="red")
    file = tmp_path / "wharf.yaml"
    assert found == (
        f"workers: 65 is not a whole number from 1 to 64 (from {file} line 1)",
        f"log_levle: no such setting; did you mean log_level? (from {file} line 2)",
        "colour: no such setting; 'wharf config show' lists all (from WHARF_COLOUR)",
        "listen: '5000' is not HOST:PORT such as 0.0.0.0:5000 or [::1]:5000 (from WHARF_LISTEN)",
    )


def test_a_wrong_value_is_told_even_where_another_source_overrides_it(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, "workers: many\n", WHARF_WORKERS="2")
    assert found.startswith("workers: 'many' is not")


@pytest.mark.parametrize("name", ["admin_password", "storage_secret_key", "database", "audit_webhook_secret"])
def test_a_wrong_secret_is_not_repeated(tmp_path: Path, name: str) -> None:
    found = problems(tmp_path, f"{name}: 123456\n")
    assert "123456" not in "\n".join(found)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ("tls_cert", "tls_key"),
        ("storage_access_key", "storage_secret_key"),
        ("storage_secret_key", "storage_access_key"),
        ("audit_webhook_secret", "audit_webhook"),
    ],
)
def test_what_belongs_together_is_given_together(tmp_path: Path, given: str, missing: str) -> None:
    (tmp_path / "some.pem").touch()
    (found,) = problems(tmp_path, f"{given}: {tmp_path}/some.pem\n")
    assert found.startswith(f"{missing}: missing, and {given} needs it")


def test_a_certificate_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "some.pem").write_text("hello")
    (found,) = problems(tmp_path, f"tls_cert: {tmp_path}/some.pem\ntls_key: {tmp_path}/some.pem\n")
    assert "cannot be used together" in found


def test_a_certificate_that_is_not_there_is_told(tmp_path: Path) -> None:
    found = problems(tmp_path, WHARF_TLS_CERT="/no/cert.pem", WHARF_TLS_KEY="/no/key.pem")
    assert [each.partition(":")[0] for each in found] == ["tls_cert", "tls_key"]
    assert all("No such file" in each for each in found)


@pytest.mark.parametrize(
    "variable",
    ["WHARF_CONFIG", "WHARF_TEST_CACHE", "WHARF_SERVICE_HOST", "WHARF_SERVICE_PORT_HTTP", "WHARF_PORT_5000_TCP_ADDR"],
)
def test_variables_of_others_are_left_alone(variable: str) -> None:
    assert load(None, {variable: "x", "PATH": "y"}, {}).settings == Settings()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"- a\n- b\n", "want lines of the form"),
        (b"just words", "want lines of the form"),
        (b"a: [1", "not YAML"),
        (b"a: !!python/object:os.system x", "not YAML"),
        (b"a: 1\n---\nb: 1\n", "not YAML"),
        (b"a: \xff", "not text in UTF-8"),
        (b"[1, 2]: 3", "no such setting"),
    ],
)
def test_a_file_that_is_no_settings_is_one_clear_problem(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "wharf.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(file, {}, {})
    (problem,) = caught.value.problems
    assert says in problem
    assert str(file) in problem


def test_a_setting_given_twice_in_one_file_is_a_problem(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, "workers: 1\nworkers: 2\n")
    assert found.startswith("workers: given twice")


def test_an_empty_file_is_fine(tmp_path: Path) -> None:
    assert from_all(tmp_path, "# nothing yet\n").settings == Settings()


def test_a_missing_file_and_a_wrong_variable_are_told_together() -> None:
    with pytest.raises(ConfigError) as caught:
        load(Path("/no/wharf.yaml"), {"WHARF_WORKERS": "0"}, {})
    assert len(caught.value.problems) == 2
