"""What one environment cannot hold is refused in one line, before anything is made."""

from __future__ import annotations

import sys

import pytest

from envsetup.build.decide import in_one_environment
from envsetup.build.wanted import requirements
from envsetup.model.errors import InputError
from envsetup.model.plan import Plan, PlannedPackage, Request

MACHINE = (
    '{"schema": "envsetup.machine/1", "os": {"system": "linux"}, "arch": "x86_64",'
    '"driver": {"nvidia": "580.95.05"}, "libc": {"name": "glibc", "version": "2.39"},'
    '"gpus": [{"vendor": "nvidia", "name": "RTX 4090", "compute_capability": "8.9"}]}'
)


def plan(*names):
    packages = [PlannedPackage(name="p", version="1", environment=name) for name in names]
    return Plan(status="ok", device="cuda", packages=packages)


def request(*frameworks, target="venv"):
    return Request(frameworks=list(frameworks), target=target)


def test_two_cuda_stacks_are_refused_with_a_command_for_each():
    with pytest.raises(InputError) as caught:
        in_one_environment(plan("pytorch", "tensorflow", "pytorch"), request("torch==2.11.*", "tensorflow"))
    assert "\n" not in caught.value.message
    assert "envsetup create .venv-pytorch --framework 'torch==2.11.*' --gpu;" in caught.value.message
    assert caught.value.message.endswith("envsetup create .venv-tensorflow --framework tensorflow --gpu")


@pytest.mark.parametrize("names", [(None, None), ("pytorch",)])
def test_what_goes_together_is_not(names):
    in_one_environment(plan(*names), request("pytorch", "tensorflow"))


@pytest.mark.parametrize("name", ["flash-attn", "deepspeed"])
def test_what_is_built_beside_an_installed_torch_is_refused(name):
    with pytest.raises(InputError, match="after create"):
        requirements(plan(None), None, [name])


EACH = {
    "venv": (".venv-pytorch --framework pytorch --gpu", ".venv-tensorflow --framework tensorflow --gpu"),
    "docker": ("image-pytorch --framework pytorch --gpu --target docker", "--target docker"),
    "devcontainer": (".devcontainer-pytorch --framework pytorch --gpu --target devcontainer", "--target devcontainer"),
    # TensorFlow is not offered as conda packages: the command that is shown must be one that works.
    "conda": (".conda-pytorch --framework pytorch --gpu --target conda", ".venv-tensorflow --framework tensorflow"),
}


@pytest.mark.parametrize("target", EACH)
def test_every_target_refuses_alike(box, target):
    if target == "venv" and sys.version_info >= (3, 14):
        pytest.skip("a venv has the Python of the tests, and there is no TensorFlow for it")
    machine = box.folder / "m.json"
    machine.write_text(MACHINE)
    flags = ["--framework", "pytorch", "--framework", "tensorflow", "--gpu", "--offline", "--machine", machine]
    done = box.create("env", *flags, "--target", target)
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert "make one environment each: envsetup create " + EACH[target][0] in last
    assert EACH[target][1] in last
    assert not (box.folder / "env").exists()
