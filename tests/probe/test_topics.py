"""Single topics on small machines: the ladders' rungs, one by one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envsetup.model.maybe import UNKNOWN
from envsetup.probe.amd import probe_amd
from envsetup.probe.container import probe_container
from envsetup.probe.cpu import probe_cpu
from envsetup.probe.cuda import probe_cuda
from envsetup.probe.disk import probe_disks
from envsetup.probe.interpreters import probe_interpreters
from envsetup.probe.kernel import probe_kernel
from envsetup.probe.kernelspecs import kernelspecs
from envsetup.probe.limits import probe_limits
from envsetup.probe.look import Look
from envsetup.probe.memory import probe_memory
from envsetup.probe.nvidia import probe_nvidia
from envsetup.probe.rdma import probe_rdma
from envsetup.probe.system import probe_system
from envsetup.world.recorded import RecordedWorld

BASE = Path(__file__).parent.parent / "machines" / "bases" / "linux.json"


@pytest.fixture
def on(tmp_path):
    """A topic's answer on the plain Linux machine with these differences, and the reasons that it gave."""

    def ask(topic, **content):
        (tmp_path / "machine.json").write_text(json.dumps({"bases": [str(BASE)], **content}))
        look = Look(RecordedWorld(tmp_path))
        return topic(look), look.reasons

    return ask


NESTED = {
    "/proc/self/cgroup": "0::/kubepods/pod1/c1\n",
    "/sys/fs/cgroup/kubepods/pod1/c1/cpu.max": "max 100000\n",
    "/sys/fs/cgroup/kubepods/pod1/cpu.max": "250000 100000\n",
    "/sys/fs/cgroup/kubepods/cpu.max": "800000 100000\n",
    "/sys/fs/cgroup/kubepods/pod1/c1/memory.max": "max\n",
    "/sys/fs/cgroup/kubepods/memory.max": "8589934592\n",
    "/sys/fs/cgroup/kubepods/pod1/pids.max": "100\n",
}
FIRST_VERSION = {
    "/proc/self/cgroup": "5:memory:/docker/c1\n4:cpu,cpuacct:/docker/c1\n3:pids:/docker/c1\n",
    "/sys/fs/cgroup/cpu/docker/c1/cpu.cfs_quota_us": "250000\n",
    "/sys/fs/cgroup/cpu/docker/c1/cpu.cfs_period_us": "100000\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    "/sys/fs/cgroup/memory/docker/c1/memory.limit_in_bytes": "8589934592\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    "/sys/fs/cgroup/pids/docker/c1/pids.max": "100\n",
}


@pytest.mark.parametrize("files", [NESTED, FIRST_VERSION], ids=["v2", "v1"])
def test_the_tightest_group_counts(on, files):
    assert on(probe_cpu, files=files)[0].cpu.usable == 2.5
    assert on(probe_memory, files=files)[0].memory.cgroup_limit_mib == 8192
    assert on(probe_limits, files=files)[0].limits.pids_max == 100


def test_without_a_group_there_is_no_limit(on):
    cpu = on(probe_cpu)[0].cpu
    assert (cpu.cgroup_quota, cpu.usable, cpu.physical) == (None, 16.0, 8)
    assert on(probe_memory)[0].memory.cgroup_limit_mib is None


def test_affinity_below_the_cores(on):
    assert on(probe_cpu, system={"affinity": 3})[0].cpu.usable == 3.0


def test_an_arm_processor_has_no_model_and_says_why(on):
    text = "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd sve bf16\nCPU implementer\t: 0x41\n\n"
    machine, reasons = on(probe_cpu, files={"/proc/cpuinfo": text})
    assert machine.cpu.flags == ["asimd", "bf16", "sve"]
    assert machine.cpu.model is UNKNOWN
    assert "cpu.model" in reasons


@pytest.mark.parametrize(
    ("content", "runtime"),
    [
        ({}, None),
        ({"files": {"/.dockerenv": ""}}, "docker"),
        ({"files": {"/.dockerenv": ""}, "env": {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}}, "kubernetes"),
        ({"files": {"/run/.containerenv": "engine=podman\n"}}, "podman"),
        ({"env": {"APPTAINER_CONTAINER": "/x.sif"}}, "apptainer"),
        ({"files": {"/run/systemd/container": "lxc\n"}}, "lxc"),
        ({"files": {"/run/systemd/container": "wsl\n"}}, None),
        ({"files": {"/proc/1/cgroup": "0::/system.slice/docker-0123.scope\n"}}, "docker"),
        ({"files": {"/proc/1/cgroup": "0::/init.scope\n"}}, None),
        ({"env": {"container": "oci"}}, "oci"),
    ],
)
def test_marks_of_containers(on, content, runtime):
    assert on(probe_container, **content)[0].container.runtime == runtime


@pytest.mark.parametrize(
    ("version", "gfx"),
    [
        (90402, "gfx942"),
        (90010, "gfx90a"),
        (90500, "gfx950"),
        (110000, "gfx1100"),
        (120001, "gfx1201"),
        (100306, "gfx1036"),
    ],
)
def test_gfx_targets(on, version, gfx):
    properties = f"simd_count 304\ngfx_target_version {version}\nlocation_id 768\ndomain 1\n"
    machine, _ = on(probe_amd, files={"/sys/class/kfd/kfd/topology/nodes/1/properties": properties})
    assert (machine.gpus[0].gfx, machine.gpus[0].pci_address) == (gfx, "0001:03:00.0")


def test_rocm_by_its_folder(on):
    folders = {"/opt": ["rocm-6.2.4", "rocm-6.10.0", "rocm"]}
    assert on(probe_amd, folders=folders)[0].driver.rocm == "6.10.0"


LOG = """\
[1.0] nvidia: loading out-of-tree module taints kernel.
[1.1] NVRM: loading NVIDIA UNIX x86_64 Kernel Module  550.54.14
[2.0] NVRM: Xid (PCI:0000:41:00): 31, pid=77, name=python, Ch 00000008, intr 00000000. MMU Fault
[3.0] amdgpu 0000:03:00.0: amdgpu: GPU reset begin!
[4.0] usb 1-1: new device
[5.0] Out of memory: Killed process 99 (python)
"""


def test_events_of_the_kernel_log(on):
    machine, _ = on(probe_kernel, system={"kernel_log": LOG})
    assert [(event.kind, event.code) for event in machine.kernel_events] == [
        ("xid", 31),
        ("amdgpu", UNKNOWN),
        ("oom", UNKNOWN),
    ]


def test_a_flood_of_one_kind_does_not_hide_the_others(on):
    flood = LOG + "NVRM: Xid (PCI:0000:41:00): 13, pid=1\n" * 5000
    events = on(probe_kernel, system={"kernel_log": flood})[0].kernel_events
    assert len(events) == 52
    assert {event.kind for event in events} == {"xid", "amdgpu", "oom"}


DENIED = {"kernel_log": {"error": "Operation not permitted"}}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            {"returncode": 1, "stderr": "dmesg: read kernel buffer failed: Operation not permitted\n"},
            "Operation not permitted",
        ),
        ({"timed_out": True}, "no answer in time"),
    ],
)
def test_a_log_that_cannot_be_read_is_unknown_with_a_reason(on, answer, reason):
    machine, reasons = on(probe_kernel, system=DENIED, commands={"dmesg": answer})
    assert machine.kernel_events is UNKNOWN
    assert reason in reasons["kernel_events"]
    assert "sudo dmesg" in reasons["kernel_events"]


def test_dmesg_is_the_rung_below_the_device(on):
    machine, _ = on(probe_kernel, system=DENIED, commands={"dmesg": {"stdout": LOG}})
    assert machine.kernel_events[0].code == 31


def test_the_loaders_order(on):
    content = {
        "env": {"LD_LIBRARY_PATH": "/first::relative:/second"},
        "files": {
            "/first/libcudart.so.12": "",
            "/second/libcudart.so.12": "",
            "/second/libcudnn.so.9": "",
            "/second/libunrelated.so.1": "",
            "/usr/lib64/libnccl.so.2": "",
            "/etc/ld.so.cache": {
                "loader_cache": {"libcudnn.so.9": "/cached/libcudnn.so.9", "libcuda.so.1": "/c/libcuda.so.1"}
            },
        },
    }
    cuda = on(probe_cuda, **content)[0].cuda
    assert {(item.soname, item.path, item.via) for item in cuda.libraries} >= {
        ("libcudart.so.12", "/first/libcudart.so.12", "LD_LIBRARY_PATH"),
        ("libcudnn.so.9", "/second/libcudnn.so.9", "LD_LIBRARY_PATH"),
        ("libcuda.so.1", "/c/libcuda.so.1", "cache"),
        ("libnccl.so.2", "/usr/lib64/libnccl.so.2", "default"),
    }
    assert [item.path for item in cuda.ld_library_path_libraries] == [
        "/first/libcudart.so.12",
        "/second/libcudart.so.12",
        "/second/libcudnn.so.9",
    ]


def test_toolkits_each_once_with_their_versions(on):
    content = {
        "files": {
            "/usr/local/cuda-12.4/version.json": '{"cuda" : {"name" : "CUDA SDK", "version" : "12.4.1"}}',
            "/usr/local/cuda-12.4/bin/nvcc": "",
            "/usr/local/cuda-10.2/version.txt": "CUDA Version 10.2.89\n",
            "/usr/local/cuda-11.8/README": "",
            "/usr/local/cudasomething/x": "",
        },
        "links": {"/usr/local/cuda": "/usr/local/cuda-12.4"},
        "env": {"CUDA_HOME": "/usr/local/cuda"},
        "which": {"nvcc": "/usr/local/cuda/bin/nvcc"},
    }
    cuda = on(probe_cuda, **content)[0].cuda
    assert {(item.path, item.version, item.nvcc) for item in cuda.toolkits} == {
        ("/usr/local/cuda-12.4", "12.4.1", True),
        ("/usr/local/cuda-10.2", "10.2.89", False),
        ("/usr/local/cuda-11.8", "11.8", False),
    }
    assert cuda.nvcc_version == "12.4.1"


@pytest.mark.parametrize(
    ("answer", "version", "reason"),
    [
        ({"stdout": "Cuda compilation tools, release 13.0, V13.0.88\n"}, "13.0.88", None),
        ({"returncode": 127}, UNKNOWN, "does not tell its version"),
        ({"timed_out": True}, UNKNOWN, "gave no answer in time"),
    ],
)
def test_an_nvcc_away_from_its_toolkit_is_asked(on, answer, version, reason):
    content = {"which": {"nvcc": "/usr/local/bin/nvcc"}, "commands": {"nvcc --version": answer}}
    machine, reasons = on(probe_cuda, **content)
    assert machine.cuda.nvcc_version == version
    assert reason is None or reason in reasons["cuda.nvcc_version"]


def test_a_driver_installed_twice(on):
    folder = "/usr/lib/x86_64-linux-gnu"
    content = {
        "files": {
            f"{folder}/libcuda.so.550.54.14": "",
            f"{folder}/libcuda.so.535.183.01": "",
            "/etc/ld.so.cache": {"loader_cache": {"libcuda.so.1": f"{folder}/libcuda.so.1"}},
        },
        "links": {f"{folder}/libcuda.so.1": f"{folder}/libcuda.so.535.183.01"},
    }
    nvidia = on(probe_nvidia, **content)[0].nvidia
    assert nvidia.library_version == "535.183.01"
    assert nvidia.library_versions == ["550.54.14", "535.183.01"]


@pytest.mark.parametrize(
    ("banner", "version", "is_open"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22", "550.54.14", False),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build", "580.95.05", True),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.4.0  Release Build", "540.4.0", True),
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.82", "470.82", False),
    ],
)
def test_banners_of_the_kernel_module(on, banner, version, is_open):
    machine, _ = on(probe_nvidia, files={"/proc/driver/nvidia/version": f"{banner}\nGCC version: 12\n"})
    assert (machine.driver.nvidia, machine.nvidia.module_open) == (version, is_open)


@pytest.mark.parametrize(("mode", "able"), [(0o4755, True), (0o755, False)])
def test_whether_the_helper_may_load_the_module(on, mode, able):
    nodes = {"/usr/bin/nvidia-modprobe": {"kind": "file", "mode": mode, "uid": 0, "gid": 0}}
    assert on(probe_nvidia, nodes=nodes)[0].nvidia.modprobe_setuid is able


def test_a_module_for_another_kernel_is_not_for_this_one(on):
    files = {"/usr/lib/modules/6.8.0-45-generic/updates/dkms/nvidia.ko.zst": ""}
    assert on(probe_nvidia, files=files)[0].nvidia.module_on_disk is True
    assert on(probe_nvidia, files=files, system={"release": "6.8.0-99"})[0].nvidia.module_on_disk is UNKNOWN
    other = {"/usr/lib/modules/6.8.0-45-generic/modules.dep": ""}
    assert on(probe_nvidia, files=other)[0].nvidia.module_on_disk is False


def test_a_mount_point_with_a_space(on):
    content = {
        "system": {"cwd": "/mnt/my disk/p"},
        "files": {"/proc/mounts": "a / ext4 rw 0 0\nb /mnt/my\\040disk nfs4 rw 0 0\n", "/mnt/my disk/p/x": ""},
        "absent": ["/mnt/my disk/p/.venv"],
    }
    disks = on(probe_disks, **content)[0].disks
    assert (disks[0].role, disks[0].filesystem) == ("target", "nfs4")


PYENV = "/home/user/.pyenv"


def test_a_shim_is_followed_and_a_shim_without_version_is_none(on):
    content = {
        "which": {"python3": f"{PYENV}/shims/python3", "python3.9": f"{PYENV}/shims/python3.9"},
        "files": {
            f"{PYENV}/version": "3.12.4\n",
            f"{PYENV}/versions/3.12.4/bin/python3": "",
            f"{PYENV}/versions/3.12.4/lib/python3.12/os.py": "",
        },
    }
    [python] = on(probe_interpreters, **content)[0].pythons
    assert python.executable == f"{PYENV}/versions/3.12.4/bin/python3"
    assert python.version == "3.12"


def test_the_environment_of_the_tool_is_not_the_users(on):
    own = "/home/user/.cache/uv/archive-v0/abc/bin"
    content = {
        "which": {"python3": f"{own}/python3"},
        "env": {"PATH": f"{own}:/usr/bin"},
        "files": {"/usr/bin/python3": "", f"{own}/python3": ""},
        "links": {"/usr/bin/python3": "/usr/bin/python3.12"},
        "nodes": {"/usr/bin/python3.12": {"kind": "file", "mode": 493, "uid": 0, "gid": 0}},
    }
    [python] = on(probe_interpreters, **content)[0].pythons
    assert (python.executable, python.version) == ("/usr/bin/python3", "3.12")


def test_word_size_and_processor_of_an_interpreter(on):
    import base64

    head = b"\x7fELF\x01\x01\x01" + bytes(11) + b"\x03\x00" + bytes(40)
    content = {
        "which": {"python3": "/usr/bin/python3.12"},
        "files": {"/usr/bin/python3.12": {"base64": base64.b64encode(head).decode()}},
    }
    [python] = on(probe_interpreters, **content)[0].pythons
    assert (python.bits, python.arch) == (32, "i686")


@pytest.mark.parametrize(
    ("text", "distro"),
    [
        ('NAME="Arch Linux"\nID=arch\n', "arch"),
        ("ID=alpine\nVERSION_ID=3.20.3\n", "alpine 3.20.3"),
        ('ID_LIKE="rhel"\nID="rocky"\nVERSION_ID="9.4"\n', "rocky 9.4"),
    ],
)
def test_distributions(on, text, distro):
    assert on(probe_system, files={"/etc/os-release": text}, absent=["/lib/apk"])[0].os.distro == distro


def test_a_jetson(on):
    release = "# R36 (release), REVISION: 4.3, GCID: 1, BOARD: generic\n"
    machine, _ = on(
        probe_system,
        system={"machine": "aarch64"},
        files={"/etc/nv_tegra_release": release, "/etc/os-release": "ID=ubuntu\n"},
    )
    assert (machine.tegra, machine.arch) == ("36.4.3", "aarch64")


def test_huge_pages_are_counted_in_memory(on):
    text = "MemTotal: 65536000 kB\nHugePages_Total:    4096\nHugePages_Free: 0\nHugepagesize:       2048 kB\n"
    assert on(probe_memory, files={"/proc/meminfo": text})[0].memory.hugepages_mib == 8192


def test_ports_of_an_infiniband_card(on):
    folder = "/sys/class/infiniband/mlx5_0/ports"
    files = {
        f"{folder}/1/state": "4: ACTIVE\n",
        f"{folder}/1/rate": "400 Gb/sec (4X NDR)\n",
        f"{folder}/2/state": "1: DOWN\n",
    }
    ports = on(probe_rdma, files=files)[0].rdma
    assert [(port.port, port.state) for port in ports] == [(1, "active"), (2, "down")]
    assert ports[0].rate == "400 Gb/sec (4X NDR)"
    assert on(probe_rdma)[0].rdma == []


def test_what_waits_for_a_reboot(on):
    distro = {"/etc/os-release": "ID=ubuntu\n"}
    waiting = on(probe_system, files={**distro, "/run/reboot-required.pkgs": "linux-base\nlinux-base\nlibc6\n"})[0]
    assert waiting.os.reboot_required == ["linux-base", "libc6"]
    assert on(probe_system, files=distro)[0].os.reboot_required == []


def test_a_drive_that_dies_is_told_from_an_empty_one(on):
    log = (
        "[1.0] Buffer I/O error on dev sr0, logical block 0\n[2.0] blk_update_request: I/O error, dev fd0, sector 0\n"
        "[3.0] I/O error, dev sda, sector 81\n[4.0] PM: suspend exit\n"
    )
    events = on(probe_kernel, system={"kernel_log": log})[0].kernel_events
    assert [(event.kind, event.text.split("] ")[1][:4]) for event in events] == [("io", "I/O "), ("resume", "PM: ")]


def kernel_json(*argv):
    return json.dumps({"argv": list(argv), "language": "python"})


def test_kernels_of_notebooks(on):
    prefix = "/srv/env"
    files = {
        f"{prefix}/share/jupyter/kernels/python3/kernel.json": kernel_json("/gone/python", "-m", "ipykernel"),
        f"{prefix}/share/jupyter/kernels/named/kernel.json": kernel_json("python"),
        f"{prefix}/share/jupyter/kernels/broken/kernel.json": '{"argv": 3',
    }
    look_at = lambda look: kernelspecs(look, prefix)  # noqa: E731 - the topic is asked with a folder
    found = {spec.name: spec for spec in on(look_at, files=files, absent=["/gone"])[0]}
    assert found["python3"].exists is False
    assert (found["named"].program, found["named"].exists) == ("python", UNKNOWN)
    assert found["broken"].program is UNKNOWN
