"""Wharfinger: a container registry and its management."""

from importlib.metadata import version

__version__ = version("wharfinger")
