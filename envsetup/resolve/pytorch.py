"""PyTorch's candidates: every release and build variant for the platform, judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from envsetup.compat import arch, torch
from envsetup.compat import gpus as gpu_names
from envsetup.compat.tables import at_least, key
from envsetup.resolve import checks, extensions
from envsetup.resolve.candidate import Candidate, Check

if TYPE_CHECKING:
    from envsetup.compat.torch import Release, VariantRow
    from envsetup.resolve.asked import Asked
    from envsetup.resolve.candidate import Case, Target
    from envsetup.resolve.facts import Device, Facts


def candidates(case: Case) -> list[Candidate]:
    """Every build of the target's kind for this platform, with the verdict of every constraint."""
    here = [row for row in torch.releases() if _pythons(row, case.facts)]
    if case.facts.os == "macos":
        return [_mac(case, release) for release in here]
    pairs = [(release, row) for release in here for row in release.variants]
    return [
        _built(case, release, row, built)
        for release, row in pairs
        if _of_kind(case, release, row.name) and (built := row.archs(case.facts.os, case.facts.arch)) is not None
    ]


def _of_kind(case: Case, release: Release, name: str) -> bool:
    kind = case.target.kind
    if kind == "cpu":
        # The package index has CUDA builds only on Linux; they run without a GPU, at the price of their size.
        return name in {"cpu", release.pypi.get(case.facts.platform)}
    return name.startswith({"cuda": "cu", "rocm": "rocm", "xpu": "xpu"}[kind])


def _built(case: Case, release: Release, row: VariantRow, built: str) -> Candidate:
    asked, framework, facts, target = case.asked, case.framework, case.facts, case.target
    what = f"{release.version}+{row.name}"
    default = row.name == release.pypi.get(facts.platform)
    wheel = torch.cite(release.source)
    verdicts: list[Check | None] = [checks.request(framework, release.version, row.name, wheel)]
    native, ptx, certain, compiled_source = True, False, row.certain, row.arch_source
    pythons = _pythons(release, facts)
    if target.kind == "cuda":
        verdict, native = checks.driver(facts, torch.cuda_of(row.name) or "", what)
        compiled = torch.arch_list(release.version, row.name, facts.os, facts.arch)
        certain = certain and (compiled is None or compiled.certain)
        judged, covered = checks.gpu_arch(
            target.devices, built.split(), what, compiled.table if compiled else wheel, native=native
        )
        ptx = any(coverage.by == "ptx" for coverage in covered)
        verdicts += [judged, _cudnn(release, what, target.devices), verdict]
    elif target.kind == "rocm":
        judged, known = _gfx(row.name, what, target)
        certain = certain and known
        verdicts.append(judged)
    floor = torch.libc_floor(release.version, row.name, facts.arch)
    libc = checks.libc(facts, floor, what, torch.cite(row.floor_source) or wheel)
    unsure = torch.table().unsure(row.floor_source, certain=row.floor_certain)
    verdicts.append(msgspec.structs.replace(libc, text=libc.text + unsure) if libc else None)
    verdicts.append(checks.python(facts.python, pythons, what, wheel))
    counted, held = checks.split_holds(asked.extras, "torch", release.version)
    verdicts += counted
    if target.kind == "cuda":
        counted, soft = extensions.verdicts(asked.extras, release.version, row.name)
        verdicts, held = [*verdicts, *counted], held or soft
    verdicts.append(_source(asked, row, default=default, what=what, release=release, facts=facts))
    index = asked.source_name if asked.source == "place" and asked.source_name else "pypi" if default else "pytorch"
    if asked.source in {"official", "pypi"}:
        index = "pytorch" if asked.source == "official" else asked.source_name or "pypi"
    return Candidate(
        framework=framework.name,
        package="torch",
        version=release.version,
        variant=row.name,
        device=target.kind,
        index=index,
        checks=[v for v in verdicts if v],
        # What the package index itself gives was read from the wheel.
        certain=certain or default,
        doubt=torch.cite(row.source if not row.certain else compiled_source),
        native=native,
        default=default,
        ptx=ptx,
        held=_for_gpus(what, wheel) if target.kind == "cpu" and row.name != "cpu" else held,
    )


def _mac(case: Case, release: Release) -> Candidate:
    framework, facts, target = case.framework, case.facts, case.target
    wheel = torch.cite(release.source)
    verdicts = [
        checks.request(framework, release.version, None, wheel),
        checks.python(facts.python, _pythons(release, facts), release.version, wheel),
    ]
    counted, held = checks.split_holds(case.asked.extras, "torch", release.version)
    verdicts += counted
    floor = torch.macos_floor(release.version, facts.arch, facts.python or "")
    if floor:
        ok = facts.os_version is None or at_least(facts.os_version, floor)
        verdicts.append(
            Check(
                constraint="os",
                ok=ok,
                text=f"{release.version} needs macOS {floor}",
                evidence=f"os.version: {facts.os_version or 'unknown'}",
                table=wheel,
                need=f"macOS {floor} or newer",
            )
        )
    return Candidate(
        framework=framework.name,
        package="torch",
        version=release.version,
        variant=None,
        device=target.kind,
        index="pypi",
        checks=verdicts,
        held=held,
    )


def _for_gpus(what: str, table: str) -> Check:
    return Check(
        constraint="device",
        ok=False,
        text=f"{what} is a CUDA build: it runs on the CPU, gigabytes larger than needed",
        evidence="a CPU environment",
        table=table,
    )


def _pythons(release: Release, facts: Facts) -> list[str]:
    names = {n for w in release.wheels if (w.os, w.arch) == (facts.os, facts.arch) for n in w.python.split()}
    return sorted(names, key=lambda name: (name.endswith("t"), key(name)))


def _cudnn(release: Release, what: str, devices: list[Device]) -> Check | None:
    shut = [(d, floor) for d in devices if d.cc and (floor := torch.cudnn_floor(release.version, d.cc))]
    if not shut:
        return None
    device, floor = shut[0]
    return Check(
        constraint="gpu-arch",
        ok=False,
        text=f"{what} brings cuDNN {release.cudnn}: {floor.text}"
        + torch.table().unsure(floor.source, certain=floor.certain),
        evidence=f"gpu {device.index}: {device.label}",
        table=torch.cite(floor.source),
        need="a newer GPU",
    )


def _gfx(channel: str, what: str, target: Target) -> tuple[Check, bool]:
    devices = [d for d in target.devices if d.gfx]
    rows = [(d, gpu_names.amd_by_gfx(d.gfx or "")) for d in devices]
    # Nobody has read which targets a channel newer than the table holds; it is judged by the newest that was read.
    newest = max(gpu_names.rocm_channels(), key=key)
    beyond = key(channel) > key(newest)
    judged_by = newest if beyond else channel
    bad = [(d, row) for d, row in rows if row is None or judged_by not in row.wheels]
    evidence = ", ".join(f"gpu {d.index}: {d.label}" for d in target.devices) or "gpus: none"
    need = "an AMD GPU that ROCm builds serve"
    if bad and bad[0][1] and bad[0][1].override:
        need = f"HSA_OVERRIDE_GFX_VERSION={bad[0][1].override} makes some builds run; AMD does not support it; {need}"
    targets = ", ".join(d.gfx or "" for d, _ in bad or rows) or "this GPU"
    verdict = Check(
        constraint="gpu-arch",
        ok=not bad,
        text=f"{what} has {'no code' if bad else 'code'} for {targets}",
        evidence=evidence,
        table=gpu_names.cite(rows[0][1]) if rows and rows[0][1] else torch.cite("rocm-md"),
        need=need,
    )
    return verdict, not beyond


def _source(asked: Asked, row: VariantRow, *, default: bool, what: str, release: Release, facts: Facts) -> Check | None:
    if asked.source != "pypi":
        return None
    given = release.pypi.get(facts.platform)
    return Check(
        constraint="source",
        ok=default,
        text=f"{what} comes from the package index"
        if default
        else f"{release.version} comes from the package index only as {given}",
        evidence=f"--source {asked.source_name}",
        table=torch.cite(release.source),
        need=f"the PyTorch index or a mirror of it, for {row.name}",
    )


def last_release_for(devices: list[Device], facts: Facts) -> str | None:
    """The newest release with a build for all of these GPUs, whatever driver and Python it needs; None without one."""
    for release in torch.releases():
        for row in release.variants:
            built = row.archs(facts.os, facts.arch) if row.name.startswith("cu") else None
            served = built and all(arch.covers(built.split(), d.cc) for d in devices if d.cc)
            if served and not _cudnn(release, "", devices):
                return release.version
    return None


def disputed_on_windows(facts: Facts, target: Target, pick: Candidate) -> str | None:
    """What to say when the code that would serve a GPU is in dispute for Windows builds."""
    row = torch.table().windows_arch
    built = torch.arch_list(pick.version, pick.variant or "", facts.os, facts.arch)
    if facts.os != "windows" or built is None:
        return None
    low = key(arch.capability(row.certain_from))
    old = [d for d in target.devices if d.cc and key(d.cc) < low]
    return (
        f"whether the Windows builds have code for {old[0].label} is disputed: {torch.cite(row.source)}"
        if old
        else None
    )
