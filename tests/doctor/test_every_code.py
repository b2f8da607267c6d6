"""Every failure mode is decided: for each code what shows it, and what must not be taken for it, its trap first.

The cases stand in codes/AREA.json: a text that somebody pasted, or a machine as the names of `NAMED` and facts over
them. `root`: the code is the root cause; `shows`: it is among the findings; `silent` and `trap`: it is not, the trap
being the one that the catalogue names. Everything goes the whole way: importer or facts, checks, messages, causes.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from described import AMD, LINUX, NVIDIA, environment, machine, merged, torch

from envsetup.doctor.catalogue import entries
from envsetup.doctor.examine import examine
from envsetup.doctor.subject import given

FOLDER = Path(__file__).parent / "codes"
# What another machine, or the files of a project, decide: tests/doctor/test_compare.py and tests/project show them.
DECIDED_ELSEWHERE = {
    "differs-from-expected": "two machines are compared",
    "project-pins-contradict": "the files of a project are read",
    "project-file-unread": "the files of a project are read",
    "cuda-image-unneeded": "the files of a project are read",
}
WITHOUT_EVIDENCE: dict[str, str] = {}  # a code that nothing can show, with the reason
NAMED = {
    "linux": LINUX,
    "nvidia": NVIDIA,
    "amd": AMD,
    "docker": {"container": {"runtime": "docker", "evidence": "/.dockerenv"}},
    "wsl": {"os": {"wsl": True, "kernel": "5.15.153.1-microsoft-standard-WSL2"}},
}


def table():
    found = {}
    for path in sorted(FOLDER.glob("*.json")):
        for code, cases in json.loads(path.read_text(encoding="utf-8")).items():
            assert code not in found, f"{code} stands twice"
            found[code] = cases
    return found


CODES = table()


def parts(steps):
    """Facts of a described machine: names, facts, and `torch` as version and variant."""
    built = []
    for step in steps:
        facts = dict(NAMED[step] if isinstance(step, str) else step)
        if "torch" in facts:
            built.append(torch(*facts.pop("torch")))
        if "environment" in facts and not any("environment" in part for part in built):
            built.append(environment())
        built.append(facts)
    return merged(*built)


def diagnosis(case):
    if isinstance(case, str):
        subject = given(case, "text", "", "")
        return examine(subject.machine, target=subject.kind, symptoms=subject.symptoms, weak=subject.weak)
    return examine(machine(parts(case["machine"])), target="snapshot")


def cases(*kinds):
    return [
        pytest.param(code, case, id=f"{code}-{kind}-{number}")
        for code, row in CODES.items()
        for kind in kinds
        for number, case in enumerate(row.get(kind, []))
    ]


def test_every_code_has_evidence_for_it_and_against_it():
    assert set(CODES) | set(DECIDED_ELSEWHERE) | set(WITHOUT_EVIDENCE) == set(entries())
    assert not set(CODES) & set(WITHOUT_EVIDENCE)
    assert [code for code, row in CODES.items() if not row.get("root") and not row.get("shows")] == []
    assert [code for code, row in CODES.items() if not row.get("silent") and not row.get("trap")] == []
    assert len(WITHOUT_EVIDENCE) <= 3


def test_what_a_code_must_not_be_confused_with_is_tried():
    assert [code for code, row in entries().items() if row.trap and code in CODES and not CODES[code].get("trap")] == []


def test_every_code_has_its_page():
    docs = Path(__file__).parent.parent.parent / "docs" / "codes"
    assert [code for code in entries() if not (docs / f"{code}.md").is_file()] == []


def test_most_codes_are_recognised_in_several_wordings_or_places():
    single = [code for code, row in CODES.items() if len(row.get("root", []) + row.get("shows", [])) < 2]
    assert len(single) <= len(CODES) // 4, single


@pytest.mark.parametrize(("code", "case"), cases("root"))
def test_the_root_cause_is_named(code, case):
    report = diagnosis(case)
    assert report.verdict.root_cause == code, [(found.code, found.caused_by) for found in report.findings]


@pytest.mark.parametrize(("code", "case"), cases("shows"))
def test_it_is_among_the_findings(code, case):
    assert code in [found.code for found in diagnosis(case).findings]


@pytest.mark.parametrize(("code", "case"), cases("silent", "trap"))
def test_it_is_not_raised(code, case):
    found = next((finding for finding in diagnosis(case).findings if finding.code == code), None)
    assert found is None, found and [item.value for item in found.evidence]
