"""The layers from the GPU up to the program as a chain, each with what it is and whether something is wrong there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envsetup.doctor.builds import cuda_of
from envsetup.doctor.catalogue import entries
from envsetup.doctor.checks.versions import build_name
from envsetup.doctor.when import VENDOR_IDS, frameworks, pci_gpus
from envsetup.model.maybe import known
from envsetup.report.machine_lines import driver_version, gpu_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from envsetup.doctor.case import Case
    from envsetup.model.finding import Finding

LOOKS = {"critical": "bad", "error": "bad", "warning": "warn"}


class Link(NamedTuple):
    """One link: its name, the layers of the catalogue that it stands for, and what it is on a machine."""

    name: str
    layers: tuple[str, ...]
    value: Callable[[Case], str]


def chain(case: Case, findings: Sequence[Finding], anchors: Mapping[int, str], safe: Callable[[str], str]) -> str:
    """An ordered list; `anchors` are the ids of the findings by their place."""
    rows = []
    for link in LINKS:
        here = [
            place for place, found in enumerate(findings) if _layer(found) in link.layers and found.severity in LOOKS
        ]
        value = link.value(case)
        if here:
            worst = min(here, key=lambda place: list(LOOKS).index(findings[place].severity))
            looks = LOOKS[findings[worst].severity]
            count = f"{len(here)} problem{'s' if len(here) > 1 else ''}"
            state = f'<a href="#{safe(anchors[worst])}">{count}</a>'
        else:
            looks = "good" if value else "open"
            state = f'<span class="state">{"no problem seen" if value else "not known"}</span>'
        rows.append(f'<li class="{looks}"><strong>{link.name}</strong><span>{safe(value) or "-"}</span>{state}</li>')
    return f'<ol class="chain" aria-label="From the GPU to the program">{"".join(rows)}</ol>'


def _layer(finding: Finding) -> str:
    row = entries().get(finding.code)
    return row.layer if row else "application"


def _gpus(case: Case) -> str:
    silent = sum(len(pci_gpus(case, vendor)) for vendor in VENDOR_IDS)
    return gpu_names(known(case.machine.gpus) or []) or (f"{silent} on the bus" if silent else "")


def _libraries(case: Case) -> str:
    made = dict.fromkeys(f"CUDA {cuda}" for build in frameworks(case) if (cuda := cuda_of(case, build)))
    made.update(dict.fromkeys(f"ROCm {hip}" for build in frameworks(case) if (hip := known(build.hip))))
    nvcc = known(case.cuda.nvcc_version)
    return ", ".join(made) or (f"nvcc {nvcc}" if nvcc else "")


def _python(case: Case) -> str:
    version = known(case.python.version)
    return f"{version}, {case.environment.kind}" if version and case.environment.kind != "unknown" else version or ""


LINKS = (
    Link("GPU", ("hardware",), _gpus),
    Link("Driver", ("driver", "device nodes", "libcuda"), lambda case: driver_version(case.machine)),
    Link("Libraries", ("runtime libraries",), _libraries),
    Link(
        "Framework",
        ("wheel", "framework", "compile"),
        lambda case: ", ".join(build_name(case, build) for build in frameworks(case)),
    ),
    Link("Python", ("multi-GPU", "application"), _python),
)
