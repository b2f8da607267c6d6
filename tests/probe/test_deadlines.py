"""What hangs costs its own facts and nothing else."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from envsetup.model.errors import InputError
from envsetup.model.maybe import UNKNOWN
from envsetup.probe.collect import probe
from envsetup.world.recorded import RecordedWorld

MACHINE = Path(__file__).parent.parent / "machines" / "nvidia-rtx4090-healthy"


class Hanging:
    """A machine on which one question about some paths is never answered, as on a dead network mount."""

    def __init__(self, question, path):
        self._world, self._question, self._path = RecordedWorld(MACHINE), question, path

    def __getattr__(self, name):
        ask = getattr(self._world, name)
        if name != self._question:
            return ask

        def hang(path, *args, **options):
            if path.startswith(self._path):
                threading.Event().wait(60)
            return ask(path, *args, **options)

        return hang


@pytest.mark.parametrize(
    ("question", "path", "lost"),
    [
        ("file_system", "/home", {"disks"}),
        ("list_dir", "/home/user/project/.venv/lib", {"environment"}),
        ("read_text", "/proc/meminfo", {"memory"}),
    ],
)
def test_a_hanging_file_system_costs_only_its_facts(question, path, lost):
    started = time.monotonic()
    machine = probe(Hanging(question, path), timeout=2.0)
    assert time.monotonic() - started < 3.5
    for fact in lost:
        assert getattr(machine, fact) is UNKNOWN
        assert "hangs" in machine.unknown[fact]
    assert machine.gpus[0].name == "NVIDIA GeForce RTX 4090"
    assert machine.cpu.model == "Intel(R) Core(TM) i7-12700"


def test_slow_files_are_waited_for():
    class Slow(Hanging):
        def __getattr__(self, name):
            ask = getattr(self._world, name)
            if name != "list_dir":
                return ask

            def slow(path):
                if path.endswith("site-packages"):
                    time.sleep(1.3)
                return ask(path)

            return slow

    assert probe(Slow("", ""), timeout=5.0).environment.packages["torch"] == "2.6.0+cu124"


def test_an_environment_that_is_not_there_is_the_users_error():
    with pytest.raises(InputError, match="--env /home/user/nowhere: nothing is there"):
        probe(RecordedWorld(MACHINE), env="/home/user/nowhere")


def test_an_environment_that_may_not_be_seen_is_not_said_to_be_absent():
    class Closed(RecordedWorld):
        def stat(self, path):
            if path == "/home/user/nowhere":
                raise PermissionError(13, "Permission denied", path)
            return super().stat(path)

    with pytest.raises(InputError, match="--env /home/user/nowhere: permission denied"):
        probe(Closed(MACHINE), env="/home/user/nowhere")


def test_an_environment_by_its_interpreter_is_the_same():
    by_folder = probe(RecordedWorld(MACHINE), env=".venv")
    by_binary = probe(RecordedWorld(MACHINE), env=".venv/bin/python")
    assert by_folder.environment == by_binary.environment
