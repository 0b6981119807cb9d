"""Fuzzes one target in this process, which ends with it: ``python -m tests.fuzz.one TARGET [what libFuzzer takes]``."""

import sys

import atheris

with atheris.instrument_imports(include=["wharfinger"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
