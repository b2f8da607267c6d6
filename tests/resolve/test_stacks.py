"""Extra packages: what they hold back, and what is said when it cannot be held."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from planning import label, machine, plan

from envsetup import data
from envsetup.compat import stacks
from envsetup.model.errors import InputError

HERE = machine("RTX 4090", driver="595.58.03")


def test_one_file_for_each_name():
    files = sorted(path.stem for path in (Path(data.__file__).parent / "stacks").glob("*.json"))
    assert files == sorted(stacks.NAMES)


@pytest.mark.parametrize("name", stacks.NAMES)
def test_each_has_needs_proof_source_and_date(name):
    row = stacks.stack(name)
    assert (row.name, bool(row.title)) == (name, True)
    assert row.needs or name == "direnv"  # a hook of the shell: nothing is installed
    assert row.source
    assert row.date.startswith("20")
    assert row.checks or not row.needs
    for line in row.checks:
        compile(line, name, "exec")
    assert set(json.loads((Path(data.__file__).parent / "stacks" / f"{name}.json").read_text())) >= {"source", "date"}


def test_pyg_holds_torch_back_and_says_so():
    result = plan(HERE, extras=["pyg"])
    assert label(result) == "2.14.1+cu130"
    assert any(row.candidate == "2.15.0+cu132" and "pyg" in row.text for row in result.rejected)
    assert any("2.15.0" in other.text for other in result.alternatives)


def test_pyg_with_a_newer_torch_asked_for_gets_it_and_hears_the_cost():
    result = plan(HERE, "pytorch==2.15.*", extras=["pyg"])
    assert label(result) == "2.15.0+cu132"
    assert any("pyg" in warning for warning in result.warnings)


def test_pyg_on_a_build_without_its_wheels_is_slower():
    result = plan(machine("RTX 5090", driver="570.124.06"), "pytorch==2.10.*", extras=["pyg"])
    assert any("slower" in warning for warning in result.warnings)


def test_tf_models_needs_its_tensorflow():
    here = machine("RTX 4090", driver="550.54.14")
    assert label(plan(here, "tensorflow", extras=["tf-models"])) == "2.20.0"
    result = plan(here, "tensorflow==2.21.*", extras=["tf-models"])
    assert label(result) == "framework"
    assert "leave out --with tf-models" in result.impossible.nearest


def test_an_extra_for_another_framework_is_remarked():
    assert any("tensorflow" in warning for warning in plan(HERE, extras=["tf-models"]).warnings)
    assert plan(HERE, extras=["jupyter", "transformers"]).warnings == []


def test_an_unknown_extra_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="accepted are bitsandbytes, deepspeed"):
        plan(HERE, extras=["quantum"])
