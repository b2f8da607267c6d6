"""Whatever a machine answers, no probe raises: every file and every answer of a machine is cut, mixed or replaced."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envsetup.probe.collect import probe
from envsetup.probe.redact import redact_machine
from envsetup.probe.summary import summary
from envsetup.world.base import Completed, FileSystem, NotRecordedError, Stat
from envsetup.world.recorded import RecordedWorld

MACHINES = Path(__file__).parent.parent / "machines"
NAMES = (
    "nvidia-ld-library-path-shadow",
    "nvidia-smi-hangs",
    "amd-mi300x-healthy",
    "conda-healthy",
    "tensorflow-gpu-healthy",
    "musl-alpine",
    "container-t4-healthy",
    "intel-arc-healthy",
    "macos-m2-healthy",
    "nvidia-driver-hangs",
)
ERRORS = (
    PermissionError(13, "denied"),
    OSError(5, "Input/output error"),
    OSError(40, "loop"),
    FileNotFoundError(2, "gone"),
)


class Lenient:
    """A recording that has nothing where it was not asked before: garbage leads to questions that nobody recorded."""

    def __init__(self, world):
        self._world = world

    def __getattr__(self, name):
        question = getattr(self._world, name)

        def ask(*args, **options):
            try:
                return question(*args, **options)
            except NotRecordedError as error:
                if name == "exists":
                    return False
                if name in {"which", "system"}:
                    return None
                raise FileNotFoundError(2, "not recorded", str(error)) from None

        return ask


class Hostile:
    """A machine whose answers are spoiled: how each one is, follows from the seed and the question alone."""

    def __init__(self, world, seed):
        self._world, self._seed = world, seed

    def __getattr__(self, name):
        return getattr(self._world, name)

    def _dice(self, *question):
        return random.Random(repr((self._seed, question)))

    def read_bytes(self, path, *, offset=0, limit=1 << 20):
        data, dice = self._world.read_bytes(path, offset=offset, limit=limit), self._dice("read", path)
        how = dice.choice(("as it is", "as it is", "cut", "garbage", "mixed", "error"))
        if how == "error":
            raise dice.choice(ERRORS)
        if how == "cut":
            return data[: dice.randint(0, len(data))]
        if how == "garbage":
            return dice.randbytes(dice.randint(0, 300))
        if how == "mixed":
            return data[: len(data) // 2] + dice.randbytes(8) + data[len(data) // 2 :]
        return data

    def read_text(self, path, *, limit=1 << 20):
        return self.read_bytes(path, limit=limit).decode("utf-8", "replace")

    def list_dir(self, path):
        names, dice = self._world.list_dir(path), self._dice("list", path)
        how = dice.choice(("as it is", "as it is", "odd", "error"))
        if how == "error":
            raise dice.choice(ERRORS)
        return [*names, "", "~", "-.dist-info", "cuda-", "rocm-x", "python", "99"] if how == "odd" else names

    def _answer(self, done):
        dice = self._dice("run", *done.argv)
        how = dice.choice(("as it is", "text", "timeout", "signal", "missing"))
        if how == "text":
            text = done.stdout[: dice.randint(0, len(done.stdout))] + dice.choice(("", "{}", "\0", "[N/A], ,"))
            return Completed(argv=done.argv, returncode=0, stdout=text)
        if how == "timeout":
            return Completed(argv=done.argv, returncode=None, timed_out=True, stuck=dice.random() < 0.5)
        if how == "signal":
            return Completed(argv=done.argv, returncode=-11)
        return Completed(argv=done.argv, returncode=None, missing=True) if how == "missing" else done

    def run(self, argv, *, timeout, env=None):
        del timeout, env
        row = "0, NVIDIA X, 550.1, 81920, 00000000:01:00.0, 9.0\n"
        return self._answer(Completed(argv=list(argv), returncode=0, stdout=row))

    def helper(self, name, args=(), *, timeout, python=None, without=()):
        return self._answer(self._world.helper(name, args, timeout=timeout, python=python, without=without))

    def system(self, fact):
        value, dice = self._world.system(fact), self._dice("system", fact)
        if fact in {"cwd", "home", "now", "platform"}:
            return value
        if dice.random() < 0.1:
            raise dice.choice((OSError(1, "no"), ValueError("no")))
        return dice.choice((value, value, value, None, "", "x", -1, [], {}, [None, "x"]))

    def stat(self, path):
        stat = self._world.stat(path)
        return self._dice("stat", path).choice((stat, Stat(kind="other", mode=0, uid=0, gid=99999, readable=False)))

    def file_system(self, path):
        empty = FileSystem(total=0, free=0, inodes_total=0, inodes_free=0, read_only=True, noexec=True)
        return self._dice("fs", path).choice((self._world.file_system(path), empty))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 32))
def test_no_answer_of_a_machine_makes_a_probe_raise(name, seed):
    world = RecordedWorld(MACHINES / name)
    machine = probe(Hostile(Lenient(world), seed))
    assert [reason for reason in machine.unknown.values() if "failed:" in reason] == []
    msgspec.json.encode(machine)
    summary(machine, details=True)
    redact_machine(machine, world)
