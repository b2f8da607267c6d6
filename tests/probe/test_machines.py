"""Every folder below tests/machines is a machine: replayed strictly through the real probe, its facts compared."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from envsetup.model.codec import from_json, to_json
from envsetup.model.machine import Machine
from envsetup.probe.collect import probe
from envsetup.world.recorded import RecordedWorld

MACHINES = Path(__file__).parent.parent / "machines"
FOLDERS = sorted(path.parent for path in MACHINES.glob("*/machine.json"))


def differences(expected, found, path=""):
    """Where `found` does not contain `expected`: objects as subsets, lists item by item."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            if key not in found:
                yield f"{path}.{key}: expected {value!r}, found nothing"
            else:
                yield from differences(value, found[key], f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(found, list) and any(isinstance(item, dict) for item in expected):
        if len(expected) != len(found):
            yield f"{path}: expected {len(expected)} items, found {len(found)}: {found!r}"
        for index, (one, other) in enumerate(zip(expected, found, strict=False)):
            yield from differences(one, other, f"{path}[{index}]")
    elif expected != found:
        yield f"{path}: expected {expected!r}, found {found!r}"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_facts_of_a_machine(folder):
    expected = json.loads((folder / "expect.json").read_text())["facts"]
    machine = probe(RecordedWorld(folder))
    found = msgspec.to_builtins(machine)
    assert list(differences(expected, found)) == []
    assert not [reason for reason in machine.unknown.values() if "failed:" in reason]
    assert from_json(to_json(machine), Machine, name="snapshot") == machine
