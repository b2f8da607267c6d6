"""The long run: rounds, the journal, and what it tells after a death."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from envsetup.model.errors import InputError
from envsetup.model.proof import Metric, SmokeCheck, SmokeReport
from envsetup.smoke import soak as room
from envsetup.smoke.soak import Journal, soak


def made(status="PASS", rate=100.0, device="cpu"):
    check = SmokeCheck(
        id="matmul",
        title="rates",
        status=status,
        reason="why",
        metrics={"float32_tflops": Metric(value=rate, unit="TFLOPS")},
        evidence={"series": {"float32": [1.0] * 1000}, "n": 8192},
    )
    return SmokeReport(
        version="0",
        level="soak",
        device=device,
        verdict="fail" if status == "FAIL" else "pass",
        headline="h",
        checks=[check],
        framework={"name": "pytorch", "version": "2.13.0"},
        started="2026-11-24T00:00:00Z",
    )


def rounds(*reports, seconds=0.05):
    left = iter(reports)

    def once():
        time.sleep(seconds)
        return next(left)

    return once


def survival(report):
    return next(check for check in report.checks if check.id == "survival")


def test_rounds_go_on_until_the_time_is_up(tmp_path):
    journal = Journal(tmp_path / "deep/j.jsonl")
    report = soak(rounds(*[made()] * 9), journal, minutes=0.004, asked="cpu")
    assert report.verdict == "pass"
    assert 4 <= len(journal.rounds()) <= 5
    assert survival(report).status == "PASS"
    assert report.checks[0].evidence["rounds"] == {"float32_tflops": [100.0] * len(journal.rounds())}
    assert "series" not in report.checks[0].evidence


def test_the_worst_round_stands_and_ends_the_run(tmp_path):
    report = soak(rounds(made(), made("FAIL"), made()), Journal(tmp_path / "j"), minutes=60, asked="cpu")
    assert report.verdict == "fail"
    assert report.checks[0].reason == "in round 2: why"
    assert "stopped after" in survival(report).reason


def test_it_goes_on_where_it_was_cut_off(tmp_path):
    path = tmp_path / "j"

    def dies():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        soak(dies, Journal(path), minutes=0.002, asked="cpu")
    report = soak(rounds(*[made()] * 9), Journal(path), minutes=0.002, asked="cpu")
    assert survival(report).status == "WARN"
    assert survival(report).reason == "round 1 was cut off"
    assert report.verdict == "pass"


def test_a_machine_that_started_anew_has_failed(tmp_path, monkeypatch):
    path, boot = tmp_path / "j", tmp_path / "boot"
    boot.write_text("first")
    monkeypatch.setattr(room, "BOOT", boot)
    soak(rounds(made()), Journal(path), minutes=0.0005, asked="cpu")
    Journal(path).write("round", round=2)
    path.write_text(path.read_text() + '{"event": "do')  # the last thing that it wrote
    boot.write_text("second")
    report = soak(rounds(), Journal(path), minutes=0, asked="cpu")
    assert report.verdict == "fail"
    assert "the machine started anew during round 2" in survival(report).reason
    again = soak(rounds(made()), Journal(path), minutes=0.0005, asked="cpu")
    assert again.verdict == "fail"  # what happened is not forgotten


def test_a_rate_that_sags_is_said(tmp_path):
    falling = [made(rate=100.0 - 2 * n, device="cuda") for n in range(12)]
    journal = Journal(tmp_path / "j")
    journal.write("begin", minutes=1)
    for number, report in enumerate(falling, 1):
        journal.write("round", round=number)
        done = json.loads(json.dumps(room.msgspec.to_builtins(report)))
        journal.write("done", round=number, seconds=1, report=done)
    found = survival(room.together(journal, 0.2, asked="cuda"))
    assert found.status == "WARN"
    assert "matmul.float32_tflops" in found.reason


@pytest.mark.parametrize("text", ["nonsense\n{}\n", '{"event": "round"}\n', "\x00\n\n"])
def test_a_file_of_somebody_else_is_not_touched(tmp_path, text):
    path = tmp_path / "j"
    path.write_text(text)
    with pytest.raises(InputError, match=str(path)):
        Journal(path)
    assert path.read_text() == text


def test_a_journal_without_a_round_has_no_verdict(tmp_path):
    with pytest.raises(InputError, match="no round has ended"):
        soak(rounds(), Journal(tmp_path / "j"), minutes=0, asked="cpu")


@pytest.mark.torch
def test_killed_outright_it_leaves_a_journal_that_goes_on(torch_env, tmp_path):
    path = tmp_path / "j.jsonl"
    argv = [sys.executable, "-m", "envsetup", "smoke", "--env", str(torch_env), "--device", "cpu", "--level", "soak"]
    argv += ["--check", "repeatability", "--journal", str(path), "--minutes"]
    process = subprocess.Popen([*argv, "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(1200):
            if path.exists() and '{"event": "round"' in str(path.read_text().splitlines()[-1:]):
                break
            time.sleep(0.05)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    done = subprocess.run([*argv, "0.02", "--json"], capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["level"] == "soak"
    assert report["checks"][-1]["id"] == "survival"
    assert report["checks"][-1]["status"] == "WARN"
