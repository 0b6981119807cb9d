"""Wharfinger: a container registry and its management."""

__version__: str


def __getattr__(name: str) -> str:
    """The version, looked up by who asks for it: the processes that read layers do not, and are started often."""
    if name != "__version__":
        raise AttributeError(name)
    from importlib.metadata import version

    return version("wharfinger")
