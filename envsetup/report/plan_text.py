"""A plan on the screen: the pick, why in a few lines, and on demand the whole table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envsetup.model.plan import Plan, PlannedPackage

_TITLES = {"torch": "PyTorch", "tensorflow": "TensorFlow", "jax": "JAX"}
_DEVICES = {"cuda": "NVIDIA GPU", "rocm": "AMD GPU", "xpu": "Intel GPU", "mps": "Apple GPU", "cpu": "CPU"}
_FIRST = ("gpu-arch", "driver", "device", "source", "request", "python", "libc", "framework", "os", "arch")
_SHOWN = 3


def text(plan: Plan, *, verbose: int = 0, quiet: bool = False, note: str = "") -> str:
    """The plan as plain lines, ending in a newline."""
    lines = _head(plan)
    if not quiet:
        lines += _why(plan, verbose)
        lines += _list("!", plan.warnings)
        lines += _others(plan, verbose)
        if verbose:
            lines += _rejected(plan)
        if note:
            lines += ["", note]
    return "\n".join(lines) + "\n"


def requirement(package: PlannedPackage) -> str:
    """A package as pip would be told: torch==2.14.1+cu126."""
    extras = f"[{','.join(package.extras)}]" if package.extras else ""
    local = f"+{package.variant}" if package.variant and package.name in {"torch", "torchvision", "torchaudio"} else ""
    return f"{package.name}{extras}=={package.version}{local}"


def _head(plan: Plan) -> list[str]:
    if plan.status == "impossible" and plan.impossible:
        return [f"impossible: {plan.impossible.text}", f"nearest:    {plan.impossible.nearest}"]
    main = [p for p in plan.packages if p.name in _TITLES]
    names = " and ".join(f"{_TITLES[p.name]} {p.version}" + (f"+{p.variant}" if p.variant else "") for p in main)
    lines = [f"{names} for {_DEVICES[plan.device]}, Python {plan.python}"]
    for package in plan.packages:
        where = f"  in its own environment: {package.environment}" if package.environment else ""
        lines.append(f"  {requirement(package):34} from {package.index}{where}")
    return lines


def _why(plan: Plan, verbose: int) -> list[str]:
    if not plan.reasons:
        return []
    ordered = sorted(plan.reasons, key=lambda reason: _FIRST.index(reason.constraint))
    if not verbose:
        return ["", *(f"  why  {reason.text}" for reason in ordered[:_SHOWN])]
    lines = [""]
    for reason in ordered:
        lines += [f"  why  {reason.text}", f"       seen: {reason.evidence}", f"       data: {reason.table}"]
    return lines


def _list(mark: str, texts: Iterable[str]) -> list[str]:
    lines = [f"  {mark}    {line}" for line in texts]
    return ["", *lines] if lines else []


def _others(plan: Plan, verbose: int) -> list[str]:
    shown = plan.alternatives if verbose else plan.alternatives[:_SHOWN]
    return _list("or", [f"{other.text} (cost: {other.cost})" for other in shown])


def _rejected(plan: Plan) -> list[str]:
    if not plan.rejected:
        return []
    width = max(len(row.candidate) for row in plan.rejected)
    rows = [f"  {row.candidate:{width}}  {row.constraint:9}  {row.text}" for row in plan.rejected]
    return ["", "rejected:", *rows]
