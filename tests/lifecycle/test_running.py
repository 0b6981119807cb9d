"""What a cluster runs, as kubectl says it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharfinger.errors import RequestInvalid
from wharfinger.lifecycle import running
from wharfinger.spec import digest as digests

HOST = "registry.example.com"
ONE, TWO, THREE = (digests.of(text) for text in (b"1", b"2", b"3"))


def read(*items: Any) -> dict[str, list[str]]:
    found = running.read(json.dumps({"kind": "List", "items": items}), [HOST])
    return {f"{name} {reference}": places for (name, reference), places in found.images.items()}


def thing(kind: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"namespace": "shop", "name": kind.lower()}, **fields}


def containers(*images: str) -> dict[str, Any]:
    return {"containers": [{"name": f"c{number}", "image": image} for number, image in enumerate(images)]}


def test_of_a_pod_what_it_was_told_to_run_and_what_it_does_run() -> None:
    spec = containers(f"{HOST}/web:1", f"{HOST}/db", f"{HOST}/shop/cache:7")
    spec["initContainers"] = [{"name": "init", "image": f"{HOST}/init:1"}]
    spec["ephemeralContainers"] = [{"name": "debug", "image": f"{HOST}/debug:1"}]
    status = {
        "containerStatuses": [
            {"name": "c0", "image": "sha256:what", "imageID": f"docker-pullable://{HOST}/web@{ONE}"},
            {"name": "c1", "image": f"{HOST}/db:latest", "imageID": f"{HOST}/db@{TWO}"},
            {"name": "c2", "image": f"{HOST}/shop/cache:7", "imageID": THREE},  # of the config
        ],
        "initContainerStatuses": [{"name": "init", "imageID": f"docker://{ONE}"}],
    }
    assert read(thing("Pod", spec=spec, status=status)) == {
        f"{name}": ["shop/Pod/pod"]
        for name in (
            *("web 1", "db latest", "shop/cache 7", "init 1", "debug 1"),
            *(f"web {ONE}", f"db {TWO}", f"shop/cache {THREE}", f"init {ONE}"),
        )
    }


def test_what_makes_pods_needs_their_images_although_none_runs() -> None:
    deployment = thing("Deployment", spec={"replicas": 0, "template": {"spec": containers(f"{HOST}/web:1")}})
    replicas = thing("ReplicaSet", spec={"template": {"spec": containers(f"{HOST}/web:1")}})
    job = {"template": {"spec": containers(f"{HOST}/night@{ONE}")}}
    cron = thing("CronJob", spec={"jobTemplate": {"spec": job}})
    assert read(deployment, replicas, cron) == {
        "web 1": ["shop/Deployment/deployment", "shop/ReplicaSet/replicaset"],
        f"night {ONE}": ["shop/CronJob/cronjob"],
    }


def test_other_registries_and_what_cannot_be_read_are_counted() -> None:
    images = ["nginx", "docker.io/x:1", f"{HOST}:5000/x:1", f"{HOST}/UPPER:1", f"{HOST}/x@sha256:short"]
    raw = json.dumps({"items": [thing("Pod", spec=containers(*images, "nginx"))]})
    found = running.read(raw, [HOST.upper()])
    assert (dict(found.images), found.elsewhere, len(found.unreadable)) == ({}, 3, 2)
    assert running.read(raw, [f"{HOST}:5000"]).elsewhere == 4


def test_only_some_of_many_places_are_told() -> None:
    pods = [thing("Pod", spec=containers(f"{HOST}/x:1")) | {"metadata": {"name": f"p{n}"}} for n in range(30)]
    assert read(*pods)["x 1"] == [f"Pod/p{number}" for number in range(running.PLACES_AT_MOST)]


@pytest.mark.parametrize("raw", ["", "[]", "{}", '{"items":{}}', '{"items":[1]}', "[" * 100_000])
def test_what_is_no_list_of_objects_is_refused_so_that_nothing_is_let_go(raw: str) -> None:
    with pytest.raises(RequestInvalid):
        running.read(raw, [HOST])


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(f"{HOST}/x:1"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["spec", "status", "template", "jobTemplate", "containers", "containerStatuses"])
            | st.sampled_from(["image", "imageID", "name", "metadata", "kind"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.lists(st.dictionaries(st.sampled_from(["spec", "status", "metadata", "kind"]), ANYTHING, max_size=4)))
def test_whatever_stands_in_it_it_is_read(items: list[dict[str, Any]]) -> None:
    found = running.read(json.dumps({"items": items}), [HOST])
    assert all(name and reference for name, reference in found.images)
