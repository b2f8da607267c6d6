"""Merging what hosts sent: each host once, nothing lost in silence, and no host can harm the others."""

from __future__ import annotations

import io
import json
import os
import sys
import threading

import msgspec
import pytest
from fleet_samples import doctor, encoded, finding, node

from envsetup.cli.main import group
from envsetup.fleet.merge import Merge, exit_code, merge_files, write_json
from envsetup.fleet.reading import DOCUMENT_LIMIT, read
from envsetup.model.errors import InputError
from envsetup.model.fleet import NO_REPORT, FleetReport
from envsetup.report.fleet_text import fleet_text
from envsetup.world import files as world_files


@pytest.fixture
def files(tmp_path):
    """A function that writes name=bytes or value pairs; gives the paths as text."""

    def write(**documents):
        paths = []
        for name, document in documents.items():
            path = tmp_path / f"{name}.json"
            path.write_bytes(document if isinstance(document, bytes) else encoded(document))
            paths.append(str(path))
        return paths

    return write


def rows(report):
    return {row.host: row.outcome for row in report.hosts}


def test_hosts_are_named_by_their_files_and_findings_by_their_hosts(files):
    wheel = finding("cpu-wheel-on-gpu-machine")
    report = merge_files(files(n1=doctor(wheel), n2=doctor(wheel), n3=doctor(wheel), n4=doctor()))
    assert rows(report) == {"n1": "findings", "n2": "findings", "n3": "findings", "n4": "ok"}
    assert (report.expected, report.received) == (4, 4)
    [found] = report.findings
    assert (found.code, found.hosts, found.count) == ("cpu-wheel-on-gpu-machine", "n[1-3]", 3)
    assert exit_code(report) == 1


def test_the_name_inside_a_document_counts_more_than_the_files(files):
    assert set(rows(merge_files(files(pod_x7=doctor(host="n7"))))) == {"n7"}


def test_expected_minus_received_is_listed(files):
    report = merge_files(files(n1=doctor(), n2=doctor()), [f"n{i}" for i in range(1, 5)])
    assert rows(report) == {"n1": "ok", "n2": "ok", "n3": "not-run", "n4": "not-run"}
    assert (report.expected, report.received) == (4, 2)
    assert exit_code(report) == 4
    assert "n[3-4] (2)" in fleet_text(report)


@pytest.mark.parametrize(
    ("report", "fail_on", "code"),
    [
        (doctor(), "error", 0),
        (doctor(finding("x", "info")), "error", 0),
        (doctor(finding("x", "warning")), "error", 0),
        (doctor(finding("x", "warning")), "warning", 1),
        (doctor(finding("x", "critical")), "error", 1),
        (doctor(status="unknown"), "error", 3),
    ],
)
def test_exit_codes_are_those_of_the_doctor(files, report, fail_on, code):
    assert exit_code(merge_files(files(n1=report)), fail_on) == code


def test_a_degraded_machine_is_not_ok(files):
    assert rows(merge_files(files(n1=doctor(status="degraded"), n2=doctor(finding("x", "warning"))))) == {
        "n1": "findings",
        "n2": "findings",
    }


def test_the_worst_findings_stand_first_with_their_worst_severity(files):
    report = merge_files(
        files(
            n1=doctor(finding("small", "warning"), finding("big", "warning")),
            n2=doctor(finding("small", "warning"), finding("big", "critical")),
        )
    )
    assert [(f.code, f.severity, f.count) for f in report.findings] == [
        ("big", "critical", 2),
        ("small", "warning", 2),
    ]


def agent(error, detail=""):
    return json.dumps({"schema": "envsetup.agent/1", "host": "n9", "error": error, "detail": detail}).encode()


@pytest.mark.parametrize(
    ("sent", "outcome", "reason"),
    [
        (b"", "bad-output", "no output"),
        (b"Segmentation fault\n", "bad-output", "Segmentation fault"),
        (encoded(doctor())[:200], "bad-output", "no JSON"),
        (b'{"schema": "envsetup.doctor/1", "findings": 7}', "bad-output", "no valid envsetup.doctor/1"),
        (b'{"schema": "other/9"}', "bad-output", "other/9: accepted are envsetup.doctor/1"),
        (b'{"schema": "envsetup.doctor/1", "host": "\\u001b[2J"}', "bad-output", "host name"),
        (b'\xff\xfe{"schema": "envsetup.doctor/1"}', "bad-output", "no JSON"),
        (b'{"schema": "x", "y": ' + b"[" * 100_000, "bad-output", "no JSON"),
        (b"[1, 2]", "bad-output", "no JSON"),
        (agent("no-python"), "no-python", "no Python found"),
        (agent("python-too-old", "3.8.10 found"), "no-python", "Python is too old: 3.8.10 found"),
        (agent("timeout", "60 s"), "timeout", "60 s"),
        (agent("crashed", "Traceback"), "bad-output", "Traceback"),
    ],
)
def test_a_bad_answer_is_one_outcome_with_its_reason_and_harms_nothing(files, sent, outcome, reason):
    report = merge_files(files(n1=doctor(), n9=sent))
    assert rows(report) == {"n1": "ok", "n9": outcome}
    assert reason in report.hosts[1].reason
    assert report.hosts[1].report == NO_REPORT
    assert exit_code(report) == 4


def test_one_hundred_megabytes_are_refused_without_being_held(files):
    path = files(n9=b"x" * (100 << 20))
    [row] = merge_files(path).hosts
    assert (row.outcome, row.reason) == ("bad-output", f"more than {DOCUMENT_LIMIT >> 20} MiB")


def test_escape_sequences_never_reach_the_terminal(files):
    evil = "\x1b]0;owned\x07\u202e\r\n"
    report = merge_files(
        files(
            n1=doctor(finding("x", "error"), headline=evil),
            n2=msgspec.structs.replace(doctor(), findings=[msgspec.structs.replace(finding("y"), title=evil)]),
            n3=evil.encode(),
            n4=doctor(machine=node(driver=msgspec.structs.replace(node().driver, nvidia=evil))),
            **{f"n{i}": doctor(machine=node()) for i in range(5, 9)},
        )
    )
    text = fleet_text(report)
    assert "owned" in text
    assert not set(text) & set("\x1b\x07\r\u202e")
    out = io.BytesIO()
    write_json(report, out.write)
    assert b"\x1b" not in out.getvalue()


def test_a_host_that_takes_anothers_name_is_shown_and_takes_nothing(files):
    report = merge_files(files(n1=doctor(finding("x"), host="n1"), n2=doctor(host="n1")))
    assert sorted(rows(report).values()) == ["bad-output", "findings"]
    assert rows(report)["n1"] == "findings"
    assert "n2.json answers as n1" in report.hosts[0].reason + report.hosts[1].reason


def test_many_documents_may_come_as_lines(monkeypatch):
    lines = [encoded(doctor(host=f"n{i}"), indent=-1) for i in range(1, 4)]
    lines[1] = b"ssh: connect to host n2 port 22: Connection refused"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\n".join(lines))))
    report = merge_files(["-"], ["n1", "n2", "n3"])
    assert rows(report) == {"n1": "ok", "n2": "not-run", "n3": "ok", "stdin:2": "bad-output"}


def test_a_line_that_is_too_long_does_not_swallow_the_next(tmp_path):
    path = tmp_path / "all.jsonl"
    good = encoded(doctor(host="n1"), indent=-1)
    path.write_bytes(good + b"\n" + b"y" * (DOCUMENT_LIMIT * 2) + b"\n" + good.replace(b'"n1"', b'"n3"'))
    report = merge_files([str(path)])
    assert sorted(rows(report).values()) == ["bad-output", "ok", "ok"]
    assert {"n1", "n3"} <= set(rows(report))


def test_rows_of_an_earlier_run_can_be_merged_again_and_the_later_counts(tmp_path):
    paths = []
    for number, (sent, host) in enumerate([(encoded(doctor(finding("x"))), "n1"), (agent("timeout"), "n9")]):
        merge = Merge()
        merge.add(read(sent, host))
        path = tmp_path / f"hosts{number}.jsonl"
        path.write_bytes(b"\n".join(msgspec.json.encode(row) for row in merge.report().hosts))
        paths.append(str(path))
    again = tmp_path / "again.jsonl"
    again.write_bytes(b'{"host": "n9", "outcome": "ok", "report": ' + encoded(doctor(), indent=-1) + b"}\n")
    assert rows(merge_files(paths)) == {"n1": "findings", "n9": "timeout"}
    assert rows(merge_files([*paths, str(again)])) == {"n1": "findings", "n9": "ok"}


def test_the_json_is_one_document_of_the_published_shape(files):
    out = io.BytesIO()
    write_json(merge_files(files(n1=doctor(finding("x"), machine=node()), n2=b"")), out.write)
    document = json.loads(out.getvalue())
    assert document["schema"] == "envsetup.fleet/1"
    assert [host["outcome"] for host in document["hosts"]] == ["findings", "bad-output"]
    assert document["hosts"][0]["report"]["schema"] == "envsetup.doctor/1"
    assert document["hosts"][1]["report"] is None
    assert msgspec.json.decode(out.getvalue(), type=FleetReport).received == 1
    assert out.getvalue().count(b"\n") == 4


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.json: No such file"):
        merge_files([str(tmp_path / "nothing.json")])


def test_a_snapshot_adds_facts_to_the_report_of_its_host(files, tmp_path):
    changed = node(os=msgspec.structs.replace(node().os, kernel="6.8.0"), env={})
    reports = files(**{f"n{i}": doctor(machine=node()) for i in range(1, 5)}, n5=doctor(finding("x")))
    folder = tmp_path / "snapshots"
    folder.mkdir()
    (folder / "n5.json").write_bytes(encoded(changed))
    for paths in ([*reports, str(folder / "n5.json")], [str(folder / "n5.json"), *reports]):
        report = merge_files(paths)
        assert rows(report)["n5"] == "findings"
        assert {(o.host, o.fact) for o in report.outliers} == {("n5", "os.kernel"), ("n5", "env.LD_LIBRARY_PATH")}


def test_a_snapshot_alone_is_diagnosed_here(files):
    cpu_wheel = msgspec.structs.replace(
        node().environment,
        frameworks=[msgspec.structs.replace(node().environment.frameworks[0], variant="cpu", cuda=None)],
    )
    report = merge_files(files(n1=node(environment=cpu_wheel), n2=node(environment=cpu_wheel)))
    assert set(rows(report).values()) == {"findings"}
    assert ("cpu-wheel-on-gpu-machine", "n[1-2]") in {(f.code, f.hosts) for f in report.findings}
    assert json.loads(bytes(report.hosts[0].report))["schema"] == "envsetup.doctor/1"


def test_the_command_says_it_in_text_and_in_json(files, capfdbinary):
    paths = files(n1=doctor(finding("x")), n2=doctor())
    assert group.main(["fleet", "merge", *paths, "--expect", "n[1-3]"], standalone_mode=False) == 4
    out, err = capfdbinary.readouterr()
    assert out.decode().startswith("2 of 3 hosts reported: ")
    assert err == b""
    assert group.main(["fleet", "merge", *paths, "--json"], standalone_mode=False) == 1
    assert json.loads(capfdbinary.readouterr().out)["received"] == 2


def test_a_pipe_is_read_to_its_end_and_one_without_a_writer_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(world_files, "PIPE_S", 0.2)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="a pipe, and nobody wrote to it"):
        merge_files([str(pipe)])
    monkeypatch.setattr(world_files, "PIPE_S", 20)
    rows = b"\n".join(encoded(doctor(host=f"n{number}")).strip().replace(b"\n", b" ") for number in range(200))
    writer = threading.Thread(target=pipe.write_bytes, args=(rows,))
    writer.start()
    assert merge_files([str(pipe)]).received == 200
    writer.join(timeout=20)


def test_quiet_is_one_line_and_verbose_names_who_is_well(files):
    report = merge_files(files(n1=doctor(), n2=doctor(), n3=doctor(finding("x", "error"))))
    assert fleet_text(report, quiet=True) == fleet_text(report).splitlines()[0] + "\n"
    assert "n[1-2]" not in fleet_text(report)
    assert "n[1-2] (2):" in fleet_text(report, verbose=True)
