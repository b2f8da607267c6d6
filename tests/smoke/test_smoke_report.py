from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import envsetup
from envsetup.model.codec import from_json, to_json
from envsetup.model.proof import FaultRow, Metric, SmokeCheck, SmokeReport
from envsetup.report.smoke_comparison import comparison_text
from envsetup.report.smoke_html import comparison_html, smoke_html
from envsetup.report.smoke_junit import smoke_junit
from envsetup.report.smoke_matrix import self_test_holds, smoke_matrix
from envsetup.report.smoke_nagios import smoke_nagios
from envsetup.report.smoke_progress import SmokeProgress
from envsetup.report.smoke_text import smoke_text, sparkline
from envsetup.report.terminal import colour_wanted, unicode_wanted
from envsetup.smoke.comparison import compare

GOLDEN = SmokeCheck(
    id="golden-curve",
    title="golden loss curve",
    status="PASS",
    reason="deviates 9.4e-08",
    metrics={"max_deviation": Metric(value=9.4e-8, limit=1e-5, op="<=", limit_source="measured")},
)
LEARNING = SmokeCheck(
    id="learning",
    title="learns",
    status="PASS",
    reason="test accuracy 0.990",
    metrics={
        "test_accuracy": Metric(value=0.99, limit=0.6, op=">=", limit_source="measured"),
        "images_per_second": Metric(value=1965.6),
    },
    evidence={"losses": [2.3, 1.0, None, 0.1], "steps": 4, "ceiling": 0.27},
)
SKIPPED = SmokeCheck(id="devices", title="devices", status="SKIP", reason="not applicable on cpu", required=False)
DIED = SmokeCheck(
    id="op-parity",
    title="operations",
    status="ERROR",
    reason="it died of SIGSEGV\x00 while running <matmul>",
    evidence={"stderr": "Fatal Python error"},
)


def report(*checks, verdict="pass", headline="CPU proof: PyTorch trains; GPU acceleration was not verified", **more):
    return SmokeReport(
        version="0", level="quick", device="cpu", verdict=verdict, headline=headline, checks=list(checks), **more
    )


def test_the_verdict_comes_first_and_a_cpu_is_never_called_proven_alone():
    first = smoke_text(report(GOLDEN)).splitlines()[0]
    assert first.startswith("CPU PROOF   PyTorch trains; GPU acceleration was not verified")


def test_the_page_shows_curve_ruler_numbers_and_limits():
    page = smoke_text(report(SKIPPED, GOLDEN, LEARNING))
    assert "2.30 → 0.100  in 4 steps, 1,966 images/s" in page
    assert "^chance 0.10" in page
    assert "^needed 0.60" in page
    assert "deviates 9.4e-08     <= 1e-05" in page
    assert "not applicable on cpu" in page
    assert "\x1b" not in page


def test_colour_and_ascii():
    assert "\x1b[32m" in smoke_text(report(GOLDEN), colour=True)
    assert smoke_text(report(GOLDEN, LEARNING), ascii_only=True).isascii()


def test_a_failure_says_what_is_not_shown_and_what_comes_next():
    page = smoke_text(report(DIED, verdict="not-verified", headline="PyTorch: no"), verbose=1)
    assert page.startswith("NOT VERIFIED   PyTorch: no")
    assert "not shown: Each operation" in page
    assert "Fatal Python error" in page
    assert "Next: envsetup smoke -v" in page


def test_verbose_shows_where_a_limit_comes_from_and_what_the_check_cannot_see():
    page = smoke_text(report(GOLDEN), verbose=1)
    assert "max_deviation = 9.4e-08   <= 1e-05   measured" in page
    assert "cannot see:" in page


def test_a_sparkline_has_the_shape_of_its_values():
    assert sparkline([3, 2, 1]) == "█▅▁"
    assert sparkline([5, 5]) == "▁▁"
    assert len(sparkline(list(range(1000)))) == 50


def test_json_round_trip_keeps_null_for_what_is_not_finite():
    broken = SmokeCheck(id="x", title="x", status="FAIL", metrics={"loss": Metric(value=None, nonfinite=True)})
    text = to_json(report(broken))
    loss = json.loads(text)["checks"][0]["metrics"]["loss"]
    assert (loss["value"], loss["nonfinite"]) == (None, True)
    assert from_json(text, SmokeReport, name="report").checks[0] == broken


def test_junit_shows_a_required_skip_as_an_error():
    required = SmokeCheck(id="learning", title="learns", status="SKIP", reason="no cuda device")
    suite = ET.fromstring(smoke_junit(report(GOLDEN, SKIPPED, DIED, required)))
    assert (suite.get("tests"), suite.get("errors"), suite.get("skipped"), suite.get("failures")) == (
        "4",
        "2",
        "1",
        "0",
    )
    messages = [case.find("error").get("message") for case in suite.iter("testcase") if case.find("error") is not None]
    assert messages == ["it died of SIGSEGV while running <matmul>", "no cuda device"]


class Page(HTMLParser):
    """Collects tags and text; every opened tag must be closed."""

    EMPTY = frozenset({"meta"})

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_page_for_a_browser_is_whole_and_asks_nobody():
    golden = SmokeCheck(
        id="golden-curve",
        title="<golden>",
        status="FAIL",
        reason="<script>",
        metrics=GOLDEN.metrics,
        evidence={"losses": [2.3, None], "golden": [2.3, 2.2]},
    )
    source = smoke_html(report(golden, LEARNING, DIED))
    page = Page()
    page.feed(source)
    assert page.open == []
    assert "CPU PROOF" in page.text
    assert "<script>" in page.text
    assert not {"link", "img", "iframe", "base", "form"} & {tag for tag, _ in page.tags}
    assert [attributes for tag, attributes in page.tags if tag == "script"] == [{}]
    assert "://" not in source
    drawn = [attributes["class"] for tag, attributes in page.tags if tag == "polyline"]
    assert drawn == ["one", "one", "one", "golden", "one"]  # a NaN breaks the curve of the losses
    assert "nan" not in source.lower()


def row(fault, caught, missed=()):
    statuses = {"op-parity": "FAIL" if "op-parity" in caught else "PASS", "golden-curve": "PASS"}
    return FaultRow(fault=fault, what=fault, statuses=statuses, caught_by=list(caught), missed_by=list(missed))


def test_the_matrix_shows_a_broken_promise():
    kept = report(GOLDEN, self_test=[row("a", ["op-parity"])])
    broken = report(GOLDEN, self_test=[row("a", ["op-parity"]), row("b", [], ["op-parity"])])
    assert smoke_matrix(kept).startswith("PROVEN   1 of 1")
    assert smoke_matrix(broken).startswith("FAILED   1 of 2")
    assert "MISSED: op-parity" in smoke_matrix(broken, ascii_only=True)
    assert smoke_matrix(broken, ascii_only=True).isascii()
    assert not self_test_holds(report(GOLDEN, self_test=[]))
    assert not self_test_holds(report(GOLDEN, verdict="fail", self_test=kept.self_test))


def test_a_control_is_no_fault():
    control = FaultRow(fault="c", what="c", statuses={"busy": "PASS"}, caught_by=[], control=True)
    rows = report(GOLDEN, self_test=[row("a", ["op-parity"]), control])
    assert smoke_matrix(rows).startswith("PROVEN   1 of 1 planted faults")
    assert "1 of 1 planted faults were caught" in smoke_html(rows)


def test_many_frameworks_lie_over_one_another():
    two = [
        SmokeCheck(**{**{f: getattr(LEARNING, f) for f in LEARNING.__struct_fields__}, "framework": name})
        for name in ("pytorch", "jax")
    ]
    assert "pytorch learning  test accuracy" in smoke_text(report(*two))
    source = smoke_html(report(*two))
    assert 'class="key one">PyTorch' in source
    assert 'class="key two">JAX' in source


RATES = SmokeCheck(
    id="matmul",
    title="rates",
    status="PASS",
    metrics={
        "bfloat16_tflops": Metric(value=700.0, unit="TFLOPS", peak=989.0, reference=794.5, baseline=710.0),
        "bfloat16_deviation": Metric(value=2e-3, limit=2e-2, op="<=", limit_source="measured"),
    },
)
SPEED = SmokeCheck(id="throughput", title="speed", status="PASS", evidence={"by_batch": {"1": 10.0, "64": 900.0}})


def test_the_page_draws_what_was_measured():
    strip = {"seconds": [0, 1], "power_w": [70.0, 500.0], "power_limit_w": 700, "reasons": [[], ["hw-thermal"]]}
    source = smoke_html(report(RATES, SPEED, telemetry={**strip, "spans": {"matmul": [0.2, 0.9]}}))
    assert "700 TFLOPS, limit 989, healthy 794.5, saved 710" in source
    assert "width:70.8%" in source
    assert "Training speed by batch" in source
    assert "held back by hw-thermal" in source
    assert "product, bfloat16" in source


def test_one_line_for_nagios():
    passed = smoke_nagios(report(GOLDEN, RATES))
    assert passed[1] == 0
    assert passed[0].startswith("SMOKE OK - CPU proof")
    assert passed[0].count("\n") == 1
    assert "'golden-curve.max_deviation'=9.4e-08;;1e-05" in passed[0]
    slow = SmokeCheck(id="x", title="x", status="WARN", reason="slow | by half")
    assert smoke_nagios(report(GOLDEN, slow)) == (
        "SMOKE WARNING - x: slow / by half | time=0.0s 'golden-curve.max_deviation'=9.4e-08;;1e-05\n",
        1,
    )
    assert smoke_nagios(report(DIED, verdict="not-verified"))[1] == 3
    assert smoke_nagios(report(DIED, verdict="fail"))[1] == 2


def test_two_reports_side_by_side():
    slower = SmokeCheck(
        id="matmul",
        title="rates",
        status="FAIL",
        reason="slow",
        metrics={"bfloat16_tflops": Metric(value=350.0, unit="TFLOPS")},
    )
    one, two = report(GOLDEN, RATES, SPEED), report(GOLDEN, slower, SPEED, verdict="fail")
    found = compare(one, two, ("a.json", "b.json"))
    assert found.headline == "1 of 3 checks ended differently, 1 of 1 rates differ by more than a tenth"
    assert [(row.check, row.one, row.two) for row in found.statuses] == [("matmul", "PASS", "FAIL")]
    assert found.rates[0].ratio == 0.5
    text = comparison_text(found, verbose=1)
    assert "matmul.bfloat16_tflops" in text
    assert "0.50 x  <" in text
    page = Page()
    page.feed(comparison_html(found, one, two))
    assert page.open == []
    assert "Training speed by batch" in page.text


def step(number, loss=1.0, accuracy=None):
    return {"step": number, "of": 100, "loss": loss, "accuracy": accuracy}


def test_progress_off_a_terminal_is_a_line_per_check_and_one_now_and_then():
    stream = io.StringIO()
    progress = SmokeProgress(stream, live=False, total=2)
    for number in range(1, 101):
        progress.doing("learning", "training")
        progress.progress(step(number, None if number == 100 else 1.0, 0.5))
    progress.checked(GOLDEN)
    progress.close()
    assert stream.getvalue().splitlines() == [
        "training 50/100  loss 1.000  validation 0.500",
        "training 100/100  loss not a number  validation 0.500",
        "PASS    golden-curve  deviates 9.4e-08",
    ]


def test_progress_on_a_terminal_is_one_line_that_goes_away():
    stream = io.StringIO()
    progress = SmokeProgress(stream, live=True, total=2)
    progress.doing("data", "generating")
    progress.progress(step(50))
    progress.close()
    assert "\n" not in stream.getvalue()
    assert "[0/2] data: generating" in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[K")


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def test_what_a_stream_can_show(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert colour_wanted(Terminal())
    assert not colour_wanted(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colour_wanted(Terminal())
    ascii_stream = Terminal()
    assert unicode_wanted(ascii_stream)
    ascii_stream.encoding = "ascii"
    assert not unicode_wanted(ascii_stream)


def test_the_payload_travels_out_of_a_zip(tmp_path):
    package = Path(envsetup.__file__).parent
    archive = tmp_path / "envsetup.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in (*package.rglob("*.py"), *package.rglob("*.json")):
            file.write(path, path.relative_to(package.parent))
    code = (
        "from envsetup.smoke.workspace import workspace, PACKAGE\nimport envsetup\n"
        "assert '.zip' in envsetup.__file__\n"
        "with workspace() as space:\n"
        "    space.environment(fault='hang')\n"
        "    print(sorted(str(p.relative_to(space.folder)) for p in space.folder.rglob('*.py')))\n"
    )
    start = f"import sys; sys.path.insert(0, {str(archive)!r})\n"
    done = subprocess.run(
        [sys.executable, "-c", start + code], check=False, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    for name in ("envsetup_payload/main.py", "envsetup_payload/pytorch/ops.py", "faults/sitecustomize.py"):
        assert name in done.stdout


def test_every_number_has_the_keys_that_were_promised():
    shown = json.loads(to_json(report(SmokeCheck(id="x", title="x", status="PASS", metrics={"n": Metric(value=1)}))))
    assert {"value", "unit", "limit", "op", "limit_source"} <= set(shown["checks"][0]["metrics"]["n"])
