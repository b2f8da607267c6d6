"""Killed, interrupted, raced: the target is what it was or what it should be, and the next run succeeds."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from envsetup.build.stage import Stage

pytestmark = pytest.mark.build
MOMENTS = 10


def start(box, *args):
    return subprocess.Popen(
        box.command(*args),
        cwd=box.folder,
        env=box.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def slow_box(box, index, wheels):
    """Packages come slowly, so that the moments fall into every step."""
    slow = index(wheels, delay=0.05)
    box.env = {k: v for k, v in box.env.items() if not k.startswith(("PIP_NO_INDEX", "PIP_FIND"))}
    box.env["PIP_INDEX_URL"] = slow.url
    return box


def works(env):
    done = subprocess.run([env / "bin" / "tiny"], check=False, capture_output=True, text=True, timeout=30)
    return done.stdout == f"tiny {env}\n" and (env / "envsetup.json").exists()


def test_sigkill_at_random_moments(slow_box):
    box = slow_box
    started = time.monotonic()
    assert box.create("first", "--framework", "pytorch", "--cpu").returncode == 0
    whole = time.monotonic() - started
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}, one run takes {whole:.2f} s")  # noqa: T201 - to repeat a failure
    moments = random.Random(seed)
    env = box.folder / "env"
    seen = set()
    for number in range(MOMENTS):
        # Every other time over a complete environment, whose place must never be empty.
        there = env.exists()
        after = moments.uniform(0.05, whole)
        process = start(box, "env", "--framework", "pytorch", "--cpu")
        time.sleep(after)
        process.kill()
        process.communicate()
        seen.add(env.exists())
        if env.exists():
            assert works(env), f"half an environment after {after:.2f} s"
        else:
            assert not there, f"the old environment is lost after {after:.2f} s"
        if number % 2:
            done = box.create("env", "--framework", "pytorch", "--cpu")
            assert done.returncode == 0, done.stderr
            assert works(env)
            assert box.litter() == []
        if number == MOMENTS // 2:
            done = subprocess.run(["rm", "-r", str(env)], check=False)
            assert done.returncode == 0
    done = box.create("env", "--framework", "pytorch", "--cpu")
    assert done.returncode == 0, done.stderr
    assert works(env)
    assert box.litter() == []


@pytest.fixture
def hanging(box, index, wheels):
    """A create whose installation does not end: its packages never come."""
    planned = box.json("env", "--framework", "pytorch", "--cpu", "--dry-run")
    lock = box.folder / "given.lock"
    lock.write_text(planned["files"]["requirements.lock"])
    box.env = {k: v for k, v in box.env.items() if not k.startswith(("PIP_NO_INDEX", "PIP_FIND"))}
    box.env |= {"PIP_INDEX_URL": index(wheels, delay=60).url, "UV_CACHE_DIR": str(box.home / "empty")}
    process = start(box, "deep/env", "--lock", lock)
    wait_for(lambda: list(box.folder.glob("deep/.envsetup-stage-*/pins.txt")))
    wait_for(lambda: children(process.pid))
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_with_130_and_leaves_nothing(box, hanging, number):
    there = children(hanging.pid)
    hanging.send_signal(number)
    _, err = hanging.communicate(timeout=20)
    assert hanging.returncode == 130, err
    assert "interrupted" in err
    assert not (box.folder / "deep").exists()
    assert not any(Path(f"/proc/{child}").exists() for child in there)


def test_no_program_outlives_a_killed_create(hanging):
    there = children(hanging.pid)
    hanging.kill()
    hanging.communicate()
    wait_for(lambda: not any(Path(f"/proc/{child}").exists() for child in there))


def test_the_second_of_two_is_told_who_is_first(box):
    target = box.folder / "env"
    with Stage(target):
        second = box.create("env", "--framework", "pytorch", "--cpu")
        assert box.litter() == [target.parent / Stage(target).folder.name]
    assert second.returncode == 1
    error = second.stderr.splitlines()[-1]
    assert error == f"error: another envsetup (process {os.getpid()}) is building {target} right now"
    assert box.litter() == []


def test_two_at_once_into_one_target(box):
    both = [start(box, "env", "--framework", "pytorch", "--cpu") for _ in range(2)]
    told = [(process.communicate(timeout=90)[1], process.returncode) for process in both]
    assert 0 in {code for _, code in told}
    for err, code in told:
        assert code == 0 or "is building" in err.splitlines()[-1], err
    assert works(box.folder / "env")
    assert box.litter() == []


def test_two_targets_side_by_side_do_not_disturb_each_other(slow_box):
    box = slow_box
    both = [start(box, name, "--framework", "pytorch", "--cpu") for name in ("one", "two")]
    for process in both:
        _, err = process.communicate(timeout=90)
        assert process.returncode == 0, err
    assert works(box.folder / "one")
    assert works(box.folder / "two")


def children(pid):
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        pytest.skip("this kernel does not list children")


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
