"""Every ending of a command: its exit code, and one line on stderr."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from envsetup.build.bundle import Bundle
from envsetup.cli.ending import run
from envsetup.cli.main import group
from envsetup.fleet import bundle
from envsetup.model.errors import BuildError, Exit, InputError, UndecidedError


def ending_of(error, capsys):
    @click.command()
    def command():
        raise error

    code = run(command, [])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("machine.json: at $.gpus: expected a list"), Exit.USAGE),
        (BuildError("no space left"), Exit.FINDINGS),
        (UndecidedError("NVML gave no answer"), Exit.UNDECIDED),
        (click.UsageError("no such option"), Exit.USAGE),
        (KeyboardInterrupt(), Exit.INTERRUPTED),
    ],
)
def test_each_error_has_its_exit_code_and_one_line(error, code, capsys):
    got, out, err = ending_of(error, capsys)
    assert got == code
    assert out == ""
    assert err.strip()
    assert "\n" not in err.strip()


def test_a_message_with_line_breaks_stays_one_line(capsys):
    _, _, err = ending_of(InputError("one\ntwo"), capsys)
    assert err == "error: one two\n"


def test_a_bug_says_where_its_log_is(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    code, out, err = ending_of(ZeroDivisionError("x"), capsys)
    assert code == Exit.BUG
    assert out == ""
    log = next(tmp_path.rglob("bug-*.log"))
    assert str(log) in err
    assert "ZeroDivisionError" in log.read_text()


def test_the_exit_code_of_a_command_is_what_it_returns():
    @click.command()
    def command():
        return 3

    assert run(command, []) == 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("args", [("--help",), ("probe", "--json"), ("explain",)])
def test_a_full_disk_behind_stdout_is_one_line(args):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "envsetup", *args],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == Exit.USAGE
    assert "standard output" in done.stderr
    assert "\n" not in done.stderr.strip()


def test_a_reader_that_goes_away_is_no_error():
    command = f"{sys.executable} -m envsetup explain | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("group", [[], ["fleet"]])
def test_a_group_without_a_command_shows_its_help(group):
    argv = [sys.executable, "-m", "envsetup", *group]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60)
    shown = done.stdout + done.stderr
    assert done.returncode in (Exit.OK, Exit.USAGE)
    assert shown.startswith("Usage: envsetup")
    assert "\nCommands:\n" in shown


CONTRADICTIONS = {
    "plan --offline --gpu --cpu": "--gpu and --cpu",
    "plan --offline --cpu --gpu": "--gpu and --cpu",
    "create --dry-run --framework pytorch --gpu --cpu": "--gpu and --cpu",
    "doctor --json --markdown": "--json and --markdown",
}


@pytest.mark.parametrize(("command", "flags"), CONTRADICTIONS.items())
def test_flags_that_contradict_each_other_are_refused(command, flags):
    argv = [sys.executable, "-m", "envsetup", *command.split()]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert done.stderr == f"error: {flags} contradict each other: give one of them\n"


def shell(script, **more):
    program = f"{sys.executable} -m envsetup"
    return subprocess.run(
        ["bash", "-c", script.replace("envsetup", program, 1)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        **more,
    )


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("envsetup explain >&-", Exit.OK),
        ("envsetup --help >&-", Exit.OK),
        ("envsetup explain no-such-code 2>&-", Exit.USAGE),
        ("envsetup explain --error - <&-", Exit.USAGE),
        ("envsetup explain --error - <&- >&- 2>&-", Exit.USAGE),
    ],
)
def test_a_stream_that_was_closed_before_the_start_is_no_bug(script, code):
    assert shell(script).returncode == code


def test_what_a_file_name_or_a_file_says_is_no_order_to_the_terminal(capsys):
    _, _, err = ending_of(InputError("a\x1b[31m\x9b\u202e.txt"), capsys)
    assert err == "error: a?[31m??.txt\n"


def test_a_line_is_never_a_whole_file(capsys):
    _, _, err = ending_of(InputError("x" * 100_000), capsys)
    assert len(err) < 3000


def test_a_current_folder_that_is_gone_is_one_line(tmp_path):
    done = shell(f"mkdir {tmp_path}/a; cd {tmp_path}/a; rmdir ../a; envsetup diff", cwd="/")
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert done.stderr == "error: the current folder has been removed: change to another one\n"


@pytest.mark.parametrize(
    ("args", "place"),
    [
        ("plan --offline --gpu-name ''", "--gpu-name"),
        ("plan --offline --machine=", "--machine"),
        ("diff ''", "diff"),
        ("fleet merge ''", "merge"),
    ],
)
def test_an_empty_value_is_refused_and_not_left_out_in_silence(args, place):
    done = shell(f"envsetup {args}")
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert done.stderr == f"error: an empty value after {place}: give one, or leave it out\n"


def test_a_word_that_is_no_command_is_answered_with_those_there_are():
    assert shell("envsetup docter").stderr == "error: no command 'docter'; did you mean doctor?\n"
    assert "commands are doctor, create, smoke" in shell("envsetup xyz").stderr


def test_a_file_is_not_said_to_be_missing(tmp_path):
    (tmp_path / "file").touch()
    assert shell(f"envsetup list {tmp_path}/file").stderr == f"error: {tmp_path}/file: it is no folder\n"


def test_no_two_documents_have_one_schema_name(tmp_path, capsys, monkeypatch):
    made = bundle.Bundle(data=b"x", serves=[], missing={})
    monkeypatch.setattr(bundle, "make_bundle", lambda: made)
    assert run(group, ["fleet", "bundle", "-o", str(tmp_path / "b"), "--json"]) == 0
    schema = json.loads(capsys.readouterr().out)["schema"]
    assert schema.startswith("envsetup.")
    assert schema not in Bundle.__struct_defaults__


def test_a_page_that_cannot_be_written_hides_no_report_of_a_fleet(tmp_path):
    (tmp_path / "n1.json").write_text("garbage")
    done = shell(f"envsetup fleet merge {tmp_path}/n1.json --html {tmp_path}/none/page.html")
    assert done.returncode == Exit.USAGE
    assert "0 of 1 hosts reported" in done.stdout
    assert "none/page.html" in done.stderr


@pytest.mark.parametrize("command", ["doctor --timeout", "probe --timeout", "smoke --level soak --minutes"])
@pytest.mark.parametrize("value", ["nan", "many"])
def test_what_is_no_number_is_refused(command, value):
    done = shell(f"envsetup {command} {value}")
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert f"'{value}' is not a valid number" in done.stderr
