"""The constraints that all frameworks share, each a small function from facts and a row to a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.compat import arch, drivers, stacks
from envsetup.compat.tables import at_least, key
from envsetup.resolve.candidate import Check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envsetup.compat.tables import CpuNeed
    from envsetup.resolve.asked import Framework
    from envsetup.resolve.facts import Device, Facts


def request(framework: Framework, version: str, variant: str | None, table: str) -> Check:
    """The versions asked for."""
    ok = framework.accepts(version, variant)
    wanted = f"{framework.title} {framework.specifier or '(any version)'}"
    return Check(
        constraint="request",
        ok=ok,
        text=f"{version} is {'what was asked for' if ok else 'outside what was asked for'}",
        evidence=f"asked for: {wanted}",
        table=table,
        need=f"ask for {framework.title} {version}",
    )


def stack_holds(extras: list[str], framework: str, version: str) -> list[tuple[Check, bool]]:
    """What the extra packages asked for accept of a framework, and whether they need it."""
    found: list[tuple[Check, bool]] = []
    for name in extras:
        row = stacks.stack(name)
        for hold in stacks.holds([name], framework) if row else []:
            ok = within(hold.versions, version)
            check = Check(
                constraint="framework",
                ok=ok,
                text=f"{version} is {'within' if ok else 'outside'} what --with {name} is for: {hold.text}",
                evidence=f"asked for: --with {name}",
                table=f"{hold.source} ({row.date if row else ''})",
                need=f"leave out --with {name}",
            )
            found.append((check, hold.required))
    return found


def split_holds(extras: list[str], framework: str, version: str) -> tuple[list[Check], Check | None]:
    """The verdicts that count, and the one that only makes a build a second choice."""
    found = stack_holds(extras, framework, version)
    soft = next((check for check, required in found if not required and not check.ok), None)
    return [check for check, required in found if required or check.ok], soft


def within(versions: str, version: str) -> bool:
    """Whether a version is in a specifier set."""
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - 40 ms, only when a specifier is there

    return SpecifierSet(versions).contains(version)


def python(tag: str | None, have: Sequence[str], what: str, table: str) -> Check:
    """A wheel for the interpreter."""
    ok = tag is not None and tag in have
    free_threaded = tag is not None and tag.endswith("t")
    span = _span([version for version in have if version.endswith("t") == free_threaded] or have)
    return Check(
        constraint="python",
        ok=ok,
        text=f"{what} has a wheel for Python {tag}" if ok else f"{what} has wheels for Python {span} only",
        evidence=f"python: {tag or 'none'}",
        table=table,
        need=f"Python {span}",
    )


def libc(facts: Facts, floor: str | None, what: str, table: str) -> Check | None:
    """The wheel's glibc floor; None off Linux."""
    if facts.os != "linux":
        return None
    if facts.libc == "musl":
        return Check(
            constraint="libc",
            ok=False,
            text=f"{what} is built for glibc; no wheel is built for musl",
            evidence=f"libc: musl {facts.libc_version or ''}".strip(),
            table=table,
            need="a distribution with glibc (Debian, Ubuntu, Fedora, RHEL), for instance in a container",
        )
    have = facts.libc_version
    ok = floor is None or have is None or at_least(have, floor)
    return Check(
        constraint="libc",
        ok=ok,
        text=f"{what} needs glibc {floor}" + (f", this system has {have}" if have else ""),
        evidence=f"libc: glibc {have or 'of unknown version'}",
        table=table,
        need=f"glibc {floor} or newer, for instance in a container of a newer distribution",
    )


def driver(facts: Facts, cuda: str, what: str) -> tuple[Check, bool]:
    """The driver floor of a CUDA toolkit, and whether the driver is native to it."""
    floor = drivers.minimum_driver(cuda, facts.driver_os)
    if floor is None:
        return _no_floor(cuda, what), False
    have = facts.driver_version
    if facts.forward and have and not at_least(have, floor.minor_compat) and key(facts.forward) >= key(cuda):
        return _by_forward(facts, cuda, what), False
    native = floor.native is not None and (have is None or at_least(have, floor.native))
    ok = have is None or at_least(have, floor.minor_compat)
    if not ok:
        text = f"{what} (CUDA {cuda}) needs driver {floor.minor_compat} or newer, this one is {have}"
    elif have is None:
        text = f"{what} (CUDA {cuda}) needs driver {floor.minor_compat} or newer"
    elif native:
        text = f"driver {have} runs CUDA {cuda} natively (from {floor.native})"
    else:
        text = f"driver {have} runs CUDA {cuda} by minor-version compatibility (from {floor.minor_compat})"
    check = Check(
        constraint="driver",
        ok=ok,
        text=text,
        evidence=f"driver.nvidia: {have or 'unknown'}",
        table=floor.table,
        need=f"update the NVIDIA driver to at least {floor.minor_compat}",
    )
    return check, native


def _by_forward(facts: Facts, cuda: str, what: str) -> Check:
    rule = drivers.forward_compatible("datacenter")
    return Check(
        constraint="driver",
        ok=True,
        text=f"{what} (CUDA {cuda}) runs through the cuda-compat libraries (CUDA {facts.forward}) that are active here",
        evidence=f"driver.nvidia: {facts.driver_version}, nvidia.cuda_ceiling: {facts.forward}",
        table=drivers.cuda_table().cite(rule.source if rule else None),
    )


def cpu(facts: Facts, need: CpuNeed, what: str, table: str) -> Check | None:
    """The instruction sets of the processor; None where they are unknown or of no concern."""
    if facts.arch != "x86_64" or facts.os == "macos" or facts.cpu_flags is None:
        return None
    ok = need.flag in facts.cpu_flags
    return Check(
        constraint="arch",
        ok=ok,
        text=f"{what}: {need.text}" + ("" if ok else f", this processor has no {need.flag.upper()}"),
        evidence=f"cpu.flags: {' '.join(facts.cpu_flags) or 'none of the listed ones'}",
        table=table,
        need=f"a processor with {need.flag.upper()}",
    )


def gpu_arch(
    devices: Sequence[Device], archs: Sequence[str], what: str, table: str, *, native: bool
) -> tuple[Check, list[arch.Coverage]]:
    """Compiled code for every GPU that must work; a GPU of unknown capability is not held against the build."""
    covered = {d: arch.covers(archs, d.cc, native_driver=native) for d in devices if d.cc}
    bad = [d for d, coverage in covered.items() if not coverage]
    evidence = ", ".join(f"gpu {d.index}: {d.label}" for d in devices)
    if bad:
        text = f"{what} has {_miss(covered[bad[0]])} for {', '.join(d.label for d in bad)}"
    else:
        text = f"{what} has {_hit(list(covered.values()), archs)}"
        if blind := [d.name for d in devices if not d.cc]:
            text += f"; what {', '.join(blind)} needs is not known"
    check = Check(
        constraint="gpu-arch",
        ok=not bad,
        text=text,
        evidence=evidence,
        table=table,
        need=f"a GPU that it has code for ({' '.join(archs)}), or a CPU environment (--cpu)",
    )
    return check, list(covered.values())


def _hit(covered: Sequence[arch.Coverage], archs: Sequence[str]) -> str:
    if not covered:
        return f"code for {', '.join(archs)}"
    entries = ", ".join(sorted({c.entry for c in covered if c.entry}))
    return f"code for {'this GPU' if len(covered) == 1 else 'these GPUs'} ({entries})"


def _miss(coverage: arch.Coverage) -> str:
    return coverage.text.split(" for compute")[0] if coverage.text.startswith("no code") else coverage.text


def _no_floor(cuda: str, what: str) -> Check:
    return Check(
        constraint="driver",
        ok=False,
        text=f"no driver floor is known for {what} (CUDA {cuda})",
        evidence=f"cuda: {cuda}",
        table="cuda.json has no row for it",
    )


def _span(versions: Sequence[str]) -> str:
    return versions[0] if len(versions) == 1 else f"{versions[0]} to {versions[-1]}"
