from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from envsetup.model.codec import to_json
from envsetup.model.drivers import KernelEvent
from envsetup.model.hardware import Disk
from envsetup.model.machine import Machine
from envsetup.model.software import Environment
from envsetup.probe.collect import probe
from envsetup.probe.redact import HIDDEN, redact_machine
from envsetup.probe.watch import watch
from envsetup.world.recorded import RecordedWorld

MACHINES = Path(__file__).parent.parent / "machines"
FOLDERS = sorted(path.parent for path in MACHINES.glob("*/machine.json"))


class Owner:
    """A world that knows only whose it is."""

    def system(self, fact):
        return {"home": "/home/alice", "user": "alice", "hostname": "gpu-box-7"}[fact]


PRIVATE = Machine(
    env={
        "VIRTUAL_ENV": "/home/alice/ml/.venv",
        "LD_LIBRARY_PATH": "/home/alice/lib:/home/alice/lib2:/opt/x",
        "CUDA_VISIBLE_DEVICES": "GPU-3f1c2b4a-1111-2222-3333-444455556666",
        "PIP_INDEX_URL": "https://alice:hunter2@mirror.example/simple",
        "HTTPS_PROXY": "http://alice:hunter2@10.1.2.3:3128",
        "NO_PROXY": "vault.corp.example",
        "NCCL_DEBUG": "INFO\nAWS_SECRET=hunter2",
        "AWS_SECRET_ACCESS_KEY": "hunter2",
    },
    disks=[Disk(role="home", path="/home/alice")],
    environment=Environment(
        kind="venv",
        path="/home/alice/ml/.venv",
        packages={"nvidia-cublas-cu12": "12.4.5.8", "torch": "2.6.0+cu124"},
        requires={"torch": ["nvidia-cublas-cu12==12.4.5.8", "x @ https://alice:hunter2@git.example/x"]},
        problems=["bin/pip starts /home/bob/.venv/bin/python: the environment was moved or copied"],
    ),
    kernel_events=[
        KernelEvent(kind="xid", text="gpu-box-7 kernel: NVRM: Xid (PCI:0000:01:00): 79, serial: 1564720023")
    ],
    unknown={"kernel_events": "/home/alice/x: Permission denied on 192.168.1.7"},
)


@pytest.fixture(scope="module")
def shown():
    return redact_machine(PRIVATE, Owner())


def test_nothing_private_is_left(shown):
    text = to_json(shown)
    for secret in (
        "alice",
        "bob",
        "gpu-box-7",
        "hunter2",
        "3f1c2b4a",
        "10.1.2.3",
        "192.168",
        "1564720023",
        "vault",
        "AWS",
    ):
        assert secret not in text, secret


def test_what_is_needed_is_left(shown):
    assert shown.environment.packages == PRIVATE.environment.packages
    assert shown.environment.requires["torch"][0] == "nvidia-cublas-cu12==12.4.5.8"
    assert shown.env["LD_LIBRARY_PATH"] == "~/lib:~/lib2:/opt/x"
    assert shown.env["HTTPS_PROXY"] == HIDDEN
    assert "Xid (PCI:0000:01:00): 79" in shown.kernel_events[0].text


def test_the_kinds_of_what_was_removed_are_named(shown):
    assert shown.redacted == ["home", "host", "ip", "serial", "url-credentials", "uuid", "variable"]


def test_redacting_twice_changes_nothing(shown):
    assert redact_machine(shown, Owner()) == shown


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_machine_without_secrets_keeps_its_facts(folder):
    machine = probe(RecordedWorld(folder))
    shown = redact_machine(machine, RecordedWorld(folder))
    assert shown.gpus == machine.gpus
    assert shown.driver == machine.driver
    assert shown.os == machine.os
    before, after = (value.environment for value in (machine, shown))
    if before is not msgspec.UNSET:
        assert (after.packages, after.frameworks and [f.version for f in after.frameworks]) == (
            before.packages,
            before.frameworks and [f.version for f in before.frameworks],
        )


def test_variables_are_enumerated_one_by_one():
    names = [variable.name for variable in watch().variables]
    assert len(names) == len(set(names))
    assert all(name.replace("_", "").isalnum() for name in names)
    assert not [name for name in names if any(word in name for word in ("_TOKEN", "SECRET", "PASSWORD", "_KEY"))]


def test_the_snapshot_has_no_field_for_an_identity():
    fields = json.dumps(msgspec.json.schema(Machine)).lower()
    for word in ('"uuid"', '"serial"', '"hostname"', '"user"', '"mac"', '"cmdline"'):
        assert word not in fields
