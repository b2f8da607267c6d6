"""Ansible on real hosts: network namespaces, each with its own sshd, and everything that goes wrong with hosts."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import msgspec
import pytest
from fleet_lab import Lab, missing
from fleet_samples import doctor

from envsetup.fleet import ansible

WHY_NOT = missing()
pytestmark = [
    pytest.mark.fleet,
    pytest.mark.xdist_group("fleet"),
    pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT)),
]

SIX_FAULTS_S = 15.0
FAULTS = {
    5: ("refuse", "unreachable", "connection refused"),
    6: ("down", "unreachable", "no route to host"),
    7: ("blackhole", "unreachable", "connection timed out"),
    8: ("stop-sshd", "unreachable", "the ssh server accepts and does not answer"),
    9: ("hang-python", "timeout", "no answer within 6 s"),
    10: ("no-python", "no-python", "no python3 or python on PATH"),
}


@pytest.fixture(scope="module")
def lab():
    with Lab(5) as made:
        yield made


def run(lab, bundle, *more, **kwargs):
    return lab.envsetup("fleet", "doctor", "-i", lab.inventory, "--bundle", bundle[0], *more, **kwargs)


def begin(lab, bundle, folder, *more):
    """Start a run and leave it alone."""
    command = lab.controller("fleet", "doctor", "-i", lab.inventory, "--bundle", bundle[0], "-o", folder, *more)
    return subprocess.Popen(command, env=lab.environment(), cwd=lab.folder, stdout=-1, stderr=-1)


def rows(ended):
    assert ended.stdout, ended.stderr
    return {host["host"]: host for host in json.loads(ended.stdout)["hosts"]}


def journal(folder):
    return [json.loads(line) for line in (folder / "hosts.jsonl").read_text().splitlines()]


def leftovers(lab):
    """Processes of Ansible that work on this lab's hosts."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(lab.folder) in line and "ansible" in line]


def test_six_faults_at_once_are_named_and_hold_nobody_back(bundle, tmp_path):
    with Lab(10) as lab:
        for number, (fault, _, _) in FAULTS.items():
            lab.fault(number, fault)
        busy = os.getloadavg()[0] / os.cpu_count()  # others on the machine slow the ten hosts that share it
        started = time.monotonic()
        ended = run(lab, bundle, "--host-timeout", "6", "--json", "-o", tmp_path / "run")
        seconds = time.monotonic() - started
    found = rows(ended)
    assert {host: row["outcome"] for host, row in found.items()} == {
        **{f"n{i}": "ok" for i in range(1, 5)},
        **{f"n{i}": outcome for i, (_, outcome, _) in FAULTS.items()},
    }
    assert all(reason in found[f"n{i}"]["reason"] for i, (_, _, reason) in FAULTS.items())
    assert ended.returncode == 4
    report = json.loads(ended.stdout)
    assert (report["expected"], report["received"]) == (10, 4)
    order = [row["host"] for row in journal(tmp_path / "run")]
    healthy = max(order.index(f"n{i}") for i in range(1, 5))
    assert healthy < min(order.index(f"n{i}") for i in (7, 8, 9)), "a healthy host waited for a broken one"
    assert seconds <= SIX_FAULTS_S * max(1.0, busy), (seconds, busy)


def test_hosts_answer_under_the_inventorys_names_and_say_nothing_else_on_stdout(lab, bundle):
    ended = run(lab, bundle, "--json")
    assert {host: row["outcome"] for host, row in rows(ended).items()} == {f"n{i}": "ok" for i in range(1, 6)}
    assert ended.returncode == 0
    inside = rows(ended)["n2"]["report"]
    assert (inside["schema"], inside["host"]) == ("envsetup.doctor/1", "n2")
    assert inside["machine"]["cpu"]["logical"] == os.cpu_count()


def test_limit_is_ansibles_own(lab, bundle):
    assert set(rows(run(lab, bundle, "--json", "--limit", "odd"))) == {"n1", "n3", "n5"}


def test_a_list_of_hosts_is_an_inventory_too(lab, bundle):
    ended = lab.envsetup("fleet", "doctor", "-i", "nobody-1.invalid,nobody-2.invalid", "--bundle", bundle[0], "--json")
    assert {host: (row["outcome"], row["reason"]) for host, row in rows(ended).items()} == {
        f"nobody-{i}.invalid": ("unreachable", "host name cannot be resolved") for i in (1, 2)
    }


def test_nothing_stays_on_a_host_or_in_the_home_folder(lab, bundle, tmp_path):
    environment = lab.environment()
    del environment["ANSIBLE_SSH_CONTROL_PATH_DIR"]
    command = lab.controller("fleet", "doctor", "-i", lab.inventory, "--bundle", bundle[0])
    ended = subprocess.run(
        command,
        env={**environment, "HOME": str(tmp_path)},
        cwd=lab.folder,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert list(tmp_path.iterdir()) == []
    for number in range(1, 6):
        lab._inside(number, 'test -z "$(ls -A /tmp /root/.ansible/tmp 2>/dev/null | grep envsetup)"')


def python_that_says(text):
    """A python3 that is new enough, and answers with this in place of the doctor."""
    return f"#!/bin/sh\ncase $1 in -ESc) printf 3.11.2; exit 0 ;; esac\n{text}\n"


ROGUES = {
    1: (f"cat <<'E'\n{msgspec.json.encode(doctor(host='n2')).decode()}\nE", "answered under the name of n2"),
    3: (r"printf '\033]0;owned\007\033[2J'", "no JSON"),
    4: ("head -c 30000000 /dev/zero | tr '\\0' x", "too much output"),
    5: ('echo \'{"schema": "envsetup.doctor/1", "findings": 7}\'; exit 1', "no valid envsetup.doctor/1"),
}


def test_hosts_that_send_rubbish_harm_nobody(bundle):
    with Lab(5) as lab:
        for number, (says, _) in ROGUES.items():
            lab.put(number, os.path.realpath("/usr/bin/python3"), python_that_says(says))
        ended = run(lab, bundle, "--json")
    found = rows(ended)
    assert {host: row["outcome"] for host, row in found.items()} == {
        **{f"n{i}": "bad-output" for i in ROGUES},
        "n2": "ok",
    }
    for number, (_, reason) in ROGUES.items():
        assert reason in found[f"n{number}"]["reason"]
    assert b"\x1b" not in ended.stdout + ended.stderr


def test_after_a_kill_nothing_is_lost_and_a_run_goes_on(bundle, tmp_path):
    folder = tmp_path / "run"
    with Lab(4) as lab:
        lab.fault(4, "hang-python")
        first = begin(lab, bundle, folder, "--host-timeout", "60")
        deadline = time.monotonic() + 60
        while not (folder / "hosts.jsonl").exists() or len(journal(folder)) < 3:
            assert time.monotonic() < deadline
            assert first.poll() is None
            time.sleep(0.1)
        first.send_signal(signal.SIGKILL)
        first.communicate()
        with (folder / "hosts.jsonl").open("ab") as file:
            file.write(b'{"host":"n4","outcome":"ok","rep')  # torn by the kill
        refused = run(lab, bundle, "-o", folder)
        assert refused.returncode == 2
        assert b"--resume" in refused.stderr
        ended = run(lab, bundle, "-o", folder, "--resume", "--host-timeout", "5", "--json")
        asked_again = [json.loads(line)["host"] for line in (folder / "hosts.jsonl").read_text().splitlines()[4:]]
    assert asked_again == ["n4"]
    assert [row["outcome"] for row in rows(ended).values()] == ["ok", "ok", "ok", "timeout"]
    merged = subprocess.run(
        [sys.executable, "-m", "envsetup", "fleet", "merge", folder / "hosts.jsonl", "--json"],
        capture_output=True,
        check=False,
    )
    assert {host: row["outcome"] for host, row in rows(merged).items() if row["outcome"] == "ok"} == dict.fromkeys(
        ("n1", "n2", "n3"), "ok"
    )


def test_ctrl_c_ends_it_with_130_and_stops_ansible(bundle, tmp_path):
    with Lab(2) as lab:
        lab.fault(2, "hang-python")
        process = begin(lab, bundle, tmp_path / "run", "--json")
        deadline = time.monotonic() + 60
        while not (tmp_path / "run/hosts.jsonl").exists() or not journal(tmp_path / "run"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 130, err
        assert out == b""
        assert leftovers(lab) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-i", "nothing.ini"], r"nothing\.ini: no such inventory"),
        (["-i", "empty.ini"], r"empty\.ini: no host"),
        (["-i", "broken.yml"], r"broken\.yml: Ansible cannot read this inventory"),
        (["-i", "hosts.ini", "--limit", "nobody"], r"hosts\.ini: .*nobody"),
        (["-i", "hosts.ini", "--resume"], "--resume needs -o DIR"),
    ],
)
def test_a_bad_inventory_is_one_line(lab, bundle, arguments, says):
    (lab.folder / "empty.ini").write_text("[gpu]\n")
    (lab.folder / "broken.yml").write_text("all: [")
    ended = lab.envsetup("fleet", "doctor", "--bundle", bundle[0], *arguments)
    assert ended.returncode == 2
    assert ended.stdout == b""
    assert re.fullmatch(rf"error: .*{says}.*\n", ended.stderr.decode()), ended.stderr


def test_an_environment_that_no_host_has_is_said_for_each(lab, bundle):
    ended = run(lab, bundle, "--limit", "n1", "--env", "/srv/it's not here", "--json")
    assert rows(ended)["n1"]["outcome"] == "bad-output"
    assert "--env /srv/it's not here: " in rows(ended)["n1"]["reason"]


@pytest.mark.parametrize(
    ("variables", "configuration", "asked"),
    [
        ({}, "", True),
        ({}, "[defaults]\nforks = 5\n", True),
        ({}, "[ssh_connection]\nssh_args = -o ControlMaster=no\n", False),
        ({"ANSIBLE_SSH_ARGS": "-4"}, "", False),
        ({}, "this is no configuration", True),
    ],
)
def test_what_the_user_says_of_ssh_counts_and_else_the_bundle_is_not_compressed_twice(
    monkeypatch, tmp_path, variables, configuration, asked
):
    path = tmp_path / "ansible.cfg"
    path.write_text(configuration)
    monkeypatch.delenv("ANSIBLE_SSH_ARGS", raising=False)
    for name, value in {"ANSIBLE_CONFIG": str(path), **variables}.items():
        monkeypatch.setenv(name, value)
    set_here = ansible.environment(str(tmp_path)).get("ANSIBLE_SSH_ARGS")
    assert set_here == ("-o ControlMaster=auto -o ControlPersist=60s" if asked else None)


def test_without_the_extra_it_says_how_to_get_it():
    script = "import sys; sys.modules['ansible_runner'] = None; from envsetup.cli import main; main()"
    command = [sys.executable, "-c", script, "fleet", "doctor", "-i", "n1,"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert ended.stderr == (
        "error: --engine ansible: ansible-runner is not installed (pip install 'envsetup[fleet]')\n"
    )
