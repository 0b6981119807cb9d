"""The settings as people read them: the page in the documentation, and the rows of ``wharf config show``."""

from wharfinger.config.load import Loaded
from wharfinger.config.settings import DESCRIPTIONS, Description

_INTRODUCTION = """\
# Settings

Every setting can be given in a YAML file, in the environment, and some on the command line. The command line wins
over the environment, the environment over the file, and what is given nowhere has its default:

```yaml
# wharf.yaml, used by: wharf serve --config wharf.yaml (or WHARF_CONFIG=wharf.yaml)
listen: 0.0.0.0:5000
workers: 2
trusted_proxies: [10.0.0.0/8]
```

A value that is wrong, or a setting that does not exist, stops the start with a message that names it and where it
was given; `wharf config check` looks without starting anything. An empty value counts as not given. Relative paths
start at the folder in which `wharf` is started. `wharf config show` prints what is in force, without secrets.

This page is made by `python -m wharfinger.config.reference`.
"""


def reference() -> str:
    """``docs/guides/settings.md``."""
    return "\n".join([_INTRODUCTION, *(_section(each) for each in DESCRIPTIONS.values())])


def _section(each: Description) -> str:
    default = f"`{each.shown(each.default)}`" if each.shown(each.default) else "none"
    return f"""\
## {each.name}

{each.does}

Want {each.kind.wanted}. Default: {default}. Environment: `{each.variable}`.
"""


def rows(loaded: Loaded) -> list[tuple[str, str, str]]:
    """Each setting with its value, secrets hidden, and where that came from."""
    return [
        (name, each.shown(getattr(loaded.settings, name)), loaded.origins[name]) for name, each in DESCRIPTIONS.items()
    ]


if __name__ == "__main__":
    print(reference(), end="")  # noqa: T201  the page goes to standard output
