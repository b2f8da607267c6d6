"""What a plan says: reasons, rejections, alternatives, warnings, and the nearest change when nothing fits."""

from __future__ import annotations

import pytest
from planning import label, machine, plan

from envsetup.model.drivers import Driver, NvidiaStack
from envsetup.model.errors import InputError
from envsetup.model.hardware import Cpu, Gpu, PciDevice
from envsetup.model.machine import Container, Libc, Machine, OperatingSystem
from envsetup.model.plan import Request
from envsetup.model.software import Python
from envsetup.resolve import resolve


def nvidia(gpus, **facts):
    rest = {"driver": Driver(nvidia="580.95.05"), "python": Python(version="3.12.4"), **facts}
    return Machine(
        os=OperatingSystem(system="linux"), arch="x86_64", libc=Libc(name="glibc", version="2.39"), gpus=gpus, **rest
    )


def test_a_plan_names_facts_and_rows():
    result = plan(machine("GTX 1080 Ti", driver="550.54.14"))
    by = {reason.constraint: reason for reason in result.reasons}
    assert {"gpu-arch", "driver", "python", "libc", "device", "framework"} <= set(by)
    assert "GTX 1080 Ti (6.1)" in by["gpu-arch"].evidence
    assert "550.54.14" in by["driver"].evidence
    assert "525.60.13" in by["driver"].text
    assert "glibc 2.39" in by["libc"].evidence
    assert all("2026" in reason.table for reason in result.reasons)
    assert result.gpu_targets == ["6.1"]


def test_what_was_rejected_is_newer_or_a_sibling_and_says_why():
    result = plan(machine("GTX 1080 Ti", driver="580.95.05"))
    rejected = {row.candidate: row for row in result.rejected}
    assert rejected["2.15.0+cu132"].constraint == "gpu-arch"
    assert rejected["2.14.1+cu130"].constraint == "gpu-arch"
    assert "GTX 1080 Ti (6.1)" in rejected["2.15.0+cu132"].text
    assert "2.14.0+cu130" not in rejected


def test_the_way_to_a_newer_release_is_an_alternative_with_its_cost():
    result = plan(machine("RTX 4090", driver="550.54.14"))
    assert label(result) == "2.14.1+cu126"
    newer = [a for a in result.alternatives if a.packages and a.packages[0].version == "2.15.0"]
    assert newer
    assert "580" in newer[0].text
    assert "driver" in newer[0].cost


def test_an_unconfirmed_newer_build_is_named_beside_the_confirmed_pick():
    result = plan(machine("RTX 5090", driver="570.124.06"))
    assert label(result) == "2.11.0+cu128"
    assert any("2.13.0+cu129" in a.text and "not confirmed" in a.text for a in result.alternatives)


WARNINGS = [
    (nvidia([Gpu(vendor="nvidia", name="NVIDIA A100-SXM4-40GB", mig_mode="enabled", mig_instances=2)]), "MIG"),
    (nvidia([Gpu(vendor="nvidia", name="NVIDIA A100-SXM4-40GB MIG 1g.5gb")]), "MIG"),
    (nvidia([Gpu(vendor="nvidia", name="GRID A100-40C")]), "vGPU"),
    (nvidia([Gpu(vendor="nvidia", name="NVIDIA L40S", virtualization="vgpu")]), "vGPU"),
    (machine("RTX 3090", "RTX 4090", driver="580.95.05"), "mixed GPUs"),
    (machine("RTX 3090", driver="580.95.05", env={"CUDA_VISIBLE_DEVICES": ""}), "CUDA_VISIBLE_DEVICES is empty"),
    (machine("RTX 3090", driver="580.95.05", env={"CUDA_VISIBLE_DEVICES": "-1"}), "CUDA_VISIBLE_DEVICES is -1"),
    (machine("RTX 3090", driver="580.95.05", env={"CUDA_VISIBLE_DEVICES": "GPU-8f1e"}), "names GPUs by id"),
    (machine("RTX 3090", driver="580.95.05", env={"CUDA_VISIBLE_DEVICES": "7"}), "names no GPU"),
    (machine("GTX 1080 Ti", driver="580.95.05"), "2.14.1 is the last PyTorch release"),
    (machine("RTX 3090", driver="550.54.14"), "minor-version compatibility"),
    (machine("RTX 3090", driver="552.12", wsl=True), "WSL"),
    (machine("RTX 3090"), "driver's version is unknown"),
    (machine("RTX 3090", driver="580.95.05", glibc=None), "glibc's version is unknown"),
    (machine(("NVIDIA Foo 9000", None), driver="595.58.03"), "compute capability of NVIDIA Foo 9000 is unknown"),
    (machine(("NVIDIA Foo 9000", "13.0"), driver="650.10"), "PTX"),
    (machine("RTX 4090", driver="470.256.02"), "older than the first branch"),
    (machine("NVIDIA Thor", driver="580.95.05", arch="aarch64"), "Thor"),
    (machine("GTX 980", driver="576.57", os="windows"), "disputed"),
    (machine("Intel Arc B580"), "unconfirmed"),
]


@pytest.mark.parametrize(("here", "said"), WARNINGS, ids=[said for _, said in WARNINGS])
def test_what_a_user_should_know_is_said(here, said):
    result = plan(here)
    assert result.status == "ok", result.impossible
    assert any(said in warning for warning in result.warnings), result.warnings


def test_an_ordinary_machine_gets_no_warning():
    assert plan(machine("RTX 4090", driver="595.58.03")).warnings == []


IMPOSSIBLE = [
    (machine("RTX 4090", driver=None), "driver", "install the NVIDIA driver"),
    (machine("GTX 1080 Ti", driver=None), "driver", "580 (the last for Pascal)"),
    (machine("GTX 1080 Ti", driver="595.58.03"), "driver", "branch 580"),
    (machine("RTX 5090", driver="550.54.14"), "driver", "at least 570"),
    (machine("Tesla T4", driver="440.33.01"), "driver", "update the NVIDIA driver"),
    (machine(container="docker"), "device", "--gpus all"),
    (machine(), "device", "--cpu"),
    (machine(driver="580.95.05", container="podman"), "device", "--gpus all"),
    (machine(driver="580.95.05"), "driver", "envsetup doctor"),
    (machine("GTX 1080 Ti", "RTX 5090", driver="580.95.05"), "gpu-arch", "CUDA_VISIBLE_DEVICES=1"),
    (machine("RTX 4090", driver="580.95.05", musl=True), "libc", "glibc"),
    (machine("Orin (nvgpu)", driver="540.4.0", arch="aarch64"), "arch", "JetPack"),
    (nvidia([Gpu(vendor="nvidia", name="A100", mig_mode="enabled", mig_instances=0)]), "device", "nvidia-smi mig"),
    (nvidia([Gpu(vendor="nvidia", name="A100", compute_mode="prohibited")]), "device", "DEFAULT"),
    (nvidia([Gpu(vendor="nvidia", name="A100", error="GPU is lost")]), "device", "reboot"),
    (
        nvidia(
            [Gpu(vendor="nvidia", name="A100")], nvidia=NvidiaStack(module_version="570.1", library_version="580.2")
        ),
        "driver",
        "reboot",
    ),
    (
        nvidia(
            [], driver=Driver(nvidia=None), pci=[PciDevice(address="1", vendor_id="10de", device_id="2", class_id="3")]
        ),
        "driver",
        "install the NVIDIA driver",
    ),
    (machine("AMD Radeon RX 6700 XT"), "gpu-arch", "HSA_OVERRIDE_GFX_VERSION=10.3.0"),
    (machine(os="macos"), "arch", "Apple silicon"),
]


@pytest.mark.parametrize(("here", "constraint", "nearest"), IMPOSSIBLE, ids=[f"{c}: {n}" for _, c, n in IMPOSSIBLE])
def test_impossible_names_the_constraint_and_the_nearest_change(here, constraint, nearest):
    result = plan(here)
    assert result.status == "impossible"
    assert result.impossible.constraint == constraint
    assert nearest in result.impossible.nearest
    assert result.impossible.text


def test_versions_asked_for_that_cannot_run_here_name_one_that_can():
    result = plan(machine("GTX 1080 Ti", driver="580.95.05"), "pytorch>=2.15")
    assert "GTX 1080 Ti" in result.impossible.text
    assert "2.14.1+cu126" in result.impossible.nearest


def test_gpu_asked_for_never_becomes_cpu():
    result = plan(machine())
    assert result.status == "impossible"
    assert result.device != "cpu"


def test_auto_with_an_unusable_gpu_takes_the_cpu_build_and_says_so_first():
    result = plan(machine("GTX 1080 Ti", driver="595.58.03"), device="auto")
    assert (label(result), result.device) == ("2.15.0+cpu", "cpu")
    assert "GTX 1080 Ti" in result.warnings[0]
    assert "580" in result.warnings[0]


def test_cpu_asked_for_beside_a_gpu():
    result = plan(machine("RTX 4090", driver="595.58.03"), device="cpu")
    assert label(result) == "2.15.0+cpu"
    assert any("asked for" in reason.text for reason in result.reasons)


def test_a_card_comes_before_an_integrated_gpu():
    both = [
        Gpu(vendor="intel", name="Intel(R) UHD Graphics 770"),
        Gpu(vendor="nvidia", name="NVIDIA GeForce RTX 4090", compute_capability="8.9"),
    ]
    assert plan(nvidia(both)).device == "cuda"
    amd = [Gpu(vendor="amd", name="AMD Radeon 780M"), Gpu(vendor="amd", name="AMD Radeon RX 7900 XTX")]
    result = plan(nvidia(amd, driver=Driver(nvidia=None)))
    assert result.device == "rocm"
    assert any("integrated" in warning for warning in result.warnings)


def test_a_dead_card_does_not_hide_one_that_works():
    both = [Gpu(vendor="nvidia", name="GTX 1080 Ti"), Gpu(vendor="amd", name="AMD Radeon RX 7900 XTX")]
    assert plan(nvidia(both, driver=Driver(nvidia="595.58.03"))).device == "rocm"


def test_visible_devices_narrow_what_must_work():
    here = machine("GTX 1080 Ti", "RTX 5090", driver="580.95.05", env={"CUDA_VISIBLE_DEVICES": "1"})
    result = plan(here)
    assert label(result) == "2.15.0+cu130"
    assert result.gpu_targets == ["12.0"]
    assert any("CUDA_DEVICE_ORDER" in warning for warning in result.warnings)


def test_what_the_driver_reports_outranks_the_table_of_names():
    result = plan(machine(("NVIDIA GeForce RTX 4090", "6.1"), driver="580.95.05"))
    assert label(result) == "2.14.1+cu126"


def test_a_gpu_unknown_to_the_data_falls_back_to_the_reported_capability():
    assert label(plan(machine(("NVIDIA Whatever 1", "8.6"), driver="580.95.05"))) == "2.15.0+cu130"


def test_no_code_is_promised_for_a_gpu_that_nobody_knows():
    result = plan(machine(("NVIDIA Foo 9000", None), driver="595.58.03"))
    said = next(reason.text for reason in result.reasons if reason.constraint == "gpu-arch")
    assert "what NVIDIA Foo 9000 needs is not known" in said
    assert "this GPU" not in said
    both = plan(machine("RTX 4090", ("NVIDIA Foo 9000", None), driver="595.58.03"))
    said = next(reason.text for reason in both.reasons if reason.constraint == "gpu-arch")
    assert "has code for this GPU (sm_86); what NVIDIA Foo 9000 needs is not known" in said
    known = plan(machine("T4", "RTX 4090", driver="595.58.03"))
    assert any("these GPUs (sm_75, sm_86)" in reason.text for reason in known.reasons)


def test_without_any_python_one_is_proposed():
    result = plan(machine("RTX 4090", driver="580.95.05", python=None))
    assert result.python == "3.13"
    assert label(result) == "2.15.0+cu130"


def test_another_interpreter_of_the_machine_is_taken_when_the_first_cannot():
    here = machine(
        "RTX 5090", driver="580.95.05", python="3.8", pythons=[Python(version="3.12.1"), Python(version="3.9.2")]
    )
    result = plan(here)
    assert (result.python, label(result)) == ("3.12", "2.15.0+cu130")


def test_an_asked_for_python_is_kept():
    result = plan(machine("RTX 4090", driver="580.95.05"), python="3.10.12")
    assert (result.python, label(result)) == ("3.10", "2.14.1+cu130")


def test_two_cuda_stacks_are_two_environments():
    result = plan(machine("RTX 4090", driver="580.95.05"), "pytorch", "tensorflow")
    places = {package.name: package.environment for package in result.packages}
    assert places["torch"] == "pytorch"
    assert places["tensorflow"] == "tensorflow"
    assert any("their own CUDA libraries" in warning for warning in result.warnings)


def test_on_the_cpu_they_share_one():
    result = plan(machine(), "pytorch", "tensorflow", device="cpu")
    assert {package.environment for package in result.packages} == {None}


def test_one_impossible_framework_makes_the_whole_impossible():
    result = plan(machine("RTX 5090", driver="580.95.05"), "pytorch", "tensorflow")
    assert label(result) == "gpu-arch"
    assert "TensorFlow" in result.impossible.text


def test_old_cards_hold_cudnn_back():
    packages = {p.name: p.version for p in plan(machine("GTX 1080 Ti", driver="580.95.05"), "tensorflow").packages}
    assert packages["nvidia-cudnn-cu12"] == "9.10.2.21"
    packages = {p.name: p.version for p in plan(machine("GTX 1080 Ti", driver="580.95.05"), "jax").packages}
    assert packages["nvidia-cudnn-cu12"] == "9.10.2.21"
    names = {p.name for p in plan(machine("RTX 4090", driver="580.95.05"), "tensorflow").packages}
    assert names == {"tensorflow"}


def test_tensorflow_brings_its_cuda_by_an_extra_where_there_is_one():
    assert plan(machine("RTX 4090", driver="550.54.14"), "tensorflow").packages[0].extras == ["and-cuda"]
    assert plan(machine(), "tensorflow", device="cpu").packages[0].extras == []
    old = plan(machine("RTX 3090", driver="550.54.14", python="3.8"), "tensorflow")
    assert old.packages[0].extras == []
    assert any("[and-cuda]" in warning for warning in old.warnings)


def test_metal():
    apple = machine("Apple M3", os="macos", arch="arm64")
    result = plan(apple, "tensorflow")
    assert [(p.name, p.version) for p in result.packages] == [("tensorflow", "2.17.1"), ("tensorflow-metal", "1.2.0")]
    newer = machine("Apple M3", os="macos", arch="arm64", python="3.13")
    assert label(plan(newer, "tensorflow")) == "python"
    assert label(plan(newer, "tensorflow", device="auto")) == "2.21.0"


def test_an_old_macos_gets_an_older_release():
    here = machine("Apple M1", os="macos", arch="arm64")
    old = OperatingSystem(system="macos", version="13.6")
    assert label(plan(Machine(os=old, arch="arm64", gpus=here.gpus, python=here.python))) == "2.11.0"


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Request(frameworks=["caffe"]), "caffe"),
        (Request(frameworks=["pytorch==9.9"]), "no PyTorch 9.9"),
        (Request(frameworks=["pytorch", "torch"]), "twice"),
        (Request(frameworks=["pytorch=>2"]), "specifier"),
        (Request(frameworks=["==2.1"]), "unknown"),
        (Request(python="two"), "--python two"),
    ],
)
def test_bad_requests_are_one_line(request_, said):
    with pytest.raises(InputError) as caught:
        resolve(request_, machine())
    assert said in caught.value.message
    assert "\n" not in caught.value.message


def test_no_password_of_a_source_is_repeated():
    result = plan(machine("RTX 4090", driver="595.58.03"), source="https://user:secret@mirror.example/simple?token=x")
    assert "secret" not in repr(result)
    assert "token" not in repr(result)
    assert result.packages[0].index == "https://mirror.example/simple"


def test_a_described_machine_may_be_empty():
    result = resolve(Request(frameworks=["pytorch"]), Machine())
    assert label(result) == "2.15.0+cpu"
    assert any("assumed" in warning for warning in result.warnings)


def test_a_gpu_that_is_not_known_is_not_said_to_be_absent():
    taken = resolve(Request(frameworks=["pytorch"]), Machine())
    assert "GPU unknown: none assumed" in taken.warnings
    assert "no GPU" not in repr(taken.reasons)
    refused = resolve(Request(frameworks=["pytorch"], device="gpu"), Machine()).impossible
    assert refused.text == "it is not known which GPU this machine has"
    none = resolve(Request(frameworks=["pytorch"]), Machine(gpus=[]))
    assert "GPU unknown: none assumed" not in none.warnings


def test_another_build_of_the_same_release_is_not_called_newer():
    here = Machine(gpus=[])
    held = [a.text for a in resolve(Request(frameworks=["pytorch"]), here).alternatives if "nothing else" in a.text]
    assert held == ["2.15.0+cu132: the same release, taken only when nothing else fits"]


def test_a_container_without_a_gpu_is_told_how():
    here = Machine(
        os=OperatingSystem(system="linux"),
        container=Container(runtime="docker"),
        gpus=[],
        driver=Driver(nvidia="580.1"),
    )
    assert "container was not given" in plan(here).impossible.text


def test_forward_compatibility_counts_for_data_centre_cards_only():
    compat = NvidiaStack(cuda_ceiling="13.0")
    old = Driver(nvidia="535.183.01")
    result = plan(nvidia([Gpu(vendor="nvidia", name="NVIDIA A100 80GB PCIe")], driver=old, nvidia=compat))
    assert label(result) == "2.15.0+cu130"
    assert any("cuda-compat" in reason.text for reason in result.reasons)
    result = plan(nvidia([Gpu(vendor="nvidia", name="NVIDIA GeForce RTX 4090")], driver=old, nvidia=compat))
    assert label(result) == "2.14.1+cu126"


@pytest.mark.parametrize("framework", ["tensorflow", "jax"])
def test_a_processor_without_avx(framework):
    result = plan(machine(cpu=Cpu(flags=["sse4_2"])), framework, device="cpu")
    assert label(result) == "arch"
    assert "AVX" in result.impossible.nearest
    assert plan(machine(cpu=Cpu(flags=["avx", "avx2"])), framework, device="cpu").status == "ok"
    assert plan(machine(arch="aarch64", cpu=Cpu(flags=["asimd"])), framework, device="cpu").status == "ok"


def test_an_amd_target_that_no_channel_lists_is_not_served():
    unlisted = machine(os="linux")
    gpus = [Gpu(vendor="amd", name="AMD Radeon Graphics", gfx="gfx1152")]
    result = plan(Machine(os=unlisted.os, arch="x86_64", libc=unlisted.libc, python=unlisted.python, gpus=gpus))
    assert label(result) == "gpu-arch"
    assert "gfx1152" in result.impossible.text


def test_every_amd_card_must_be_served():
    both = [Gpu(vendor="amd", name="AMD Radeon RX 7900 XTX"), Gpu(vendor="amd", name="AMD Radeon RX 6700 XT")]
    assert label(plan(nvidia(both, driver=Driver(nvidia=None)))) == "gpu-arch"


@pytest.mark.parametrize("junk", ["N/A", "", "[Not Supported]", "unknown"])
def test_what_tools_write_for_unknown_is_unknown(junk):
    here = machine(("NVIDIA GeForce RTX 4090", junk or "N/A"), driver=junk, glibc=junk or "x", python=junk or "x")
    result = plan(here)
    assert label(result) == "2.15.0+cu132"
    assert any("driver's version is unknown" in warning for warning in result.warnings)
