"""The shipped rows against the Python package index and the headers of its newest wheels, as they are today."""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path

import pytest

from envsetup import data
from envsetup.build.decide import engine
from envsetup.build.offers import addressed
from envsetup.build.refresh import compare, live
from envsetup.build.refresh.__main__ import PACKAGES, differences
from envsetup.build.refresh.wheels import listed
from envsetup.build.simple import Fetcher, UnreachableError
from envsetup.model.plan import Request

pytestmark = pytest.mark.build


@pytest.fixture(scope="module")
def place():
    sources, uv = engine(Request(frameworks=["pytorch"], source="pypi"), [])
    return addressed(sources.frameworks[0], uv), Fetcher(pip=sources.pip, deadline=time.monotonic() + 120)


@pytest.fixture(scope="module")
def found(place):
    try:
        return differences(*place, headers=1)
    except UnreachableError as error:
        pytest.skip(f"the package index cannot be reached: {error}")


@pytest.mark.parametrize("table", PACKAGES)
def test_no_row_contradicts_the_index(found, table):
    assert [str(row) for row in found[table] if row.shipped is not None] == []


@pytest.mark.parametrize("table", PACKAGES)
def test_no_newer_final_release_is_missing(found, table):
    missing = [row.release for row in found[table] if row.shipped is None]
    if missing:
        pytest.skip(f"the data is older than the index: {table} {', '.join(missing)}")


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ("torch.json", lambda row: row["wheels"][0].update(python="3.10")),
        ("torch.json", lambda row: row["wheels"][1].update(floor="2.17")),
        ("tensorflow.json", lambda row: row["python"].update({"linux-x86_64": "3.10"})),
        ("jax.json", lambda row: row.update(glibc="2.17")),
    ],
)
def test_a_planted_contradiction_is_found(found, place, table, fault):
    assert found is not None
    rows = json.loads((Path(data.__file__).parent / table).read_text())["releases"]
    wheels = live.by_version(listed(place[0], PACKAGES[table], place[1]))
    wrong = copy.deepcopy(rows)
    fault(wrong[0])
    assert [row.release for row in compare.names(table, wrong, wheels)] == [rows[0]["version"]]


def test_a_release_that_the_table_lacks_is_told(found, place):
    assert found is not None
    rows = json.loads((Path(data.__file__).parent / "torch.json").read_text())["releases"]
    wheels = live.by_version(listed(place[0], "torch", place[1]))
    told = compare.names("torch.json", rows[1:], wheels)
    assert [(row.release, row.shipped) for row in told] == [(rows[0]["version"], None)]
