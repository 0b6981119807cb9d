"""Random images whose times never tie, and never lie at a cut-off of whole minutes."""

from random import Random

from tests.lifecycle.foreign.inventory import DAY, Image, Tag

STEMS = ("dev-", "prod-", "v", "v1.", "release-", "alpha", "beta", "xxv42", "Prod_")
REPOSITORIES = ("shop/web", "shop/web-admin", "shop/a/b", "tools/mobile", "web")


class Ages:
    """Each age is given once; seconds within a minute are never 0."""

    def __init__(self, random: Random, days: int) -> None:
        self._random = random
        self._days = days
        self._given = 0

    def one(self) -> int:
        self._given += 1
        offset = 60 * self._given + 1 + self._given % 59
        return self._random.randrange(self._days) * DAY + offset


def images(random: Random, *, protected: float = 0.0, signed: bool = False, at_most: int = 9) -> list[Image]:
    """A few images in a few repositories: how many of their tags are protected, and whether some sign other images.

    Tags of signatures are for Quay alone, which passes over them; for the rest they are no tags, see families.
    """
    ages = Ages(random, days=12)
    repositories = random.sample(REPOSITORIES, random.randint(1, 2))
    names = {repository: _names(random, signed=signed) for repository in repositories}
    found = []
    for i in range(random.randint(1, at_most)):
        repository = random.choice(repositories)
        count = min(random.choice((0, 0, 1, 1, 2, 3)), len(names[repository]))
        tags = [Tag(names[repository].pop(), ages.one(), random.random() < protected) for _ in range(count)]
        found.append(_image(random, i, repository, tags, ages))
    return found


def _image(random: Random, i: int, repository: str, tags: list[Tag], ages: Ages) -> Image:
    return Image(
        id=f"sha256:{random.choice('abc')}{i:02d}",
        age=ages.one(),
        tags=tuple(tags),
        repository=repository,
        pulled=None if i == 0 else ages.one(),  # two that were never pulled would tie
        untagged=None if tags or random.random() < 0.5 else ages.one(),
    )


def _names(random: Random, *, signed: bool) -> list[str]:
    names = [f"{stem}{number}" for stem in STEMS for number in (1, 2, 42)]
    names += ["latest", "production"]
    names += [f"sha256-{'ab' * 32}.sig", f"sha256-{'cd' * 32}.sbom", "sha256-0a.att"] if signed else []
    random.shuffle(names)
    return names


def some(random: Random, values: tuple[str, ...], at_most: int = 2) -> list[str]:
    """One or more of them, each once."""
    return random.sample(values, random.randint(1, min(at_most, len(values))))
