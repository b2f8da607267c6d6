"""A plan on the screen: the pick, why in a few lines, and on demand the whole table."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Optional

import msgspec

from envsetup.report.clean import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envsetup.model.plan import Plan, PlannedPackage

_TITLES = {"torch": "PyTorch", "tensorflow": "TensorFlow", "jax": "JAX"}
_BUILDS = {"torch", "torchvision", "torchaudio"}  # told apart by the local part of the version
_DEVICES = {"cuda": "NVIDIA GPU", "rocm": "AMD GPU", "xpu": "Intel GPU", "mps": "Apple GPU", "cpu": "CPU"}
_FIRST = ("gpu-arch", "driver", "device", "source", "request", "framework", "python", "libc", "os", "arch")
_SHOWN = 3
_INDENT = " " * 7


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """How a plan is shown. `width` None: lines are not wrapped (a pipe); `note` stands last."""

    verbose: bool = False
    quiet: bool = False
    colour: bool = False
    width: Optional[int] = None
    note: str = ""


def text(plan: Plan, page: Page) -> str:
    """The plan as lines, ending in a newline."""
    lines = [line for block in _blocks(plan, page) for line in block]
    wrapped = [part for line in lines for part in _wrap(clean(line), page.width)]
    return "\n".join(_paint(wrapped) if page.colour else wrapped) + "\n"


def requirement(package: PlannedPackage) -> str:
    """A package as pip would be told: torch==2.14.1+cu126; the package index has one build only, without a suffix."""
    extras = f"[{','.join(package.extras)}]" if package.extras else ""
    local = f"+{package.variant}" if _suffixed(package) else ""
    return f"{package.name}{extras}=={package.version}{local}"


def _suffixed(package: PlannedPackage) -> bool:
    from envsetup.compat import sources  # noqa: PLC0415 - read already where a plan was made

    mirror = sources.mirror(package.index or "")
    plain = package.index == "pypi" or (mirror is not None and mirror.pytorch is None)
    return package.name in _BUILDS and package.variant is not None and not plain


def _place(package: PlannedPackage) -> str:
    build = "" if package.name not in _BUILDS or not package.variant or _suffixed(package) else package.variant
    return f"{package.index}, where it is the {build} build" if build else f"{package.index}"


def _blocks(plan: Plan, page: Page) -> Iterator[list[str]]:
    yield _head(plan)
    if page.quiet:
        return
    sources = list(dict.fromkeys(reason.table for reason in plan.reasons))
    yield _why(plan, sources, verbose=page.verbose)
    yield _list("!", plan.warnings)
    shown = plan.alternatives if page.verbose else plan.alternatives[:_SHOWN]
    yield _list("or", [f"{other.text} (cost: {other.cost})" for other in shown])
    if page.verbose:
        yield _rejected(plan)
        yield _numbered(sources)
    if page.note:
        yield ["", page.note]


def _head(plan: Plan) -> list[str]:
    if plan.status == "impossible" and plan.impossible:
        return [f"impossible: {plan.impossible.text}", f"nearest:    {plan.impossible.nearest}"]
    main = [p for p in plan.packages if p.name in _TITLES]
    *others, last = (f"{_TITLES[p.name]} {p.version}" + (f"+{p.variant}" if p.variant else "") for p in main)
    names = [", ".join(others), last] if others else [last]
    lines = [f"{' and '.join(names)} for {_DEVICES[plan.device]}, Python {plan.python}"]
    for package in plan.packages:
        where = f"  (environment {package.environment})" if package.environment else ""
        lines.append(f"  {requirement(package):32}  from {_place(package)}{where}")
    return lines


def _why(plan: Plan, sources: list[str], *, verbose: bool) -> list[str]:
    ordered = sorted(plan.reasons, key=lambda reason: _FIRST.index(reason.constraint))
    if plan.status == "impossible" and not verbose:
        return []  # the headline says it
    if not verbose:
        return _list("why", [reason.text for reason in ordered[:_SHOWN]])
    lines = [""] if ordered else []
    for reason in ordered:
        lines += [f"  why  {reason.text}", f"{_INDENT}{reason.evidence} [{sources.index(reason.table) + 1}]"]
    return lines


def _list(mark: str, texts: Iterable[str]) -> list[str]:
    lines = [f"  {mark:4} {line}" for line in texts]
    return ["", *lines] if lines else []


def _rejected(plan: Plan) -> list[str]:
    width = max((len(row.candidate) for row in plan.rejected), default=0)
    rows = [f"  {row.candidate:{width}}  {row.constraint:9}  {row.text}" for row in plan.rejected]
    return ["", "rejected:", *rows] if rows else []


def _numbered(sources: list[str]) -> list[str]:
    rows = [f"  [{number}]  {source}" for number, source in enumerate(sources, 1)]
    return ["", "data:", *rows] if rows else []


def _wrap(line: str, width: int | None) -> list[str]:
    if width is None or len(line) <= width:
        return [line]
    hang = "  " if line.startswith("  ") else ""
    return textwrap.wrap(line, width, subsequent_indent=_INDENT if hang else " " * 12, break_on_hyphens=False)


def _paint(lines: list[str]) -> list[str]:
    """Bold answer, red refusal, yellow remarks; the rest as the terminal has it."""
    painted = list(lines)
    painted[0] = f"\x1b[1;31m{lines[0]}\x1b[0m" if lines[0].startswith("impossible") else f"\x1b[1m{lines[0]}\x1b[0m"
    return [f"  \x1b[33m!\x1b[0m{line[3:]}" if line.startswith("  ! ") else line for line in painted]
