"""The page: everything that the report says, nothing that a host could make it do, small with ten thousand hosts."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import msgspec
from fleet_samples import doctor, encoded, finding, node

from envsetup.cli.main import group
from envsetup.fleet.merge import Merge
from envsetup.fleet.reading import read, silent
from envsetup.model.fleet import FleetReport, HostRow
from envsetup.report.fleet_html import fleet_html

PAGE_MB = 2.0


class Page(HTMLParser):
    """Text and tags; raises nothing by itself, so tags are balanced by hand."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "input", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def sample():
    merge = Merge(["n1", "n2", "n3", "n9"])
    merge.add(read(encoded(doctor(finding("cpu-wheel-on-gpu-machine", caused_by="no-driver"))), "n1"))
    merge.add(read(encoded(doctor(status="unknown", headline="NVML gave no answer")), "n2"))
    merge.add(silent("n3", "unreachable", "connection refused"))
    for i in range(10, 15):
        odd = msgspec.structs.replace(node().os, kernel="6.8.0" if i == 14 else "5.15.0")
        merge.add(read(encoded(doctor(machine=node(os=odd))), f"n{i}"))
    return merge.report()


def test_the_page_says_what_the_report_says():
    page = Page(fleet_html(sample()))
    assert page.open == []
    for text in ("cpu-wheel-on-gpu-machine", "no-driver", "n2", "connection refused", "os.kernel", "6.8.0", "not-run"):
        assert text in page.text
    assert [tag for tag, attrs in page.tags if "src" in attrs or "href" in attrs] == []


def test_what_a_host_sends_is_only_ever_text():
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[2J"
    merge = Merge()
    merge.add(read(encoded(doctor(msgspec.structs.replace(finding("x"), title=evil, caused_by=evil))), "n1"))
    merge.add(silent("n2", "bad-output", evil))
    text = fleet_html(merge.report())
    assert "\x1b" not in text
    page = Page(text)
    assert [tag for tag, _ in page.tags].count("script") == 2
    assert "img" not in [tag for tag, _ in page.tags]
    rows = json.loads(re.search(r'id="rows">(.*?)</script>', text)[1])
    assert [row[0] for row in rows] == ["n1", "n2"]


def test_ten_thousand_hosts_are_one_small_page():
    hosts = [
        HostRow(host=f"node{i:05}", outcome="findings" if i % 2 else "ok", reason=f"PyTorch can use {i % 8} GPUs")
        for i in range(10_000)
    ]
    report = FleetReport(version="1", expected=10_000, received=10_000, hosts=hosts, findings=[], outliers=[])
    text = fleet_html(report)
    assert len(text) < PAGE_MB * 1e6
    assert text.count("<tr>") < 50


def test_the_command_writes_it_whole_or_not(tmp_path, capsys):
    (tmp_path / "n1.json").write_bytes(encoded(doctor()))
    page = tmp_path / "fleet.html"
    assert group.main(["fleet", "merge", str(tmp_path / "n1.json"), "--html", str(page)], standalone_mode=False) == 0
    assert Page(page.read_text()).open == []
    assert capsys.readouterr().out.startswith("1 of 1 hosts")
