"""The shipped rows against what the Python package index lists today, for a sample of releases."""

from __future__ import annotations

import re
import time

import pytest

from envsetup.build.decide import engine
from envsetup.build.offers import _addressed
from envsetup.build.simple import Fetcher, UnreachableError, file_names
from envsetup.compat import jax, tensorflow, torch
from envsetup.compat.tables import key
from envsetup.model.offers import from_wheel_name
from envsetup.model.plan import Request

pytestmark = pytest.mark.build

FLOORS = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}


def platform(tag):
    """(os-arch, floor) of a platform tag, or None for one that no table speaks of."""
    if linux := re.fullmatch(r"(manylinux1|manylinux2010|manylinux2014|manylinux_\d+_\d+)_(x86_64|aarch64)", tag):
        return f"linux-{linux[2]}", FLOORS.get(linux[1]) or linux[1].removeprefix("manylinux_").replace("_", ".")
    if mac := re.fullmatch(r"macosx_(\d+)_(\d+)_(x86_64|arm64)", tag):
        return f"macos-{mac[3]}", f"{mac[1]}.{mac[2]}"
    return ("windows-x86_64", None) if tag == "win_amd64" else None


@pytest.fixture(scope="module")
def listed():
    """(package, version) to platform to Python to floors, as file names say."""
    sources, uv = engine(Request(frameworks=["pytorch"], source="pypi"), [])
    place = _addressed(sources.frameworks[0], uv)
    fetcher = Fetcher(pip=sources.pip, deadline=time.monotonic() + 60)
    found: dict = {}
    for package in ("torch", "tensorflow", "jaxlib"):
        try:
            names = file_names(place, package, fetcher)
        except UnreachableError as error:
            pytest.skip(f"the package index cannot be reached: {error}")
        for name in names:
            offer = from_wheel_name(name, "pypi")
            python = re.fullmatch(r"cp3(\d+)", offer.python) if offer else None
            if python is None:
                continue
            tag = f"3.{python[1]}" + ("t" if offer.abi.endswith("t") else "")
            for part in filter(None, map(platform, offer.platform.split("."))):
                found.setdefault((package, offer.version), {}).setdefault(part[0], {}).setdefault(tag, set()).add(
                    part[1]
                )
    return found


@pytest.mark.parametrize("version", ["2.15.0", "2.14.1", "2.12.1", "2.12.0", "2.6.0", "2.2.2", "2.0.1"])
def test_pytorch_rows_agree_with_the_index(listed, version):
    live = listed["torch", version]
    row = torch.release(version)
    for name, pythons in live.items():
        wheels = [w for w in row.wheels if f"{w.os}-{w.arch}" == name]
        assert {tag for w in wheels for tag in w.python.split()} == set(pythons), name
        for wheel in wheels:
            for tag in wheel.python.split():
                # manylinux1 wheels of that time were built on CentOS 7 and need its glibc.
                assert wheel.floor in pythons[tag] or pythons[tag] == {"2.5"}, (name, tag)


@pytest.mark.parametrize("version", ["2.21.0", "2.20.0", "2.15.1", "2.10.1"])
def test_tensorflow_rows_agree_with_the_index(listed, version):
    row = tensorflow.release(version)
    for name, pythons in listed["tensorflow", version].items():
        assert set(row.python[name].split()) == set(pythons), name
    assert {row.glibc} == set().union(
        *(floors for floors in listed["tensorflow", version]["linux-x86_64"].values())
    ) - ({"2.12"} if row.glibc != "2.12" else set())


@pytest.mark.parametrize("version", ["0.12.0.1", "0.10.2", "0.6.2"])
def test_jax_rows_agree_with_the_index(listed, version):
    row = jax.release(version)
    for name, pythons in row.python.items():
        assert set(pythons.split()) == set(listed["jaxlib", version][name]), name


@pytest.mark.parametrize(
    ("package", "releases"), [("torch", torch.releases), ("tensorflow", tensorflow.releases), ("jaxlib", jax.releases)]
)
def test_no_newer_final_release_is_missing(listed, package, releases):
    final = [v for name, v in listed if name == package and re.fullmatch(r"[\d.]+", v)]
    missing = [v for v in final if key(v) > key(releases()[0].version)]
    if missing:
        pytest.skip(f"the data is older than the index: {package} {', '.join(missing)}")
