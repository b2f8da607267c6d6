from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import pytest

from envsetup.model.errors import InputError
from envsetup.probe.collect import probe
from envsetup.probe.watch import watch
from envsetup.world.live import LiveWorld
from envsetup.world.recorded import RecordedWorld
from envsetup.world.recording import RecordingWorld

MACHINES = Path(__file__).parent.parent / "machines"
NAMES = [variable.name for variable in watch().variables]
STANDARD = (
    "nvidia-rtx4090-healthy",
    "amd-mi300x-healthy",
    "venv-moved",
    "nvidia-nodes-denied",
    "musl-alpine",
    "nvidia-no-driver",
)


def facts(machine):
    """Without what differs from run to run."""
    return {key: value for key, value in msgspec.to_builtins(machine).items() if key not in {"recorded", "redacted"}}


@pytest.mark.parametrize("name", STANDARD)
def test_a_recorded_recording_gives_the_same_facts(name, tmp_path):
    world = RecordedWorld(MACHINES / name)
    recording = RecordingWorld(world, variables=NAMES)
    first = probe(recording)
    recording.save(str(tmp_path / "again"), "again")
    assert facts(probe(RecordedWorld(tmp_path / "again"))) == facts(first)


def test_this_machine_is_recorded_and_replayed_strictly(tmp_path):
    recording = RecordingWorld(LiveWorld(), variables=NAMES)
    live = facts(probe(recording))
    recording.save(str(tmp_path / "here"), "here")
    replayed = facts(probe(RecordedWorld(tmp_path / "here")))
    assert replayed.keys() == live.keys()
    for group in ("os", "arch", "libc", "cpu", "memory", "limits", "container", "pci", "gpus", "nvidia", "amd"):
        assert replayed.get(group) == live.get(group), group
    assert replayed["environment"]["packages"] == live["environment"]["packages"]


@dataclasses.dataclass
class Owned:
    """A recorded machine that belongs to somebody."""

    world: RecordedWorld

    def __getattr__(self, name):
        return getattr(self.world, name)

    def system(self, fact):
        mine = {"user": "alice", "hostname": "gpu-box-7", "home": "/home/alice", "cwd": "/home/alice/secret"}
        return mine[fact] if fact in mine else self.world.system(fact)

    def environ(self):
        return {
            "VIRTUAL_ENV": "/home/alice/ml",
            "AWS_SECRET": "hunter2",
            "PIP_INDEX_URL": "https://u:pw@m.example/simple",
        }

    def exists(self, path):
        return False if path.startswith("/home/alice") else self.world.exists(path)

    def stat(self, path):
        if path.startswith("/home/alice"):
            raise FileNotFoundError(path)
        return self.world.stat(path)

    def read_text(self, path, *, limit=1 << 20):
        if path.startswith("/home/alice"):
            raise FileNotFoundError(path)
        if path == "/etc/group":
            return "root:x:0:\nvideo:x:44:alice,bob\nalice:x:1000:\n"
        if path == "/proc/mounts":
            return "nas.corp.example:/alice /home nfs4 rw,addr=10.0.0.7 0 0\n"
        return self.world.read_text(path, limit=limit)

    def list_dir(self, path):
        if path.startswith("/home/alice"):
            raise FileNotFoundError(path)
        return [*self.world.list_dir(path), "alices-vault"] if path == "/dev" else self.world.list_dir(path)


def test_a_recording_tells_nothing_of_its_owner(tmp_path):
    recording = RecordingWorld(Owned(RecordedWorld(MACHINES / "nvidia-rtx4090-healthy")), variables=NAMES)
    probe(recording)
    removed = recording.save(str(tmp_path / "r"), "r")
    text = (tmp_path / "r" / "machine.json").read_text()
    for secret in ("alice", "bob", "gpu-box-7", "hunter2", "AWS_SECRET", "u:pw", "corp.example", "10.0.0.7", "vault"):
        assert secret not in text
    assert {"home", "url-credentials"} <= set(removed)


def test_a_file_that_is_not_on_the_list_is_not_recorded(tmp_path):
    secret = tmp_path / "diary.txt"
    secret.write_text("dear diary")
    recording = RecordingWorld(LiveWorld(), variables=[])
    assert recording.read_text(str(secret)) == "dear diary"
    recording.save(str(tmp_path / "out"), "x")
    assert "dear diary" not in (tmp_path / "out" / "machine.json").read_text()
    with pytest.raises(PermissionError):
        RecordedWorld(tmp_path / "out").read_text(str(secret))


def test_a_folder_in_use_is_refused(tmp_path):
    (tmp_path / "x").touch()
    with pytest.raises(InputError):
        RecordingWorld(LiveWorld(), variables=[]).save(str(tmp_path), "x")
