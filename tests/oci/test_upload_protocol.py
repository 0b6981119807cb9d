"""The upload protocol in any order: the registry and the model agree on every answer and on every byte."""

from httpx2 import Response
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.kit.client import Registry, code_of, location_of
from tests.kit.model import Session
from tests.oci.machines import Machine, run
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest

chunks = st.sampled_from([b"a", b"bc", b"def" * 10, b"\0" * 1000]) | st.binary(max_size=20)
algorithms = st.sampled_from(["sha256", "sha256", "sha512"])
offs = st.sampled_from([-1, 1, 7, 10**12])


class Uploads(Machine):
    """Sessions of two repositories, used rightly and wrongly."""

    def __init__(self) -> None:
        super().__init__()
        self.sessions: list[Session] = []
        self.start(0, "sha256")

    def pick(self, data: st.DataObject) -> Session:
        """One of the sessions, more often than not an open one."""
        # Once it may be forgotten, either answer is right.
        self.sessions = [session for session in self.sessions if self.registry.clock() < session.forgotten_at]
        if not self.sessions:
            self.start(0, "sha256")
        still = [session for session in self.sessions if session.open]
        return data.draw(st.sampled_from([*(still * 5), *self.sessions]))

    def require(self, answer: Response, status: int) -> None:
        """The answer has the model's status, and says where the session stands or what is wrong."""
        assert answer.status_code == status, f"{answer.request.method} {answer.request.url}: {answer.text}"
        if status >= 400:
            code_of(answer)

    def require_session(self, answer: Response, session: Session, status: int) -> None:
        self.require(answer, status)
        if status in {202, 204}:
            assert answer.headers["Range"] == f"0-{max(0, len(session.held) - 1)}"

    @rule(which=st.integers(0, 1), algorithm=algorithms)
    def start(self, which: int, algorithm: str) -> None:
        started = self.wait(self.client.start_upload(self.names[which], algorithm=algorithm))
        self.sessions.append(Session(self.names[which], location_of(started)))

    @rule(data=st.data(), chunk=chunks)
    def stream(self, data: st.DataObject, chunk: bytes) -> None:
        session = self.pick(data)
        status = self.model.append(session, chunk)
        self.require_session(self.wait(self.client.patch(session.location, chunk)), session, status)

    @rule(data=st.data(), chunk=chunks.filter(len), off=st.just(0) | offs)
    def send_a_chunk(self, data: st.DataObject, chunk: bytes, off: int) -> None:
        session = self.pick(data)
        start = max(0, len(session.held) + off)
        status = self.model.append(session, chunk, start=start)
        answer = self.wait(self.client.patch(session.location, chunk, range=span(start, chunk)))
        self.require_session(answer, session, status)

    @rule(data=st.data(), chunk=chunks.filter(len), off=st.sampled_from([-1, 1, 1000]))
    def send_a_chunk_of_another_length_than_it_says(self, data: st.DataObject, chunk: bytes, off: int) -> None:
        session = self.pick(data)
        start, stop = len(session.held), len(session.held) + max(1, len(chunk) + off)
        if stop == start + len(chunk):
            return
        answer = self.wait(self.client.patch(session.location, chunk, range=f"{start}-{stop - 1}"))
        assert answer.status_code == 400 or (not session.open and answer.status_code == 404)

    @rule(data=st.data(), one=chunks.filter(len), other=chunks.filter(len))
    def send_two_chunks_at_once(self, data: st.DataObject, one: bytes, other: bytes) -> None:
        session = self.pick(data)
        start, location = len(session.held), session.location
        both = [one, other]
        answers = self.wait_all(*(self.client.patch(location, chunk, range=span(start, chunk)) for chunk in both))
        if not session.open:
            assert [answer.status_code for answer in answers] == [404, 404]
            return
        assert sorted(answer.status_code for answer in answers) == [202, 416]
        winner = next(chunk for chunk, answer in zip(both, answers, strict=True) if answer.status_code == 202)
        self.model.append(session, winner)

    @rule(data=st.data())
    def ask(self, data: st.DataObject) -> None:
        session = self.pick(data)
        answer = self.wait(self.client.upload_status(session.location))
        self.require_session(answer, session, 204 if session.open else 404)

    @rule(data=st.data())
    def ask_under_another_repository(self, data: st.DataObject) -> None:
        session = self.pick(data)
        other = next(name for name in self.names if name != session.repository)
        elsewhere = session.location.replace(session.repository, other)
        self.require(self.wait(self.client.upload_status(elsewhere)), 404)
        self.require(self.wait(self.client.cancel(elsewhere)), 404)

    @rule(data=st.data(), rest=chunks, ranged=st.booleans(), algorithm=algorithms)
    def finish(self, data: st.DataObject, rest: bytes, ranged: bool, algorithm: str) -> None:
        session = self.pick(data)
        self.close(session, digests.of(session.held + rest, algorithm), rest, 0 if ranged and rest else None)

    @rule(data=st.data(), rest=chunks.filter(len), off=offs)
    def finish_at_a_wrong_offset(self, data: st.DataObject, rest: bytes, off: int) -> None:
        session = self.pick(data)
        if session.open and len(session.held) + off >= 0:
            self.close(session, digests.of(session.held + rest), rest, off)

    @rule(data=st.data(), rest=chunks)
    def finish_with_a_wrong_digest(self, data: st.DataObject, rest: bytes) -> None:
        session = self.pick(data)
        self.close(session, digests.of(session.held + rest + b"?"), rest, None)

    def close(self, session: Session, digest: Digest, rest: bytes, off: int | None) -> None:
        start = None if off is None else len(session.held) + off
        again = not session.open
        status = self.model.finish(session, digest, rest, start=start, now=self.registry.clock())
        sent = None if start is None else span(start, rest)
        answer = self.wait(self.client.put_upload(session.location, digest, rest, range=sent))
        if again and status == 404:
            assert answer.status_code in {400, 404}
            return
        self.require(answer, status)

    @rule(data=st.data())
    def finish_twice_at_once(self, data: st.DataObject) -> None:
        session = self.pick(data)
        digest, location = digests.of(session.held), session.location
        status = self.model.finish(session, digest, now=self.registry.clock())
        for answer in self.wait_all(*(self.client.put_upload(location, digest) for _ in range(2))):
            self.require(answer, status)

    @rule(data=st.data())
    def repeat_a_finish_whose_answer_was_lost(self, data: st.DataObject) -> None:
        session = self.pick(data)
        if session.became is not None:
            status = self.model.finish(session, session.became, now=self.registry.clock())
            self.require(self.wait(self.client.put_upload(session.location, session.became)), status)

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        session = self.pick(data)
        status = self.model.cancel(session)
        self.require(self.wait(self.client.cancel(session.location)), status)
        self.require(self.wait(self.client.upload_status(session.location)), 404)

    @rule(which=st.integers(0, 1), content=chunks)
    def push_at_once(self, which: int, content: bytes) -> None:
        repository = self.names[which]
        status = self.model.push_blob(repository, content)
        posted = self.client.start_upload(repository, digest=digests.of(content), content=content)
        self.require(self.wait(posted), status)

    @rule(which=st.integers(0, 1), data=st.data())
    def mount(self, which: int, data: st.DataObject) -> None:
        target, source = self.names[which], self.names[1 - which]
        digest = data.draw(st.sampled_from([*self.model[source].blobs, digests.of(b"nobody has this")]))
        status = self.model.mount(target, digest, source)
        self.require(self.wait(self.client.mount(target, digest, source)), status)

    @rule(which=st.integers(0, 1), data=st.data())
    def delete_a_blob(self, which: int, data: st.DataObject) -> None:
        repository = self.names[which]
        digest = data.draw(st.sampled_from([*self.model[repository].blobs, digests.of(b"nobody has this")]))
        status = self.model.delete_blob(repository, digest)
        self.require(self.wait(self.client.delete_blob(repository, digest)), status)

    @rule(which=st.integers(0, 1), data=st.data())
    def pull(self, which: int, data: st.DataObject) -> None:
        repository = self.names[which]
        everything = {**self.model[self.names[0]].blobs, **self.model[self.names[1]].blobs}
        digest = data.draw(st.sampled_from([*everything, digests.of(b"nobody has this")]))
        self.require_blob(repository, digest, self.model[repository].blobs.get(digest))

    def require_blob(self, repository: str, digest: Digest, content: bytes | None) -> None:
        answer = self.wait(self.client.get_blob(repository, digest))
        self.require(answer, 404 if content is None else 200)
        assert content is None or answer.content == content

    @rule(seconds=st.sampled_from([1, 60, 200]))
    def wait_a_while(self, seconds: int) -> None:
        self.registry.clock.advance(seconds)

    def teardown(self) -> None:
        for name in self.names:
            for digest, content in self.model[name].blobs.items():
                self.require_blob(name, digest, content)


def span(start: int, chunk: bytes) -> str:
    """The Content-Range of a chunk."""
    return f"{start}-{start + len(chunk) - 1}"


async def test_uploads_in_any_order_do_what_the_model_does(registry: Registry) -> None:
    await run(Uploads, registry)
