from __future__ import annotations

import re

import pytest

from envsetup.model.errors import InputError
from envsetup.model.machine import Machine
from envsetup.model.maybe import UNKNOWN
from envsetup.probe.snapshot import parse_snapshot, read_snapshot, write_snapshot


def test_any_subset_is_a_machine_and_what_is_absent_is_unknown():
    machine = parse_snapshot(b'{"gpus": [{"vendor": "nvidia"}], "driver": {"nvidia": null}}', name="m.json")
    assert machine.gpus[0].vendor == "nvidia"
    assert machine.gpus[0].name is UNKNOWN
    assert machine.driver.nvidia is None
    assert machine.os is UNKNOWN


def test_the_description_of_the_documentation_is_a_machine():
    text = b"""{"schema": "envsetup.machine/1", "os": {"system": "linux", "distro": "ubuntu 22.04", "wsl": false},
    "arch": "x86_64", "libc": {"name": "glibc", "version": "2.35"},
    "python": {"version": "3.12.4", "free_threaded": false},
    "driver": {"nvidia": "550.54.14", "rocm": null}, "container": {"runtime": null},
    "env": {"CUDA_VISIBLE_DEVICES": "0"},
    "gpus": [{"vendor": "nvidia", "name": "NVIDIA GeForce RTX 4090", "compute_capability": "8.9", "gfx": null,
    "memory_mib": 24564}]}"""
    machine = parse_snapshot(text, name="m.json")
    assert (machine.driver.rocm, machine.gpus[0].gfx, machine.container.runtime) == (None, None, None)


def test_what_was_written_is_read(tmp_path):
    name = str(tmp_path / "m.json")
    write_snapshot(name, Machine(arch="x86_64"))
    assert read_snapshot(name) == Machine(arch="x86_64")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "m.json: not JSON"),
        (b"\xff\xfe", "m.json: not JSON"),
        (b"{", "m.json: not JSON"),
        (b"[]", r"m.json: an object is expected at \$"),
        (b'{"schema": "other/1"}', r"m.json: the schema at \$.schema is 'other/1'"),
        (b'{"schema": 7}', r"m.json: the schema at \$.schema is 7"),
        (b'{"schema": "envsetup.machine/2"}', "written by a newer envsetup"),
        (b'{"gpus": [{"vendor": "nvidia", "memory_mib": "much"}]}', r"m.json: .*int.* at `\$.gpus\[0\].memory_mib`"),
        (b'{"invented": 1}', r"m.json: no field at \$ is one of a machine"),
        (b'{"gpus":' * 20_000, "m.json: (nested too deeply|not JSON)"),
        (b'{"gpus": [{}]}', r"m.json: .*vendor.* at `\$.gpus\[0\]`"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(data, message):
    with pytest.raises(InputError, match=message):
        parse_snapshot(data, name="m.json")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ('"gpus": [{"vendor": "nvidia", "compute_capability": "sm_89"}]', "'sm_89' at $.gpus[0].compute_capability"),
        ('"gpus": [{"vendor": "nvidia", "compute_capability": "8,9"}]', "'8,9' at $.gpus[0].compute_capability"),
        ('"driver": {"nvidia": "r550"}', "'r550' at $.driver.nvidia is no version, 550.54.14 is one"),
        ('"python": {"version": "three"}', "'three' at $.python.version is no version, 3.12.4 is one"),
        ('"libc": {"version": "glibc 2.35"}', "at $.libc.version is no version, 2.35 is one"),
    ],
)
def test_a_version_that_is_none_is_not_taken_for_an_unknown_one(facts, said):
    with pytest.raises(InputError, match=re.escape(said)):
        parse_snapshot(b"{" + facts.encode() + b"}", name="m.json")


def test_versions_as_machines_give_them_are_read():
    text = b'{"python": {"version": "3.14.0rc1"}, "driver": {"nvidia": "570.124.06"}, "libc": {"version": "2.35"}}'
    assert parse_snapshot(text, name="m.json").python.version == "3.14.0rc1"


def test_fields_of_a_newer_version_are_ignored():
    assert parse_snapshot(b'{"arch": "x86_64", "invented": 1}', name="m.json").arch == "x86_64"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_the_shells_of_windows_write_is_read(encoding):
    assert parse_snapshot('{"arch": "x86_64"}'.encode(encoding), name="m.json").arch == "x86_64"
