"""What rests on a row that nobody read in a document says so, in one clause."""

from __future__ import annotations

import pytest
from planning import machine, plan

from envsetup.compat import gpus
from envsetup.doctor.builds import label
from envsetup.model.hardware import Gpu

UNREAD = "general knowledge, not read"


def said(result):
    return [warning for warning in result.warnings if UNREAD in warning]


@pytest.mark.parametrize("name", ["T4G", "H20", "Quadro T600", "RTX 1000 Ada Generation"])
def test_a_capability_that_is_general_knowledge_is_called_so(name):
    result = plan(machine(name, driver="580.95.05"))
    assert result.status == "ok"
    assert len(said(result)) == 1
    assert name in said(result)[0]


@pytest.mark.parametrize("name", ["RTX 4090", "Tesla V100", "GTX 1080 Ti", "RTX PRO 6000"])
def test_a_capability_that_a_document_names_is_not(name):
    assert said(plan(machine(name, driver="580.95.05"))) == []


def test_what_the_driver_reports_rests_on_no_name():
    assert said(plan(machine(("T4G", "7.5"), driver="580.95.05"))) == []


def test_a_gfx_target_by_general_knowledge_is_called_so():
    assert said(plan(machine("Radeon RX 6800", driver="550.54.14")))
    assert not said(plan(machine("Radeon RX 7900 XTX", driver="550.54.14")))


def test_a_card_name_of_two_generations_is_called_so():
    result = plan(machine("GeForce GT 730", driver="470.256.02", python="3.10"))
    assert any("2.1 and 3.5" in warning for warning in result.warnings)


def test_a_refusal_that_rests_on_no_document_of_the_maker_says_so():
    result = plan(machine("RTX 5090", driver="550.54.14"))
    assert result.impossible.constraint == "driver"
    assert "unconfirmed" in result.impossible.text
    assert "unconfirmed" not in plan(machine("GTX 1080 Ti", driver="595.58.03")).impossible.text


def test_the_libc_floor_of_the_cpu_build_of_2_6_is_no_read_fact():
    here = machine(glibc="2.17", python="3.10")
    result = plan(here, "pytorch==2.6.0", device="cpu", source="official")
    assert UNREAD in str(result.rejected)
    cuda = plan(machine("RTX 4090", driver="560.35.03", glibc="2.17", python="3.10"), "pytorch==2.6.0")
    assert UNREAD not in " ".join(row.text for row in cuda.rejected if "cu126" in row.candidate)


def test_the_doctor_names_such_a_gpu_with_the_clause():
    assert UNREAD in label(Gpu(vendor="nvidia", name="T4G"))
    assert UNREAD not in label(Gpu(vendor="nvidia", name="T4G", compute_capability="7.5"))
    assert UNREAD not in label(Gpu(vendor="nvidia", name="Tesla T4"))


def test_no_row_of_general_knowledge_passes_for_certain():
    rows = [*gpus.table().nvidia, *gpus.table().amd]
    assert all(row.certain == (UNREAD not in gpus.cite(row)) for row in rows)
    assert sum(not row.certain for row in rows) < 40


def test_jax_without_a_source_takes_what_was_run_and_names_the_newer():
    result = plan(machine("RTX 4090", driver="550.54.14"), "jax")
    newer = [other.text for other in result.alternatives if "0.12.0.1" in other.text]
    assert newer
    asked = plan(machine("RTX 4090", driver="550.54.14"), "jax==0.12.*")
    assert any("no run of them on a GPU was read" in warning for warning in asked.warnings)
