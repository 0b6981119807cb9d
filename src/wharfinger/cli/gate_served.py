"""A gate's verdict on an image of our own registry: asked for, waited for, and joined with what else was asked for."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wharfinger.cli import judged, registries
from wharfinger.cli.references import Image
from wharfinger.config import values
from wharfinger.errors import Refusal, RequestInvalid
from wharfinger.spec.digest import encodable

if TYPE_CHECKING:
    from wharfinger.cli.client import Client
    from wharfinger.scanning.gate.deciding import Terms
    from wharfinger.scanning.gate.served import Known
    from wharfinger.scanning.gate.verdict import Verdict

LONGEST = timedelta(hours=1)
FIRST_PAUSE, LAST_PAUSE = 0.25, 3.0


@dataclass(frozen=True, slots=True)
class Place:
    """An image of our own registry, at this address; ``text`` is its whole name."""

    url: str
    text: str
    image: Image

    @property
    def host(self) -> str:
        """The registry as references name it."""
        return urlsplit(self.url).netloc


def place(target: str, server: str | None) -> Place | None:
    """Where the target is, if it is an image of the registry that was named, or else of the one logged in to."""
    from wharfinger.cli.client import is_loopback, registry_url

    login = registries.own_login()
    if server is None:
        found = judged.meant(target)
        return None if found.own is None or login is None else Place(login.url, found.text, found.own)
    url = registry_url(server)
    if url.startswith("http://") and not is_loopback(url) and (login is None or login.url != url):
        raise RequestInvalid(f"{url} is not encrypted, and a password would be shown to it: use https")
    found = judged.meant(target, urlsplit(url).netloc)
    if found.own is None:
        raise RequestInvalid(f"{target} names no image of {urlsplit(url).netloc}: leave --server out, or name another")
    return Place(url, found.text, found.own)


def verdict(
    at: Place, terms: "Terms", unknown_as: str, now: datetime, *, platform: str | None, wait: timedelta
) -> "Verdict":
    """What the registry and the terms come to. Raises Refusal where there is nobody to ask, or nothing that decides."""
    from wharfinger.scanning.findings import Severity
    from wharfinger.scanning.gate import deciding, joining, served
    from wharfinger.scanning.gate import verdict as verdicts
    from wharfinger.scanning.scans import Scan

    with _client(at) as client:
        known = _of_platform(_awaited(client, at, wait.total_seconds()), platform)
    if terms.fail_on is None and all(each.gate is None for each in known):
        raise RequestInvalid(f"no gate rule covers {at.image.repository}, so that nothing decides: say --fail-on")
    scans = [served.scan(each) for each in known if each.verdict is not None or each.state == "nothing-to-scan"]
    decision = deciding.decide(scans, terms, Severity(unknown_as), now.date())
    first = next((each.verdict for each in known if each.verdict is not None), None)
    scan = Scan(encodable(at.text), first.advisories if first else "", first.sources if first else {}, scans)
    return verdicts.Verdict(
        scan,
        joining.join(decision, known, values.show_duration(wait) if wait else "0s"),
        verdicts.there(at.host, known),
        [unmatched for each in known for unmatched in served.unmatched(each)],
    )


def waiting(text: str) -> timedelta:
    """For how long the registry is waited for. Raises RequestInvalid."""
    try:
        found = timedelta(0) if text in {"0", "0s"} else values.duration(text)
    except ValueError as error:
        raise RequestInvalid(f"--wait {text!r}: {str(error) or f'want {values.DURATION.wanted}'}") from error
    if found > LONGEST:
        raise RequestInvalid(f"--wait {text!r}: {values.show_duration(LONGEST)} is the most")
    return found


def _client(at: Place) -> "Client":
    """As who is logged in there; else as who 'docker login' or 'podman login' knows."""
    from wharfinger.cli.client import Client, by_login
    from wharfinger.remote import credentials

    login = registries.own_login()
    if login is not None and login.url == at.url:
        return by_login(login)
    kept = credentials.load().get(at.host)
    if kept is None or not kept.username:
        raise Refusal(f"nobody is logged in to {at.host}: run 'wharf login {at.url}' or 'docker login {at.host}'")
    return Client(at.url, account=(kept.username, kept.password))


def _awaited(client: "Client", at: Place, seconds: float) -> "Sequence[Known]":
    """What the registry knows once there is nothing to wait for, or the time is over. Raises Refusal."""
    from wharfinger.scanning.gate import served

    begun, pause = time.monotonic(), FIRST_PAUSE
    with _telling(at) as tell:
        while True:
            known = served.read(client.get(f"/verdicts/{at.image.repository}/{at.image.reference}"))
            spent = time.monotonic() - begun
            if spent >= seconds or not any(each.is_awaited for each in known):
                return known
            tell(f"{spent:.0f} of {seconds:.0f} seconds")
            time.sleep(min(pause, seconds - spent))
            pause = min(pause * 1.5, LAST_PAUSE)


@contextmanager
def _telling(at: Place) -> Iterator[Callable[[str], None]]:
    """Words on the terminal while it is waited; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    words = f"Waiting for the verdict of {at.host} on {at.image}"
    with Console(stderr=True, markup=False, highlight=False).status(words) as status:
        yield lambda said: status.update(f"{words}: {said}")


def _of_platform(known: "Sequence[Known]", platform: str | None) -> "Sequence[Known]":
    """The images for it, and those of which nobody knows yet for what they are."""
    from wharfinger.scanning.gate import served
    from wharfinger.scanning.targets.images import is_for

    if not known:
        raise RequestInvalid("the registry has none of the images in this index")
    if platform is None:
        return known
    platforms = {each.digest: served.scan(each).platform for each in known if each.verdict is not None}
    chosen = [each for each in known if is_for(platforms.get(each.digest, platform), platform)]
    if not chosen or all(each.state == "nothing-to-scan" for each in chosen):
        there = ", ".join(sorted(each or "one that says none" for each in platforms.values())) or "none"
        raise RequestInvalid(f"there is no image for {platform}; there are: {there}")
    return chosen
