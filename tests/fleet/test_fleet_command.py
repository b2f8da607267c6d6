"""The command line of `fleet`: what it imports, what it refuses, and what a terminal sees while hosts answer."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from fleet_samples import doctor, encoded

from envsetup.cli.fleet_progress import SHOWN, HostLines
from envsetup.model.fleet import HostRow

HEAVY = {"torch", "jinja2", "rich", "psutil", "uv", "ansible_runner", "yaml"}


def modules_after(*arguments):
    script = (
        "import sys, json\n"
        f"sys.argv = ['envsetup', *{list(map(str, arguments))!r}]\n"
        "from envsetup.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write('\\nMODULES ' + json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return set(json.loads(ended.stderr.rsplit("MODULES ", 1)[1]))


def test_help_imports_click_and_nothing_of_weight():
    for command in ("doctor", "smoke", "merge", "bundle", "hook"):
        assert not modules_after("fleet", command, "--help") & (HEAVY | {"msgspec"})


def test_merging_imports_no_engine_and_no_renderer(tmp_path):
    (tmp_path / "n1.json").write_bytes(encoded(doctor()))
    assert not modules_after("fleet", "merge", tmp_path / "n1.json", "--json") & HEAVY


def envsetup(*arguments):
    command = [sys.executable, "-m", "envsetup", "fleet", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["merge"], "Missing argument"),
        (["merge", "nothing.json"], r"nothing\.json: No such file"),
        (["merge", ".", "--json"], r"\.: Is a directory"),
        (["doctor"], "-i INVENTORY is needed"),
        (["smoke", "-i", "n1,"], "Missing option '--env'"),
        (["smoke", "-i", "n1,", "--env", "/v", "--together", "--resume"], "--resume does not go with --together"),
        (["bundle", "-o", "/nothing/here/e.pyz"], "/nothing/here/e.pyz: No such file or directory"),
        (["hook", "kubernetes"], "Missing option '--image'"),
        (["hook", "kubernetes", "--image", "x", "--label", "gpu"], "--label gpu: KEY=VALUE is accepted"),
        (["hook", "slurm", "--bundle", "a\nb"], "control characters are not accepted"),
        (["doctor", "-i", "n1,", "--engine", "magic"], "'magic' is not one of"),
    ],
)
def test_bad_usage_is_one_line_and_nothing_on_stdout(arguments, says):
    ended = envsetup(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert re.search(says, ended.stderr), ended.stderr
    assert len(ended.stderr.splitlines()) <= 2


def test_a_broken_fleet_does_not_flood_the_terminal(capsys):
    lines = HostLines(quiet=False)
    for number in range(1000):
        row = HostRow(host=f"n{number}", outcome="unreachable", reason="connection refused")
        lines.host(row, number + 1, 1000)
    lines.end()
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == SHOWN + 1


def test_quiet_says_nothing(capsys):
    lines = HostLines(quiet=True)
    lines.host(HostRow(host="n1", outcome="timeout", reason="late"), 1, 1)
    lines.say("making the bundle")
    lines.end()
    assert capsys.readouterr() == ("", "")
