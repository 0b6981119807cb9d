"""``wharf config``: which settings are in force, where they come from, and whether they are right."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from wharfinger.config import Loaded, load
from wharfinger.config.reference import rows
from wharfinger.config.settings import DESCRIPTIONS


def does(setting: str) -> Parameter:
    """The command-line option that sets it; its value is read as in the other sources."""
    return Parameter(help=DESCRIPTIONS[setting].does)


ConfigFile = Annotated[Path | None, Parameter(env_var="WHARF_CONFIG", help="A YAML file with settings.")]
DataFolder = Annotated[str | None, does("data")]

config = App(name="config", help="Show and check the settings.")


def loaded(file: Path | None, options: Mapping[str, str | None]) -> Loaded:
    """The settings that a command goes by. Raises ConfigError."""
    return load(file, os.environ, options)


@config.command
def show(*, config: ConfigFile = None, data: DataFolder = None) -> None:
    """Print every setting, its value and where that came from. Secrets are not printed."""
    table = [("Setting", "Value", "From"), *rows(loaded(config, {"data": data}))]
    name_width, value_width = (max(len(row[column]) for row in table) for column in (0, 1))
    for name, value, origin in table:
        print(f"{name:{name_width}}  {value:{value_width}}  {origin}")


@config.command
def check(*, config: ConfigFile = None, data: DataFolder = None) -> None:
    """Look for mistakes in the settings, without starting anything."""
    loaded(config, {"data": data})
    print("The settings are right.")
