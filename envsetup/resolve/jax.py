"""JAX's candidates: every release with each of its CUDA plug-ins, or alone for the CPU, judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.compat import jax
from envsetup.compat.arch import covers
from envsetup.compat.tables import at_least, key
from envsetup.resolve import checks
from envsetup.resolve.candidate import Candidate, Check

if TYPE_CHECKING:
    from envsetup.compat.jax import Plugin, Release
    from envsetup.model.plan import PlannedPackage
    from envsetup.resolve.candidate import Case, Target
    from envsetup.resolve.facts import Facts


def candidates(case: Case) -> list[Candidate]:
    """Every release and plug-in, with the verdict of every constraint; empty where JAX has no wheels."""
    if jax.platform(case.facts.os, case.facts.arch) is None:
        return []
    if case.target.kind == "cuda":
        pairs = [(row, jax.plugin(name)) for row in jax.releases() for name in row.plugins]
        return [_judged(case, row, plug) for row, plug in pairs if plug]
    return [_judged(case, row, None) for row in jax.releases()]


def _judged(case: Case, row: Release, plug: Plugin | None) -> Candidate:
    asked, framework, facts, target = case.asked, case.framework, case.facts, case.target
    meta = jax.cite(row.source)
    variant = plug.name if plug else "cpu" if target.kind == "cpu" else None
    what = f"{row.version}+{variant}" if variant else row.version
    verdicts: list[Check | None] = [checks.request(framework, row.version, None, meta)]
    platform = jax.platform(facts.os, facts.arch)
    if target.kind not in {"cpu", "cuda"}:
        verdicts.append(_no_device(row, target))
    if plug and platform and not platform.gpu:
        verdicts.append(_platform(row, facts, meta))
    if plug:
        verdicts += [_capability(plug, what, target), _driver(plug, what, facts)]
    need = jax.table().cpu
    verdicts.append(checks.cpu(facts, need, what, jax.cite(need.source)))
    verdicts.append(checks.libc(facts, row.glibc, what, meta))
    verdicts.append(checks.python(facts.python, jax.pythons(row, facts.os, facts.arch), what, meta))
    return Candidate(
        framework=framework.name,
        package="jax",
        version=row.version,
        variant=variant,
        device=target.kind,
        index=(asked.source_name or "pypi") if asked.source == "place" else "pypi",
        checks=[v for v in verdicts if v],
        certain=row.certain,
        doubt=jax.cite(row.doubt),
        extras=[plug.name] if plug else [],
    )


def _capability(plug: Plugin, what: str, target: Target) -> Check:
    archs = plug.archs.split()
    low = [d for d in target.devices if d.cc and (key(d.cc) < key(plug.min_cc) or not covers(archs, d.cc))]
    served = ", ".join(d.label if d.cc else f"{d.name}, whose own is not known" for d in target.devices) or "this GPU"
    return Check(
        constraint="gpu-arch",
        ok=not low,
        text=f"{what} needs compute capability {plug.min_cc}"
        + (f" and has code for {plug.archs}: not for {low[0].label}" if low else f": {served}"),
        evidence=", ".join(f"gpu {d.index}: {d.label}" for d in target.devices) or "gpus: unknown",
        table=f"{jax.cite(plug.source)}; {jax.cite(plug.archs_source)}",
        need=f"a GPU of compute capability {plug.min_cc} or newer",
    )


def _driver(plug: Plugin, what: str, facts: Facts) -> Check:
    have = facts.driver_version
    ok = have is None or at_least(have, plug.driver)
    return Check(
        constraint="driver",
        ok=ok,
        text=f"{what} needs driver {plug.driver} or newer" + (f", this one is {have}" if not ok else ""),
        evidence=f"driver.nvidia: {have or 'unknown'}",
        table=jax.cite(plug.source),
        need=f"update the NVIDIA driver to at least {plug.driver}",
    )


def _platform(row: Release, facts: Facts, meta: str) -> Check:
    return Check(
        constraint="os",
        ok=False,
        text=f"{row.version} has no GPU build for {facts.os}",
        evidence=f"os: {facts.os}, arch: {facts.arch}",
        table=meta,
        need="Linux, or WSL2 on Windows (experimental), or a CPU environment (--cpu)",
    )


def _no_device(row: Release, target: Target) -> Check:
    names = ", ".join(d.label for d in target.devices) or target.kind
    return Check(
        constraint="os" if target.kind == "mps" else "framework",
        ok=False,
        text=f"{row.version} has CUDA plug-ins only, none for {target.kind}",
        evidence=f"gpu: {names}",
        table=jax.cite("platforms"),
        need="PyTorch for this GPU, or a CPU environment (--cpu)",
    )


def additions(pick: Candidate, target: Target) -> tuple[list[PlannedPackage], list[str]]:
    """Packages that the pick needs beside it, and what to say about them."""
    from envsetup.model.plan import PlannedPackage  # noqa: PLC0415 - needed only for a plan that is made

    plug = jax.plugin(pick.variant or "")
    if plug is None:
        return [], []
    beside = [PlannedPackage(name="jaxlib", version=pick.version, index=pick.index)]
    beside += [
        PlannedPackage(name=f"jax-{plug.name}-{part}", version=pick.version, index=pick.index)
        for part in ("plugin", "pjrt")
    ]
    below, last, package = plug.cudnn_below_cc, plug.cudnn_last, plug.cudnn
    old = [d for d in target.devices if d.cc and below and key(d.cc) < key(below)]
    if not (old and last and package):
        return beside, []
    beside.append(PlannedPackage(name=package, version=last, index=pick.index))
    return beside, [f"{package} is held at {last}: newer ones have no code for GPUs before Turing ({old[0].label})"]
