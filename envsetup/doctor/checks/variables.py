"""Environment variables that hide, reorder or slow the GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.doctor.check import Check, NotApplicable, Outcome, finding, fix, seen
from envsetup.doctor.when import framework_saw_gpu, frameworks, gpus, has_any_gpu, has_gpu, wants_gpu
from envsetup.model.maybe import known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case
    from envsetup.model.finding import Finding, Severity

# Each variable with the vendor whose devices it names.
MASKS = {
    "CUDA_VISIBLE_DEVICES": "nvidia",
    "HIP_VISIBLE_DEVICES": "amd",
    "ROCR_VISIBLE_DEVICES": "amd",
    "ZE_AFFINITY_MASK": "intel",
}
SLOW = ("CUDA_LAUNCH_BLOCKING", "HIP_LAUNCH_BLOCKING", "AMD_SERIALIZE_KERNEL")
HOSTED = {"COLAB_RELEASE_TAG": "Google Colab", "KAGGLE_KERNEL_RUN_TYPE": "Kaggle"}
SCHEDULERS = {"SLURM_JOB_ID": "Slurm", "KUBERNETES_SERVICE_HOST": "Kubernetes", "PBS_JOBID": "PBS", "LSB_JOBID": "LSF"}


def _visible(value: str, count: int | None) -> int | None:
    """How many devices a mask leaves: the list is cut at its first invalid entry. None when that is not known."""
    entries = [entry.strip() for entry in value.split(",")]
    left = 0
    for entry in entries:
        device = entry.lstrip("+").partition(".")[0]  # Intel's masks may name a tile: 0.1
        if device.isdecimal():
            if count is not None and int(device) >= count:
                break
        elif not entry.upper().startswith(("GPU-", "MIG-")):
            break  # "", "-1", "none", "NoDevFiles": all mean no device from here on
        left += 1
    if left and count is None:
        return None
    return left


def _countable(case: Case, vendor: str) -> int | None:
    """How many devices a mask counts over; the instances of a divided GPU have numbers of their own."""
    listed = gpus(case, vendor)
    return len(listed) if listed and not any(known(gpu.mig_instances) for gpu in listed) else None


def left_by_masks(case: Case, vendor: str, count: int) -> int:
    """How many of the vendor's `count` devices its variables leave to a program."""
    masks = [case.variables[name] for name, owner in MASKS.items() if owner == vendor and name in case.variables]
    left = [_visible(value, _countable(case, vendor)) for value in masks]
    return min([count, *(number for number in left if number is not None)])


def hides(case: Case) -> Outcome:
    if has_any_gpu(case) is False:
        return NotApplicable("no GPU that could be hidden")
    found: list[Finding] = []
    for name, vendor in MASKS.items():
        value = case.variables.get(name)
        if value is None or has_gpu(case, vendor) is False:
            continue
        count = _countable(case, vendor)
        left = _visible(value, count)
        if left != 0:
            continue
        who = next((label for variable, label in SCHEDULERS.items() if variable in case.variables), None)
        evidence = [seen(name, repr(value), case.source("environment"))]
        evidence += [seen("GPUs here", count, case.source("driver"))] if count else []
        evidence += [seen("set by", who, "environment")] if who else []
        deliberate = value.strip() in ("", "-1") and not wants_gpu(case)
        # In a text it is most often one command that the reporter ran on the CPU on purpose.
        command = case.kind == "text" and value.strip() in ("", "-1") and framework_saw_gpu(case) is not False
        found.append(
            finding(
                "cuda-visible-devices-hides",
                *evidence,
                title=f"{name}={value!r} hides every GPU",
                severity="info" if command else "warning" if deliberate or (who and not case.require) else None,
                remedies=[fix("Unset it, or name a device that exists", f"unset {name}")],
            )
        )
    return found


def order(case: Case) -> Outcome:
    models = {known(gpu.name) for gpu in gpus(case, "nvidia")}
    if len(models) < 2 or case.variables.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID":  # noqa: PLR2004 - two models
        return None
    return finding(
        "cuda-visible-devices-order",
        seen("GPU models", ", ".join(sorted(name for name in models if name)), case.source("nvml")),
        seen("CUDA_DEVICE_ORDER", case.variables.get("CUDA_DEVICE_ORDER", "not set"), case.source("environment")),
    )


def blocking(case: Case) -> Outcome:
    on = {name: case.variables[name] for name in SLOW if case.variables.get(name, "0") not in ("", "0")}
    if not on or not wants_gpu(case):
        return None
    return finding(
        "cuda-launch-blocking-set",
        *[seen(name, value, case.source("environment")) for name, value in on.items()],
        severity="info" if case.kind == "text" else None,  # whoever reports an error was told to set it
        remedies=[fix("Unset it when the debugging is over", f"unset {' '.join(on)}")],
    )


def jax_platforms(case: Case) -> Outcome:
    value = case.variables.get("JAX_PLATFORMS") or case.variables.get("JAX_PLATFORM_NAME") or ""
    if value.strip().lower() != "cpu" or not frameworks(case, "jax") or has_any_gpu(case) is not True:
        return None
    severity: Severity | None = "info" if case.kind == "text" else None  # often one command, meant for the CPU
    return finding("jax-platforms-forced", seen("JAX_PLATFORMS", value, case.source("environment")), severity=severity)


def hsa_override(case: Case) -> Outcome:
    """Wrong where its family is another one than that of the GPU: 10.3.0 is for gfx103x, 11.0.0 for gfx110x."""
    value = case.variables.get("HSA_OVERRIDE_GFX_VERSION")
    targets = [target for gpu in gpus(case, "amd") if (target := known(gpu.gfx))]
    if not value or not targets:
        return None
    parts = value.split(".")
    family = "gfx" + "".join(parts[:2])
    if any(target.startswith(family) for target in targets):
        return None
    return finding(
        "hsa-override-wrong",
        seen("HSA_OVERRIDE_GFX_VERSION", value, case.source("environment")),
        seen("GPU", ", ".join(targets), case.source("/sys/class/kfd")),
    )


def interface(case: Case) -> Outcome:
    """The loopback and Docker's own bridge never reach another machine."""
    found = []
    for name in ("NCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME"):
        value = case.variables.get(name, "")
        # A leading ^ excludes the whole list.
        named = [] if value.startswith("^") else [part.lstrip("=") for part in value.split(",") if part]
        if named and all(part.startswith(("lo", "docker", "virbr")) for part in named):
            found.append(seen(name, value, case.source("environment")))
    return finding("nccl-interface-wrong", *found, severity="warning") if found else None


def hosted_notebook(case: Case) -> Outcome:
    """Colab and Kaggle give a GPU only to a runtime that was chosen with one."""
    name = next((name for name in HOSTED if name in case.variables), None)
    if name is None or has_any_gpu(case) is not False:
        return None
    return finding(
        "colab-kaggle-runtime-type",
        seen("notebook service", HOSTED[name], f"variable {name}"),
        seen("GPUs", "none", "PCI bus and drivers"),
        severity="warning" if wants_gpu(case) else "info",
    )


CHECKS = (
    Check("cuda-visible-devices-hides", "gpu-config", hides, needs=("env",)),
    Check("cuda-visible-devices-order", "gpu-config", order, needs=("gpus", "env")),
    Check("cuda-launch-blocking-set", "gpu-config", blocking, needs=("env",)),
    Check("jax-platforms-forced", "jax", jax_platforms, needs=("env",)),
    Check("nccl-interface-wrong", "network", interface, needs=("env",)),
    Check("colab-kaggle-runtime-type", "jupyter", hosted_notebook, needs=("env",)),
    Check("hsa-override-wrong", "rocm", hsa_override, needs=("env", "gpus")),
)
