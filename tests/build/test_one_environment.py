"""What one environment cannot hold is refused in one line, before anything is made."""

from __future__ import annotations

import pytest

from envsetup.build.decide import in_one_environment
from envsetup.build.wanted import requirements
from envsetup.model.errors import InputError
from envsetup.model.plan import Plan, PlannedPackage


def plan(*names):
    packages = [PlannedPackage(name="p", version="1", environment=name) for name in names]
    return Plan(status="ok", device="cuda", packages=packages)


def test_two_cuda_stacks_are_refused_with_a_command_for_each():
    with pytest.raises(InputError) as caught:
        in_one_environment(plan("pytorch", "tensorflow", "pytorch"))
    assert "\n" not in caught.value.message
    assert "envsetup create .venv-pytorch --framework pytorch --gpu" in caught.value.message
    assert "envsetup create .venv-tensorflow --framework tensorflow --gpu" in caught.value.message


@pytest.mark.parametrize("names", [(None, None), ("pytorch",)])
def test_what_goes_together_is_not(names):
    in_one_environment(plan(*names))


@pytest.mark.parametrize("name", ["flash-attn", "deepspeed"])
def test_what_is_built_beside_an_installed_torch_is_refused(name):
    with pytest.raises(InputError, match="after create"):
        requirements(plan(None), None, [name])


def test_the_command_refuses_too(box):
    machine = box.folder / "m.json"
    machine.write_text(
        '{"schema": "envsetup.machine/1", "os": {"system": "linux"}, "arch": "x86_64",'
        '"driver": {"nvidia": "580.95.05"}, "libc": {"name": "glibc", "version": "2.39"},'
        '"gpus": [{"vendor": "nvidia", "name": "RTX 4090", "compute_capability": "8.9"}]}'
    )
    flags = ["--framework", "pytorch", "--framework", "tensorflow", "--gpu", "--offline", "--machine", machine]
    done = box.create("env", *flags)
    assert done.returncode == 2
    assert "make one environment each" in done.stderr
    assert not (box.folder / "env").exists()
