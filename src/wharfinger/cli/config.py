"""``wharf config``: which settings are in force, where they come from, and whether they are right."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from wharfinger.config import Loaded, load
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
    from rich.console import Console
    from rich.table import Table

    from wharfinger.config.reference import rows

    table = Table("Setting", "Value", "From", box=None, pad_edge=False)
    for row in rows(loaded(config, {"data": data})):
        table.add_row(*row)
    Console(soft_wrap=True, highlight=False, markup=False).print(table)


@config.command
def check(*, config: ConfigFile = None, data: DataFolder = None) -> None:
    """Look for mistakes in the settings, without starting anything."""
    loaded(config, {"data": data})
    print("The settings are right.")
