"""Every row of every table cites a source with a date, and the tables agree with each other."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path

import pytest

from envsetup import data
from envsetup.compat import arch, drivers, gpus, jax, tensorflow, torch
from envsetup.compat.tables import key

FOLDER = Path(data.__file__).parent
TABLES = ["cuda.json", "drivers.json", "gpus.json", "torch.json", "tensorflow.json", "jax.json"]


def rows(value, path="$"):
    """Every object of a table that is a row: one that stands in a list, or that cites a source itself."""
    if isinstance(value, dict):
        if "source" in value:
            yield path, value
        for name, inner in value.items():
            if name != "sources":
                yield from rows(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from rows(inner, f"{path}[{number}]")


@pytest.mark.parametrize("name", TABLES)
def test_every_row_cites_a_source_of_the_file_with_a_date(name):
    table = json.loads((FOLDER / name).read_text())
    assert table["about"]
    for source in table["sources"].values():
        assert source["text"]
        assert dt.date.fromisoformat(source["date"]) <= dt.datetime.now(tz=dt.timezone.utc).date()
    found = list(rows(table))
    assert found
    for path, row in found:
        for field in ("source", "arch_source", "floor_source", "override_source"):
            if field in row:
                assert row[field] in table["sources"], f"{name} {path}: {field} {row[field]!r} is not in sources"


@pytest.mark.parametrize("name", TABLES)
def test_rows_that_stand_in_a_list_all_cite(name):
    table = json.loads((FOLDER / name).read_text())
    for field, value in table.items():
        if isinstance(value, list):
            for number, row in enumerate(value):
                assert "source" in row, f"{name} {field}[{number}] cites nothing"


@pytest.mark.parametrize("name", TABLES)
def test_no_source_is_left_over(name):
    text = (FOLDER / name).read_text()
    unused = [s for s in json.loads(text)["sources"] if len(re.findall(rf'"{s}"', text)) < 2]
    assert [s for s in unused if s not in ("apple", "index-cpu", "rocm-md", "platforms")] == []


def test_there_are_hundreds_of_gpu_names():
    assert len(gpus.table().nvidia) + len(gpus.table().amd) >= 300


def test_every_gpu_belongs_to_a_known_generation():
    for row in gpus.table().nvidia:
        assert drivers.architecture(row.cc), f"{row.name}: no generation for {row.cc}"


def test_a_gpu_name_means_one_compute_capability():
    seen: dict[str, str] = {}
    for row in gpus.table().nvidia:
        assert seen.setdefault(row.name.lower(), row.cc) == row.cc
        assert gpus.compute_capability(row.name) is row or gpus.compute_capability(row.name).cc == row.cc


def test_every_cuda_variant_has_a_driver_floor():
    for release in torch.releases():
        for variant in release.variants:
            cuda = torch.cuda_of(variant.name)
            assert (cuda is None) == (not variant.name.startswith("cu"))
            if cuda:
                floor = drivers.minimum_driver(cuda)
                assert floor, f"{release.version}+{variant.name}: no driver floor for CUDA {cuda}"
                assert floor.native


def test_every_tensorflow_cuda_has_a_driver_floor():
    for release in tensorflow.releases():
        assert drivers.minimum_driver(release.cuda), release.version


def test_what_the_package_index_gives_is_a_variant_with_the_same_architectures():
    for release in torch.releases():
        for platform, name in release.pypi.items():
            os, machine = platform.split("-")
            names = [v.name for v in torch.variants(release.version, os, machine)]
            if torch.pythons(release.version, os, machine):
                assert name in names, f"{release.version} {platform}: {name} is no variant"


def test_compiled_architectures_are_known_words():
    for release in torch.releases():
        for variant in release.variants:
            for platform in (("linux", "x86_64"), ("linux", "aarch64"), ("windows", "x86_64")):
                for entry in (variant.archs(*platform) or "").split():
                    assert re.fullmatch(r"(sm|compute)_\d{2,3}", entry)
                    assert drivers.architecture(arch.capability(entry)), entry


def test_releases_stand_newest_first():
    for releases in (torch.releases(), tensorflow.releases(), jax.releases()):
        versions = [key(release.version) for release in releases]
        assert versions == sorted(versions, reverse=True)
        assert len(set(versions)) == len(versions)


def test_every_release_has_wheels_and_companions():
    for release in torch.releases():
        assert torch.pythons(release.version, "linux", "x86_64")
        assert release.companions.torchvision
        assert torch.libc_floor(release.version)
        dt.date.fromisoformat(release.date)
