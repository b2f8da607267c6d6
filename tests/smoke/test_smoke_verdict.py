from __future__ import annotations

import itertools

import pytest

from envsetup.model.proof import SmokeCheck
from envsetup.smoke.verdict import decide


def checks(*statuses, required=True):
    return [
        SmokeCheck(id=f"c{number}", title=f"check {number}", status=status, reason="because", required=required)
        for number, status in enumerate(statuses)
    ]


def decided(found, asked="cuda", device="cuda", *, partial=False):
    return decide(found, asked=asked, device=device, subject="PyTorch 2.13.0", partial=partial)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (("PASS", "PASS"), "pass"),
        (("PASS", "WARN"), "pass"),
        (("PASS", "FAIL"), "fail"),
        (("TIMEOUT", "FAIL"), "fail"),
        (("PASS", "SKIP"), "not-verified"),
        (("PASS", "ERROR"), "not-verified"),
        (("PASS", "TIMEOUT"), "not-verified"),
    ],
)
def test_the_worst_status_decides(statuses, expected):
    assert decided(checks(*statuses))[0] == expected


def test_no_combination_with_a_required_check_that_did_not_pass_is_a_pass():
    for statuses in itertools.product(("PASS", "WARN", "FAIL", "SKIP", "ERROR", "TIMEOUT"), repeat=3):
        verdict, _ = decided(checks(*statuses))
        assert (verdict == "pass") == (set(statuses) <= {"PASS", "WARN"})


def test_a_check_that_does_not_apply_does_not_decide():
    found = [*checks("PASS"), *checks("SKIP", required=False)]
    assert decided(found)[0] == "pass"


def test_a_run_in_which_nothing_applied_is_no_pass():
    assert decided(checks("SKIP", required=False))[0] == "not-verified"


def test_a_cpu_is_certified_only_when_it_was_asked_for_and_never_as_a_gpu():
    asked = decided(checks("PASS"), asked="cpu", device="cpu")
    auto = decided(checks("PASS"), asked="auto", device="cpu")
    assert (asked[0], auto[0]) == ("pass", "not-verified")
    for _, headline in (asked, auto):
        assert "GPU acceleration was not verified" in headline


def test_a_subset_says_so():
    assert "passes the checks that were asked for" in decided(checks("PASS"), partial=True)[1]


def test_the_first_failure_is_in_the_headline():
    assert "check 1 FAILED: because (and 1 more)" in decided(checks("PASS", "FAIL", "FAIL"))[1]


def test_what_was_not_proven_says_which_check_and_why():
    assert decided(checks("PASS", "SKIP"))[1].endswith(" is not proven: because (c1 SKIP)")
