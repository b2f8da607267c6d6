"""Versions against each other: what the driver runs, what builds were made with, which code and Pythons they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.compat import arch, drivers, torch
from envsetup.compat.tables import key
from envsetup.doctor.builds import archs, capability, cuda_of, processor, system
from envsetup.doctor.checks.versions import NAMES, build_name
from envsetup.doctor.when import framework, frameworks, gpus
from envsetup.model.maybe import known

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from envsetup.doctor.case import Case
    from envsetup.model.finding import Finding

    Safe = Callable[[str], str]

TOO_NEW = "driver-too-old-for-cuda"
CHIPS = 40
BEFORE = 2  # versions before the oldest mark: a bar that ends there has a length


def scale(case: Case, findings: Sequence[Finding], safe: Safe) -> str:
    """The section, or nothing where there are no two versions to compare."""
    ceiling = _ceiling(case)
    builds = [(build, cuda) for build in frameworks(case) if (cuda := cuda_of(case, build))]
    nvcc = known(case.cuda.nvcc_version)
    marks = [*(cuda for _, cuda in builds), *([nvcc] if nvcc else [])]
    axis = _axis([*marks, *([ceiling] if ceiling else [])])
    late = any(found.code == TOO_NEW for found in findings)
    rows: list[str] = []
    if ceiling:
        driver = known(case.driver.nvidia) or ""
        rows.append(_row(f"Driver {driver}", f"runs CUDA up to {ceiling}", _bar(axis, ceiling), safe))
    rows += [_build(build_name(case, build), cuda, ceiling, axis, late=late, safe=safe) for build, cuda in builds]
    if nvcc:
        rows.append(_row("nvcc", f"compiles with CUDA {nvcc}; wheels do not use it", _at(axis, nvcc), safe))
    if rows:
        rows.append(_ticks(axis))
    rows += [*_hip(case, safe), *_code(case, safe), *_pythons(case, safe)]
    head = '<h2 id="versions">Versions against each other</h2>'
    return (
        f'<section class="board" aria-labelledby="versions">{head}<ul class="scale">{"".join(rows)}</ul></section>'
        if rows
        else ""
    )


def _ceiling(case: Case) -> str | None:
    driver = known(case.driver.nvidia)
    return known(case.nvidia.cuda_ceiling) or (drivers.cuda_ceiling(driver, system(case)) if driver else None)


def _axis(versions: Iterable[str]) -> list[tuple[int, ...]]:
    """The CUDA versions (major, minor) from a little before the oldest to the last known of the newest major."""
    own = {number[:2] for version in versions if len(number := key(version)) > 1}
    if not own:
        return []
    known_ones = {key(row.cuda)[:2] for row in drivers.cuda_table().toolkits}
    every = sorted(own | {number for number in known_ones if number[0] <= max(own)[0]})
    return every[max(0, every.index(min(own)) - BEFORE) :]


def _place(axis: Sequence[tuple[int, ...]], version: str) -> float:
    """Where a version stands on the axis, in per cent."""
    number = key(version)[:2]
    return 100 * axis.index(number) / max(1, len(axis) - 1) if number in axis else 0


def _bar(axis: Sequence[tuple[int, ...]], ceiling: str) -> str:
    """What the driver runs, and lighter what it runs by compatibility within the major."""
    end = _place(axis, ceiling)
    near = [number for number in axis if number[0] == key(ceiling)[0]]
    until = _place(axis, ".".join(map(str, near[-1]))) if near else end
    near_ones = f'<i class="near" style="left:{end:.1f}%;width:{until - end:.1f}%"></i>'
    return f'<i class="runs" style="width:{end:.1f}%"></i>{near_ones}'


def _at(axis: Sequence[tuple[int, ...]], version: str, looks: str = "") -> str:
    return f'<i class="at {looks}" style="left:{_place(axis, version):.1f}%"></i>'


def _build(name: str, cuda: str, ceiling: str | None, axis: list[tuple[int, ...]], *, late: bool, safe: Safe) -> str:
    have, top = key(cuda)[:2], key(ceiling or "")[:2]
    if not top:
        how, looks = "", ""
    elif have <= top:
        how, looks = ", within what the driver runs", ""
    elif have[0] == top[0] and not late:
        how, looks = ", newer than the driver's, run by compatibility within the major", ""
    else:
        how, looks = ", newer than what the driver runs", "bad" if late else ""
    return _row(name, f"made with CUDA {cuda}{how}", _at(axis, cuda, looks), safe, looks)


def _row(what: str, text: str, drawn: str, safe: Safe, looks: str = "") -> str:
    track = f'<span class="track" aria-hidden="true">{drawn}</span>'
    return f'<li><span class="what">{safe(what.strip())}</span><span class="{looks}">{safe(text)}</span>{track}</li>'


def _ticks(axis: Sequence[tuple[int, ...]]) -> str:
    """The first and the last version, and where a major begins."""
    shown = [0, len(axis) - 1, *(i for i in range(1, len(axis)) if axis[i][0] != axis[i - 1][0])]
    places = [(100 * i / max(1, len(axis) - 1), ".".join(map(str, axis[i]))) for i in sorted(set(shown)) if axis]
    marks = "".join(f'<i style="left:{place:.1f}%">{version}</i>' for place, version in places)
    return f'<li class="axis" aria-hidden="true"><span class="ticks">{marks}</span></li>'


def _hip(case: Case, safe: Safe) -> Iterable[str]:
    rocm = known(case.driver.rocm)
    if rocm:
        yield f'<li><span class="what">ROCm</span>{safe(rocm)} on the system; wheels bring their own</li>'
    for build in frameworks(case):
        hip = known(build.hip)
        if hip:
            name = safe(build_name(case, build))
            yield f'<li><span class="what">{name}</span>made with ROCm {safe(hip)}</li>'


def _code(case: Case, safe: Safe) -> Iterable[str]:
    """The GPU architectures that PyTorch has code for, with those that serve the GPUs here."""
    build = framework(case, "torch")
    code = archs(case, build) if build else None
    ccs = list(dict.fromkeys(cc for gpu in gpus(case, "nvidia") if (cc := capability(gpu))))[:CHIPS]
    if code is None or not ccs:
        return
    serving = {cc: arch.covers(code.entries, cc) for cc in ccs}
    entries = {answer.entry for answer in serving.values()}
    told = "; ".join(f"sm_{cc.replace('.', '')} {_served(answer)}" for cc, answer in serving.items())
    bad = "" if all(serving.values()) else "bad"
    chips = _chips(code.entries, entries, safe)
    yield f'<li><span class="what">GPU code in PyTorch</span><span class="{bad}">{safe(told)}</span><br>{chips}</li>'


def _served(answer: arch.Coverage) -> str:
    return {"cubin": f"runs {answer.entry}", "ptx": f"compiles {answer.entry}", "no": "has none here"}[answer.by]


def _pythons(case: Case, safe: Safe) -> Iterable[str]:
    """The Pythons that the installed PyTorch has wheels for."""
    build, version = framework(case, "torch"), known(case.python.version)
    release = known(build.version) if build else None
    served = torch.pythons(release, system(case), processor(case)) if release else []
    if not version or not served:
        return
    own = ".".join(version.split(".")[:2])
    told = f"{NAMES['torch']} {release} has wheels for"
    chips = _chips(served, {own}, safe)
    yield f'<li><span class="what">Python {safe(version)}</span>{safe(told)}<br>{chips}</li>'


def _chips(names: Sequence[str], here: set[str] | set[str | None], safe: Safe) -> str:
    marked = "".join(
        f'<li class="here">{safe(name)}<span aria-hidden="true"> ✓</span></li>'
        if name in here
        else f"<li>{safe(name)}</li>"
        for name in names[:CHIPS]
    )
    return f'<ul class="chips">{marked}</ul>'
