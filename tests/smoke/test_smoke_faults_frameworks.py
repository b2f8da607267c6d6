"""Every fault of TensorFlow and JAX is planted in the real thing, and the checks that promise to catch it do."""

from __future__ import annotations

import json
import subprocess

import pytest

import envsetup.smoke.faults
from envsetup.smoke.faults.others import JAX, TENSORFLOW, faults_of
from envsetup.smoke.runner import Request
from envsetup.smoke.selftest import self_test

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("faults-frameworks")]
CASES = [("tensorflow", name) for name in TENSORFLOW] + [("jax", name) for name in JAX]


@pytest.fixture(scope="module")
def rows(framework_python):
    made, heard = {}, []

    def of(framework):
        if framework not in made:
            request = Request(python=framework_python(framework), framework=framework, device="cpu")
            report = self_test(request, heard.append, every_check=False)
            assert report.verdict == "pass", report.headline
            made[framework] = {row.fault: row for row in report.self_test}
        return made[framework]

    return of


@pytest.mark.parametrize(("framework", "name"), CASES)
def test_the_fault_is_caught_by_the_checks_that_promise_it(rows, framework, name):
    row = rows(framework)[name]
    assert not row.missed_by
    assert set(row.caught_by) >= set(faults_of(framework)[name].caught_by)


@pytest.mark.parametrize("framework", ["tensorflow", "jax"])
def test_every_plant_is_in_the_table(framework_python, framework):
    folder = envsetup.smoke.faults.__path__[0]
    code = (
        f"import sys; sys.path.insert(0, {folder!r}); import plants_{framework} as plants, plants_numpy, json;"
        "print(json.dumps([*plants.PLANTS, *plants_numpy.PLANTS]))"
    )
    done = subprocess.run(
        [framework_python(framework), "-c", code], check=True, capture_output=True, text=True, timeout=120
    )
    assert set(json.loads(done.stdout.splitlines()[-1])) == set(faults_of(framework))
