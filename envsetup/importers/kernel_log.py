"""Kernel log lines that speak of an accelerator: Xid, NVRM, out of memory, hung tasks, amdgpu."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envsetup.importers.facts import Facts
    from envsetup.importers.page import Page

_XID = re.compile(r"NVRM: Xid \([^)]{1,40}\): (\d{1,4})\b|\b(?:Xid|XID)(?: errors?)?[ :=#]{1,3}(\d{1,3})\b")
_KINDS = (
    ("oom", re.compile(r"oom-kill:|Out of memory: Kill|invoked oom-killer|Memory cgroup out of memory")),
    ("hung-task", re.compile(r"INFO: task \S{1,60} blocked for more than \d{1,6} seconds")),
    ("nvrm", re.compile(r"\bNVRM: ")),
    ("amdgpu", re.compile(r"\bamdgpu\b.{0,80}(?:ring \S{1,20} timeout|GPU reset|page fault|\*ERROR\*)")),
)
_HINTS = ("NVRM", "Xid", "XID", "oom", "ut of memory", "blocked for more", "amdgpu")


def read(page: Page, facts: Facts) -> bool:
    """Fill in kernel events; the lines stay in the error text too, for they are messages."""
    if not any(hint in page.joined for hint in _HINTS):
        return False
    found = False
    for line in page.bare:
        event = _event(line) if any(hint in line for hint in _HINTS) else None
        if event is not None:
            facts.append("kernel_events", **event)
            found = True
    return found


def _event(line: str) -> dict[str, object] | None:
    xid = _XID.search(line)
    if xid:
        return {"kind": "xid", "text": line[:300], "code": int(xid.group(1) or xid.group(2))}
    for kind, pattern in _KINDS:
        if pattern.search(line):
            return {"kind": kind, "text": line[:300]}
    return None
