"""Typed settings from a YAML file, the environment and the command line, with every problem reported at once."""

from wharfinger.config.load import Loaded, load
from wharfinger.config.settings import Settings
from wharfinger.config.values import Address, ConfigError, Secret

__all__ = ["Address", "ConfigError", "Loaded", "Secret", "Settings", "load"]
