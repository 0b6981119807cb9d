"""A set of advisories that is brought in is there whole, or the one before it is, whenever the process is killed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.advisories import osv, up_to, write_zip
from wharfinger.scanning.advisories.building import bring_in
from wharfinger.scanning.advisories.opening import open_database

OLD = [osv(f"PYSEC-2026-{number}", "PyPI", "pip", *up_to("2")) for number in range(10)]
NEW = [*OLD, osv("PYSEC-2026-99", "PyPI", "pip", *up_to("3"))]

# Kills itself before one thing after the other that it does to the folder, a process for each, until one gets through.
# The first argument is the folder to begin with, the second the records, the third where each attempt has its copy.
KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from wharfinger.scanning.advisories.building import bring_in

begin, records, attempts = map(Path, sys.argv[1:])
STEPS = {"os.link", "os.rename", "os.remove", "os.chmod", "shutil.copyfile", "sqlite3.connect", "tempfile.mkstemp"}

def dies_before(step):
    seen = [0]
    def hook(event, arguments):
        if event in STEPS:
            seen[0] += 1
            if seen[0] == step:
                os.write(1, f"{event}\\n".encode())
                os.kill(os.getpid(), signal.SIGKILL)
    return hook

for step in range(1, 50):
    folder = attempts / f"{step:02}"
    shutil.copytree(begin, folder)
    pid = os.fork()
    if pid == 0:
        sys.addaudithook(dies_before(step))
        bring_in(records, folder / "advisories.db")
        os._exit(0)
    if os.waitpid(pid, 0)[1] == 0:
        sys.exit()
sys.exit("it never got through")
"""


@pytest.fixture
def killed(tmp_path: Path) -> list[str]:
    """What was about to happen at each kill; the folders are in ``attempts``, the last one of which got through."""
    (tmp_path / "records").mkdir()
    write_zip(tmp_path / "records" / "a.zip", OLD)
    bring_in(tmp_path / "records", tmp_path / "begin" / "advisories.db")
    write_zip(tmp_path / "records" / "a.zip", NEW)
    (tmp_path / "attempts").mkdir()
    folders = [str(tmp_path / name) for name in ("begin", "records", "attempts")]
    ran = subprocess.run(
        [sys.executable, "-c", KILLED, *folders], capture_output=True, text=True, check=False, timeout=120
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout.split()


def test_whenever_it_is_killed_there_is_one_whole_set_and_the_next_import_makes_it_good(
    tmp_path: Path, killed: list[str]
) -> None:
    assert {"tempfile.mkstemp", "shutil.copyfile", "sqlite3.connect", "os.link", "os.rename"} < set(killed)
    before = open_database(tmp_path / "begin" / "advisories.db").sha256
    *broken, whole = sorted((tmp_path / "attempts").iterdir())
    assert len(broken) == len(killed)
    after = open_database(whole / "advisories.db").sha256
    assert after != before
    swapped = killed.index("os.rename") + 1  # so many were killed before the new set had its name
    for number, folder in enumerate(broken):
        known = open_database(folder / "advisories.db")
        expected = (before, {"a": len(OLD)}) if number < swapped else (after, {"a": len(NEW)})
        assert (known.sha256, known.sources) == expected
        assert bring_in(tmp_path / "records", folder / "advisories.db").sha256 == after
        assert open_database(folder / "advisories.db").sources == {"a": len(NEW)}
        assert open_database(folder / "advisories.db.old").sha256 == before
        assert {each.name for each in folder.iterdir()} == {"advisories.db", "advisories.db.old"}, (
            "a killed one's file is left"
        )


def test_what_another_is_making_is_left_alone(tmp_path: Path) -> None:
    write_zip(tmp_path / "a.zip", OLD)
    database = tmp_path / "known" / "advisories.db"
    bring_in(tmp_path / "a.zip", database)
    other = "import sys; from pathlib import Path; from wharfinger.scanning.advisories.building import staged\n"
    other += "with staged(Path(sys.argv[1])) as file: print(file, flush=True); sys.stdin.read(); print(file.exists())"
    with subprocess.Popen(
        [sys.executable, "-c", other, database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        staging = Path(process.stdout.readline().strip())
        bring_in(tmp_path / "a.zip", database, force=True, facts={"a": "b"})
        assert staging.exists()
        said, _ = process.communicate(timeout=60)
    assert said == "True\n"
    assert not staging.exists()
    shutil.rmtree(database.parent)
