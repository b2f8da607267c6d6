"""The proof as JUnit XML, which every CI shows."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

if TYPE_CHECKING:
    from envsetup.model.proof import SmokeReport

TAGS = {"FAIL": "failure", "ERROR": "error", "TIMEOUT": "error", "SKIP": "skipped"}


def smoke_junit(report: SmokeReport) -> str:
    """One test suite; a required check that was skipped is an error there, so that no CI shows it green."""
    kinds = [_tag(check.status, required=check.required) for check in report.checks]
    suite = Element(
        "testsuite",
        name=f"envsetup smoke ({report.device})",
        timestamp=report.started.rstrip("Z"),
        time=f"{report.duration_s:.3f}",
        tests=str(len(report.checks)),
        failures=str(kinds.count("failure")),
        errors=str(kinds.count("error")),
        skipped=str(kinds.count("skipped")),
    )
    properties = SubElement(suite, "properties")
    for name, value in (("verdict", report.verdict), ("headline", report.headline), ("version", report.version)):
        SubElement(properties, "property", name=name, value=value)
    for check, kind in zip(report.checks, kinds, strict=True):
        room = f"envsetup.smoke.{check.framework}" if check.framework else "envsetup.smoke"
        case = SubElement(suite, "testcase", classname=room, name=check.id, time=f"{check.duration_s:.3f}")
        if kind is not None:
            SubElement(case, kind, message=_clean(check.reason))
        numbers = [f"{name} = {metric.value}" for name, metric in check.metrics.items()]
        if numbers:
            SubElement(case, "system-out").text = _clean("\n".join(numbers))
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(suite, encoding="unicode") + "\n"


def _tag(status: str, *, required: bool) -> str | None:
    tag = TAGS.get(status)
    return "error" if tag == "skipped" and required else tag


def _clean(text: str) -> str:
    """Without the control characters that XML forbids."""
    return "".join(c for c in text if c.isprintable() or c in "\n\t")
