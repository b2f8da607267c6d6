"""TensorFlow, JAX and triton: whether they serve a GPU of this generation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.compat import arch
from envsetup.compat import jax as jax_table
from envsetup.compat import tensorflow as tf_table
from envsetup.compat.tables import key
from envsetup.doctor.builds import capability, label, processor, system
from envsetup.doctor.check import Check, NotApplicable, Outcome, finding, fix, seen
from envsetup.doctor.checks.frameworks import JAX
from envsetup.doctor.when import (
    NVIDIA,
    TENSORFLOW,
    TORCH,
    env_subject,
    framework,
    frameworks,
    gpus,
    is_gpu_build,
    subject,
)
from envsetup.model.maybe import known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case
    from envsetup.model.finding import Finding

TRITON_MIN = "7.0"  # triton's README: compute capability 7.0 and newer


def tensorflow_arch(case: Case) -> Outcome:
    """TensorFlow carries PTX for newer GPUs, which the driver compiles for minutes at the first start, or cannot."""
    build = framework(case, "tensorflow")
    version = known(build.version) if build else None
    row = tf_table.release(version) if version else None
    if version is None or row is None or not tf_table.uses_gpu(version, system(case), processor(case)):
        return NotApplicable("not a GPU build of TensorFlow that the tables know")
    broken = tf_table.table().rules.ptx
    entries = row.archs.split()
    found: list[Finding] = []
    for gpu in gpus(case, "nvidia"):
        cc = capability(gpu)
        served = arch.covers(entries, cc) if cc else None
        if cc is None or served is None or served.by == "cubin":
            continue
        if served.by == "ptx" and key(cc)[0] not in broken.broken_cc_major:
            continue
        newer = max(key(arch.capability(entry)) for entry in entries) < key(cc)
        found.append(
            finding(
                f"gpu-arch-too-{'new' if newer else 'old'}-for-wheel",
                seen("GPU", label(gpu), case.source("nvml")),
                seen("installed build", f"TensorFlow {version}", case.source("installed distributions")),
                seen("it has code for", row.archs, tf_table.cite(row.source)),
                *([seen("on this GPU", broken.text, tf_table.cite(broken.source))] if served.by == "ptx" else []),
                subject=subject(gpu),
                title=f"TensorFlow {version} has no working code for the {label(gpu)}",
                # Beside a framework that reported the GPU as usable it is not what the reporter works with.
                severity="info" if any(other.cuda_available is True for other in frameworks(case)) else None,
                confidence="likely",
                remedies=[fix("Use PyTorch or JAX on this GPU, which have builds for it", "envsetup create --gpu")],
            )
        )
    return found


def jax_minimum(case: Case) -> Outcome:
    plugins = [name.split("-")[1] for name in case.packages if name.startswith("jax-cuda") and name.endswith("plugin")]
    rows = [row for name in plugins if (row := jax_table.plugin(name))]
    found: list[Finding] = []
    for gpu in gpus(case, "nvidia"):
        cc = capability(gpu)
        short = [row for row in rows if cc and key(cc) < key(row.min_cc)]
        if not short or len(short) < len(rows):
            continue
        lowest = min(rows, key=lambda row: key(row.min_cc))
        older = [fix("Use the plug-in for CUDA 12", "python -m pip install --upgrade 'jax[cuda12]'")]
        found.append(
            finding(
                "gpu-below-library-minimum",
                seen("GPU", label(gpu), case.source("nvml")),
                seen(f"jax[{lowest.name}] needs", f"compute capability {lowest.min_cc}", jax_table.cite(lowest.source)),
                subject=subject(gpu),
                title=f"JAX does not serve the {label(gpu)}",
                confidence="likely",
                remedies=older if lowest.name != "cuda12" else None,
            )
        )
    return found


def triton(case: Case) -> Outcome:
    """Only torch.compile is lost; eager mode works."""
    build = framework(case, "torch")
    if build is None or not is_gpu_build(build):
        return NotApplicable("not a GPU build of PyTorch")
    old = [gpu for gpu in gpus(case, "nvidia") if (cc := capability(gpu)) and key(cc) < key(TRITON_MIN)]
    if not old:
        return None
    return finding(
        "gpu-too-old-for-triton",
        seen("GPU", label(old[0]), case.source("nvml")),
        seen("triton needs", f"compute capability {TRITON_MIN}", "README of triton"),
        subject=env_subject(case),
        severity="info",
    )


CHECKS = (
    Check("tensorflow-gpu-arch", "tensorflow", tensorflow_arch, NVIDIA & TENSORFLOW, ("gpus",)),
    Check("jax-gpu-minimum", "jax", jax_minimum, NVIDIA & JAX, ("gpus", "environment.packages")),
    Check("gpu-too-old-for-triton", "pytorch", triton, NVIDIA & TORCH, ("gpus",)),
)
