"""Fuzzes the targets one after the other, each for so many seconds: ``python -m tests.fuzz SECONDS [TARGET…]``.

What brings a parser down lies in ``build/fuzz/TARGET`` afterwards: ``python -m tests.fuzz.one TARGET FILE`` shows it.
What was found to be worth keeping of a run is where the next one begins.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

from tests.fuzz.targets import EXAMPLE_AT_MOST, TARGETS

PLACE = Path(__file__).parents[2] / "build" / "fuzz"
SECONDS_FOR_ONE_INPUT = 25
MEGABYTES = 2048


def main(words: list[str]) -> int:
    seconds, names = int(words[0]), words[1:] or list(TARGETS)
    unknown = [name for name in names if name not in TARGETS]
    if unknown:
        print(f"no such target: {', '.join(unknown)}; one of {', '.join(TARGETS)}")
        return 2
    failed = [name for name in names if not fuzz(name, seconds)]
    print(f"{len(names) - len(failed)} of {len(names)} targets held" + "".join(f"\n  broke: {name}" for name in failed))
    return 1 if failed else 0


def fuzz(name: str, seconds: int) -> bool:
    """Whether nothing was found."""
    corpus, found = PLACE / name / "corpus", PLACE / name
    corpus.mkdir(parents=True, exist_ok=True)
    for example in TARGETS[name].examples():
        if len(example) <= EXAMPLE_AT_MOST:
            (corpus / hashlib.sha256(example).hexdigest()[:20]).write_bytes(example)
    command = [
        *(sys.executable, "-m", "tests.fuzz.one", name, str(corpus)),
        *(f"-max_total_time={seconds}", f"-timeout={SECONDS_FOR_ONE_INPUT}", f"-rss_limit_mb={MEGABYTES}"),
        *(f"-max_len={EXAMPLE_AT_MOST}", f"-artifact_prefix={found}/", "-print_final_stats=1"),
    ]
    with (found / "log").open("w") as log:
        status = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
    lines = (found / "log").read_text(errors="replace").splitlines()
    runs = next((line.rpartition(" ")[2] for line in lines if "number_of_executed_units" in line), "?")
    print(f"{'held ' if status == 0 else 'BROKE'} {name}: {runs} runs", flush=True)
    if status:
        print("\n".join(f"    {line}" for line in lines[-30:]), flush=True)
    return status == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
