"""Wharfinger: a container registry and its management."""

from functools import cache

__version__: str


@cache
def __getattr__(name: str) -> str:
    """The version, looked up once, by who asks: the processes that read layers do not, and are started often."""
    if name != "__version__":
        raise AttributeError(name)
    from importlib.metadata import version

    return version("wharfinger")
