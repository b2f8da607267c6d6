"""The C library, the processor and what the kernel says about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.compat import arch, tensorflow, torch
from envsetup.compat.tables import key
from envsetup.doctor.builds import archs, capability, processor, system, variant_of
from envsetup.doctor.check import Check, NotApplicable, Outcome, When, finding, fix, seen
from envsetup.doctor.checks.versions import build_evidence
from envsetup.doctor.when import LINUX, env_subject, framework, frameworks, gpus
from envsetup.model.maybe import UNKNOWN, Maybe, known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case
    from envsetup.model.finding import Confidence
    from envsetup.model.software import Framework

GLIBC = When(
    lambda case: UNKNOWN if case.libc.name is UNKNOWN else case.libc.name == "glibc", "the C library is not glibc"
)
X86 = When(
    lambda case: UNKNOWN if case.machine.arch is UNKNOWN else case.machine.arch in ("x86_64", "amd64"),
    "the processor is not x86_64",
)


def _floors(case: Case) -> list[tuple[str, str, str]]:
    """Name, oldest glibc and its source, of each installed framework build."""
    floors = []
    build = framework(case, "torch")
    version = known(build.version) if build else None
    if build and version:
        need = torch.libc_floor(version, variant_of(case, build), processor(case))
        row = torch.release(version)
        if need and row:
            floors.append((f"PyTorch {version}", need, torch.cite(row.source)))
    listed = case.packages.get("tensorflow")
    entry = tensorflow.release(listed) if listed else None
    if entry:
        floors.append((f"TensorFlow {listed}", entry.glibc, tensorflow.cite(entry.source)))
    return floors


def glibc(case: Case) -> Outcome:
    """What is installed decides; with nothing installed, whether any release still runs here."""
    have = known(case.libc.version) or ""
    by = known(case.environment.installer) or {}
    if by.get("torch") == "conda" or any(build.cuda_available is True for build in frameworks(case)):
        return None  # conda builds against an older glibc than the wheel; and what ran, runs
    for name, need, table in _floors(case):
        if key(have) < key(need):
            return finding(
                "glibc-too-old",
                seen("glibc", have, case.source("confstr")),
                seen(f"{name} needs at least", need, table),
                title=f"glibc {have} is too old for {name}",
            )
    newest = torch.releases()[0]
    current = torch.libc_floor(newest.version, arch=processor(case))
    if frameworks(case) or current is None or key(have) >= key(current):
        return None
    floors = [(row.version, torch.libc_floor(row.version, arch=processor(case))) for row in torch.releases()]
    last = next((version for version, floor in floors if floor and key(have) >= key(floor)), None)
    offer = fix(f"Install the last release that runs here: {last}", f"envsetup create --framework pytorch=={last}")
    return finding(
        "glibc-too-old",
        seen("glibc", have, case.source("confstr")),
        seen(f"PyTorch {newest.version} needs at least", current, torch.cite(newest.source)),
        severity="warning" if last else None,
        title=f"glibc {have} is too old for current PyTorch",
        remedies=[fix("Use a newer system, or a container with one"), *([offer] if last else [])],
    )


def musl(case: Case) -> Outcome:
    """A framework that is installed all the same came from the distribution, and works."""
    if case.libc.name != "musl":
        return None
    return finding(
        "musl-libc",
        seen("C library", f"musl {known(case.libc.version) or ''}".strip(), case.source("loader")),
        severity="info" if frameworks(case) or case.require == "none" else None,
    )


def avx(case: Case) -> Outcome:
    flags = {flag.lower() for flag in known(case.cpu.flags) or []}
    if "avx" in flags:
        return None
    return finding(
        "cpu-no-avx",
        seen("processor", known(case.cpu.model) or "unknown model", case.source("/proc/cpuinfo")),
        seen("instruction sets", " ".join(sorted(flags)) or "none of AVX, AVX2, AVX-512", case.source("/proc/cpuinfo")),
        confidence="certain" if case.kind != "text" else "likely",
    )


def wheels(case: Case) -> Outcome:
    """Judged by the newest release: a processor without wheels there has none."""
    arch, os = processor(case), system(case)
    newest = torch.releases()[0]
    if os == "macos" and arch == "x86_64" and not frameworks(case):
        return finding("intel-mac-dropped", seen("processor", arch, case.source("platform")), severity="warning")
    if frameworks(case) or torch.pythons(newest.version, os, {"amd64": "x86_64"}.get(arch, arch)):
        return None
    if os == "windows" or (os == "macos" and arch in ("arm64", "x86_64")):
        return NotApplicable("not judged on this system")
    return finding(
        "cpu-arch-no-wheel",
        seen("processor", arch, case.source("platform")),
        seen(f"PyTorch {newest.version}", "has no wheel for it", torch.cite(newest.source)),
    )


def threads(case: Case) -> Outcome:
    """A quota below the cores is normal in containers; one thread on a large machine is not."""
    value = case.variables.get("OMP_NUM_THREADS", "")
    cores = known(case.cpu.usable) or 0
    many = 8  # with fewer cores the loss is small
    if value != "1" or cores < many or "TORCHELASTIC_RUN_ID" in case.variables:
        return None
    return finding(
        "cpu-threads-restricted",
        seen("OMP_NUM_THREADS", value, case.source("environment")),
        seen("usable cores", f"{cores:g}", "affinity and cgroup"),
    )


def jetson(case: Case) -> Outcome:
    """The build of JetPack carries the CUDA of the board; the generic ARM wheel sees no Tegra GPU."""
    build = framework(case, "torch")
    if build is None or build.cuda_available is True:
        return None
    blind, servers = build.cuda_available is False, _made_for_servers(case, build)
    if not blind and servers is None:
        return None
    row = torch.table().jetson
    release = known(case.machine.tegra)
    proof = (
        seen("torch.cuda.is_available()", "False", case.source("torch"))
        if blind
        else seen("code in it", row.text, torch.cite(row.source))
    )
    return finding(
        "jetson-generic-wheel",
        *([seen("Jetson", release, case.source("/etc/nv_tegra_release"))] if release else []),
        build_evidence(case, build),
        proof,
        subject=env_subject(case),
        confidence=servers or "likely",
        remedies=[
            fix("Install the build for your JetPack from NVIDIA"),
            fix(f"Or the one from the index of the Jetson AI Lab, by JetPack and CUDA: {row.index}"),
        ],
    )


def _made_for_servers(case: Case, build: Framework) -> Confidence | None:
    """Wheels of PyTorch's own index carry their variant as a tag and no code for Orin, those for a JetPack no tag."""
    tegra = [cc for gpu in gpus(case, "nvidia") if (cc := capability(gpu)) in arch.TEGRA]
    if not tegra or not (known(build.variant) or "").startswith("cu"):
        return None
    code = archs(case, build)
    if code is None:
        return "likely"
    return None if all(arch.covers(code.entries, cc) for cc in tegra) else "certain"


def reboot(case: Case) -> Outcome:
    """Any update asks for one; of interest here are those of the kernel and of the driver."""
    packages = known(case.os.reboot_required) or []
    if not packages:
        return None
    shown = [name for name in packages if name.startswith(("linux-", "nvidia-", "libnvidia-"))] or packages
    return finding("reboot-required", seen("waiting for it", ", ".join(shown[:4]), "/run/reboot-required"))


def _jetson(case: Case) -> Maybe[bool]:
    if any(capability(gpu) in arch.TEGRA for gpu in gpus(case, "nvidia")):
        return True
    return UNKNOWN if case.machine.tegra is UNKNOWN else case.machine.tegra is not None


TEGRA = When(_jetson, "no Jetson")
CHECKS = (
    Check("glibc-too-old", "os", glibc, LINUX & GLIBC, ("libc.version",)),
    Check("musl-libc", "os", musl, LINUX, ("libc.name",)),
    Check("cpu-no-avx", "os", avx, X86, ("cpu.flags",)),
    Check("cpu-arch-no-wheel", "os", wheels, needs=("arch", "os.system")),
    Check("cpu-threads-restricted", "os", threads, needs=("env", "cpu.usable")),
    Check("reboot-required", "os", reboot, LINUX, ("os.reboot_required",)),
    Check("jetson-generic-wheel", "pytorch", jetson, TEGRA, ("environment.frameworks",)),
)
