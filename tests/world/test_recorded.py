from __future__ import annotations

import json

import pytest

from envsetup.world.base import Completed
from envsetup.world.recorded import NotRecordedError, RecordedWorld


@pytest.fixture
def world(tmp_path):
    def make(**content):
        (tmp_path / "machine.json").write_text(json.dumps(content))
        return RecordedWorld(tmp_path)

    return make


def test_what_was_not_recorded_raises(world):
    strict = world()
    for question in (
        lambda: strict.read_text("/etc/os-release"),
        lambda: strict.list_dir("/dev"),
        lambda: strict.exists("/dev/kfd"),
        lambda: strict.stat("/dev/kfd"),
        lambda: strict.which("nvcc"),
        lambda: strict.run(["dmesg"], timeout=1),
        lambda: strict.helper("nvml", timeout=1),
        lambda: strict.system("machine"),
        lambda: strict.file_system("/"),
    ):
        with pytest.raises(NotRecordedError):
            question()


def test_absent_denied_and_there(world):
    machine = world(files={"/a/b": "text"}, absent=["/a"], denied=["/a/secret"])
    assert machine.read_text("/a/b") == "text"
    assert machine.list_dir("/a") == ["b", "secret"]
    assert not machine.exists("/a/c")
    with pytest.raises(FileNotFoundError):
        machine.read_text("/a/c/d")
    with pytest.raises(PermissionError):
        machine.read_text("/a/secret")
    with pytest.raises(IsADirectoryError):
        machine.read_text("/a")


def test_links_are_followed_through_folders(world):
    machine = world(
        files={"/real/lib/x.so.1.2": ""}, links={"/lib": "/real/lib", "/real/lib/x.so": "/real/lib/x.so.1.2"}
    )
    assert machine.real_path("/lib/x.so") == "/real/lib/x.so.1.2"
    assert machine.exists("/lib/x.so")
    assert machine.list_dir("/lib") == ["x.so", "x.so.1.2"]


def test_commands_by_base_name(world):
    machine = world(commands={"nvcc --version": {"stdout": "x"}, "@nvml": {"json": {"a": 1}, "seconds": 0.5}})
    assert machine.run(["/usr/bin/nvcc", "--version"], timeout=1).stdout == "x"
    assert machine.helper("nvml", timeout=1) == Completed(argv=["@nvml"], returncode=0, stdout='{"a":1}', ms=500)


def test_bases_lie_under_a_machine(tmp_path):
    (tmp_path / "base.json").write_text(json.dumps({"env": {"A": "1", "B": "1"}, "absent": ["/dev"]}))
    (tmp_path / "machine.json").write_text(json.dumps({"bases": ["base.json"], "env": {"B": "2", "A": None}}))
    machine = RecordedWorld(tmp_path)
    assert machine.environ() == {"B": "2"}
    assert not machine.exists("/dev/null")
