"""TensorFlow's candidates: one wheel per release and platform, judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.compat import tensorflow
from envsetup.compat.tables import key
from envsetup.resolve import checks
from envsetup.resolve.candidate import Candidate, Check

if TYPE_CHECKING:
    from envsetup.compat.tensorflow import Release
    from envsetup.model.plan import PlannedPackage
    from envsetup.resolve.candidate import Case, Target
    from envsetup.resolve.facts import Facts


def candidates(case: Case) -> list[Candidate]:
    """Every release that this platform has, with the verdict of every constraint."""
    return [_release(case, row) for row in tensorflow.releases() if case.facts.platform in row.python]


def _release(case: Case, row: Release) -> Candidate:
    asked, framework, facts, target = case.asked, case.framework, case.facts, case.target
    wheel = tensorflow.cite(row.source)
    verdicts: list[Check | None] = [checks.request(framework, row.version, None, wheel)]
    native, ptx, extras = True, False, list[str]()
    if target.kind == "cuda":
        verdicts.append(_platform(row, facts))
        verdict, native = checks.driver(facts, row.cuda, row.version)
        judged, covered = checks.gpu_arch(target.devices, row.archs.split(), row.version, wheel, native=native)
        ptx = any(coverage.by == "ptx" for coverage in covered)
        verdicts += [judged, _ptx(row, target, ptx=ptx), verdict]
        extras = ["and-cuda"] if row.and_cuda and facts.os == "linux" else []
    elif target.kind == "mps":
        verdicts.append(_metal(row, facts.python))
    elif target.kind != "cpu":
        verdicts.append(_no_device(row, target))
    counted, held = checks.split_holds(asked.extras, "tensorflow", row.version)
    verdicts += counted
    need = tensorflow.table().rules.cpu
    verdicts.append(checks.cpu(facts, need, row.version, tensorflow.cite(need.source)))
    verdicts.append(checks.libc(facts, row.glibc, row.version, wheel))
    verdicts.append(checks.python(facts.python, row.python.get(facts.platform, "").split(), row.version, wheel))
    return Candidate(
        framework=framework.name,
        package="tensorflow",
        version=row.version,
        variant=None,
        device=target.kind,
        index=(asked.source_name or "pypi") if asked.source == "place" else "pypi",
        checks=[v for v in verdicts if v],
        native=native,
        ptx=ptx,
        extras=extras,
        held=held,
    )


def _platform(row: Release, facts: Facts) -> Check | None:
    rules = tensorflow.table().rules
    evidence = f"os: {facts.os}, arch: {facts.arch}"
    if facts.arch != "x86_64":
        return Check(
            constraint="arch",
            ok=False,
            text=f"{row.version}: {rules.aarch64.text}",
            evidence=evidence,
            table=tensorflow.cite(rules.aarch64.source),
            need="an x86_64 machine, NVIDIA's TensorFlow container for Arm servers, or a CPU environment (--cpu)",
        )
    if not tensorflow.uses_gpu(row.version, facts.os, facts.arch):
        return Check(
            constraint="os",
            ok=False,
            text=f"{row.version}: {rules.windows.text}",
            evidence=evidence,
            table=tensorflow.cite(rules.windows.source),
            need=f"WSL2 with Linux inside, or TensorFlow {rules.windows.last_gpu} with Python 3.10 or older",
        )
    return None


def _ptx(row: Release, target: Target, *, ptx: bool) -> Check | None:
    rule = tensorflow.table().rules.ptx
    broken = [d for d in target.devices if d.cc and key(d.cc)[0] in rule.broken_cc_major]
    if not broken or not ptx:
        return None
    return Check(
        constraint="gpu-arch",
        ok=False,
        text=f"{row.version} has no code for {broken[0].label}: {rule.text}",
        evidence=f"gpu {broken[0].index}: {broken[0].label}",
        table=tensorflow.cite(rule.source),
        need="NVIDIA's TensorFlow container, PyTorch or JAX on this GPU, or a CPU environment (--cpu)",
    )


def _metal(row: Release, python: str | None) -> Check:
    rule = tensorflow.table().rules.metal
    new = key(row.version) >= key(rule.tensorflow_below)
    ok = not new and python in rule.python.split()
    return Check(
        constraint="framework" if new else "python",
        ok=ok,
        text=f"{row.version}: {rule.text}, for Python {rule.python.replace(' ', ', ')}",
        evidence=f"python: {python or 'none'}; gpu: Apple",
        table=tensorflow.cite(rule.source),
        need=f"Python {rule.python.split()[-1]}",
    )


def _no_device(row: Release, target: Target) -> Check:
    names = ", ".join(d.label for d in target.devices) or target.kind
    return Check(
        constraint="framework",
        ok=False,
        text=f"{row.version} uses NVIDIA GPUs only, not {target.kind}",
        evidence=f"gpu: {names}",
        table=tensorflow.cite(row.source),
        need="PyTorch for this GPU, the vendor's own TensorFlow build, or a CPU environment (--cpu)",
    )


def additions(pick: Candidate, target: Target) -> tuple[list[PlannedPackage], list[str]]:
    """Packages that the pick needs beside it, and what to say about them."""
    from envsetup.model.plan import PlannedPackage  # noqa: PLC0415 - needed only for a plan that is made

    rules = tensorflow.table().rules
    if target.kind == "mps":
        return [PlannedPackage(name=rules.metal.package, version=rules.metal.version, index=pick.index)], []
    if target.kind != "cuda":
        return [], []
    said: list[str] = []
    if not pick.extras:
        said.append(rules.system_cuda.text + f" (CUDA {(row := tensorflow.release(pick.version)) and row.cuda})")
    old = [d for d in target.devices if d.cc and tensorflow.needs_cudnn_pin(pick.version, d.cc)]
    if not old:
        return [], said
    rule = rules.cudnn
    said.append(f"{rule.package} is held at {rule.last}: {rule.text} ({old[0].label})")
    return [PlannedPackage(name=rule.package, version=rule.last, index=pick.index)], said
