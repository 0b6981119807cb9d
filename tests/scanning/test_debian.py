"""A whole Debian, catalogued by us and asked by its own tools."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.kit.debian import debian
from tests.kit.layers import source, zipped
from tests.kit.parts.tools import tool
from wharfinger.scanning.cataloguing import catalogue_image

_FORM = "${db:Status-Status}\t${Package}\t${Version}\t${source:Package}\t${source:Version}\t${Architecture}\n"


@pytest.mark.system
@pytest.mark.xdist_group("debian")  # one worker builds it
def test_it_is_what_dpkg_says_it_is(tmp_path: Path) -> None:
    raw = debian()
    image = catalogue_image([source(zipped(raw))])
    ours = {
        (each.name, each.version, each.source.name, each.source.version)
        for each in image.packages
        if each.type == "deb" and each.source is not None
    }
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        members = [each for each in archive if each.name.startswith("./var/lib/dpkg/")]
        archive.extractall(tmp_path, members, filter="data")
    asked = [str(tool("dpkg-query")), f"--admindir={tmp_path}/var/lib/dpkg", "-W", f"-f={_FORM}"]
    lines = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    theirs = {tuple(line.split("\t")[1:5]) for line in lines if line.startswith("installed\t")}
    assert ours == theirs
    assert len(ours) > 100
    assert image.problems == ()
    assert image.distribution is not None
    assert (image.distribution.id, image.distribution.version) == ("debian", "12")
    # its jars are the business of its security team
    others = [each for each in image.packages if each.type != "deb"]
    assert {each.type for each in others} == {"maven"}
    assert [each for each in others if each.covered_by is None] == []
