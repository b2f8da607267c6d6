"""TensorFlow and JAX: the package that has no GPU code, and the parts that belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.compat import jax as jax_table
from envsetup.compat import tensorflow as tf_table
from envsetup.compat.tables import at_least, key
from envsetup.doctor.builds import capability, pip, processor, system
from envsetup.doctor.check import Check, NotApplicable, Outcome, When, finding, fix, seen
from envsetup.doctor.when import ENVIRONMENT, NVIDIA, env_subject, framework, gpus
from envsetup.model.maybe import UNKNOWN, Maybe, known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case

CPU_PACKAGES = ("tensorflow-cpu", "tensorflow-intel", "tensorflow-cpu-aws")


def _listed(*names: str) -> When:
    def holds(case: Case) -> Maybe[bool]:
        if any(name in case.packages for name in names):
            return True
        return UNKNOWN if case.environment.packages is UNKNOWN else False

    return When(holds, f"{names[0]} is not installed")


def _installed(case: Case, *names: str) -> list[str]:
    return [f"{name} {case.packages[name]}" for name in names if name in case.packages]


def _alone(case: Case) -> bool:
    """Whether no other framework here already uses the GPU: then this one is what the user works with."""
    return framework(case, "torch") is None


def _jax_extra(case: Case) -> str:
    """The newest CUDA plug-in that driver and GPUs allow."""
    driver = known(case.driver.nvidia)
    ccs = [cc for gpu in gpus(case, "nvidia") if (cc := capability(gpu))]
    for name in ("cuda13", "cuda12"):
        row = jax_table.plugin(name)
        if row and driver and at_least(driver, row.driver) and all(key(cc) >= key(row.min_cc) for cc in ccs):
            return name
    return "cuda12"


def _plugins(case: Case) -> list[str]:
    return sorted(n for n in case.packages if n.startswith(("jax-cuda", "jax-rocm")) and n.endswith("plugin"))


def jax_cpu(case: Case) -> Outcome:
    """JAX prints the same text when the plug-in is there and failed: the package list decides."""
    jax = framework(case, "jax")
    sees = jax is not None and jax.cuda_available is True  # a report that lists three packages says so, too
    if sees or _plugins(case) or case.require == "none" or system(case) != "linux":
        return None
    return finding(
        "jax-cpu-only",
        seen("installed", ", ".join(_installed(case, "jax", "jaxlib")), case.source("installed distributions")),
        seen("CUDA plug-in of JAX", "not installed", case.source("installed distributions")),
        subject=env_subject(case),
        severity=None if _alone(case) else "info",
        confidence="certain" if case.kind != "text" else "likely",
        remedies=[fix("Install JAX with its CUDA plug-in", f"{pip(case)} --upgrade 'jax[{_jax_extra(case)}]'")],
    )


def jax_versions(case: Case) -> Outcome:
    """The package jax may run ahead of jaxlib by patch releases; the plug-ins must equal jaxlib up to the patch."""
    parts = ["jaxlib", *_plugins(case), *(n for n in case.packages if n.startswith("jax-cuda") and n.endswith("pjrt"))]
    versions = {name: case.packages[name] for name in parts if name in case.packages}
    if len({key(version)[:2] for version in versions.values()}) < 2:  # noqa: PLR2004 - two versions
        return None
    return finding(
        "jax-plugin-version-mismatch",
        *[seen("installed", f"{name} {v}", case.source("installed distributions")) for name, v in versions.items()],
        subject=env_subject(case),
        remedies=[fix("Update all of them together", f"{pip(case)} --upgrade 'jax[{_jax_extra(case)}]'")],
    )


def jax_driver(case: Case) -> Outcome:
    driver, plugins = known(case.driver.nvidia), _plugins(case)
    if driver is None or not plugins:
        return NotApplicable("no driver, or no CUDA plug-in")
    rows = [row for name in plugins if (row := jax_table.plugin(name.split("-")[1]))]
    old = [row for row in rows if not at_least(driver, row.driver)]
    if not old or len(old) < len(rows):
        return None
    return finding(
        "driver-too-old-for-cuda",
        seen("NVIDIA driver", driver, case.source("/proc/driver/nvidia/version")),
        seen(f"oldest driver for jax[{old[0].name}]", old[0].driver, jax_table.cite(old[0].source)),
        subject=env_subject(case),
        title=f"NVIDIA driver {driver} is too old for the {old[0].name} plug-in of JAX",
        remedies=[
            fix(f"Update the NVIDIA driver to {old[0].driver} or newer", None, "reboot"),
            fix("Or install the plug-in for an older CUDA", f"{pip(case)} --upgrade 'jax[{_jax_extra(case)}]'"),
        ],
    )


def tf_cpu(case: Case) -> Outcome:
    if case.require == "none":
        return None
    packages = _installed(case, *CPU_PACKAGES)
    if not packages or ("tensorflow" in case.packages and system(case) != "linux"):
        return None
    return finding(
        "tf-cpu-package",
        seen("installed", ", ".join(packages), case.source("installed distributions")),
        subject=env_subject(case),
        severity=None if _alone(case) else "info",
    )


def tf_libraries(case: Case) -> Outcome:
    """System CUDA may serve TensorFlow too, so their absence from the environment alone is not enough."""
    version = case.packages.get("tensorflow", "")
    row = tf_table.release(version)
    if row is None or not row.and_cuda or not tf_table.uses_gpu(version, system(case), processor(case)):
        return NotApplicable("this release brings no CUDA packages here")
    if any(name.startswith(("nvidia-cudnn", "nvidia-cuda-runtime")) for name in case.packages):
        return None
    visible = [*(known(case.cuda.libraries) or []), *(known(case.cuda.ld_library_path_libraries) or [])]
    if case.environment.kind == "conda" or any(library.soname.startswith("libcudnn") for library in visible):
        return None
    return finding(
        "tf-cannot-dlopen-gpu-libs",
        seen("installed", f"tensorflow {version}, no nvidia-* packages", case.source("installed distributions")),
        seen("cuDNN on the loader path", "none", "loader"),
        subject=env_subject(case),
        confidence="likely",
        severity=None if _alone(case) else "info",
        remedies=[fix("Install it with its CUDA packages", f"{pip(case)} 'tensorflow[and-cuda]=={version}'")],
    )


def tf_windows(case: Case) -> Outcome:
    version = case.packages.get("tensorflow", "")
    row = tf_table.release(version)
    if system(case) != "windows" or row is None or row.windows_gpu:
        return None
    rule = tf_table.table().rules.windows
    return finding(
        "tf-windows-gpu-dropped",
        seen("installed", f"tensorflow {version}", case.source("installed distributions")),
        seen("last release with GPU support on Windows", rule.last_gpu, tf_table.cite(rule.source)),
        subject=env_subject(case),
        severity=None if _alone(case) else "info",
    )


LISTED = ("environment.packages",)
TF = _listed("tensorflow", *CPU_PACKAGES)
JAX = _listed("jax", "jaxlib")
CHECKS = (
    Check("jax-cpu-only", "jax", jax_cpu, NVIDIA & ENVIRONMENT & JAX, LISTED),
    Check("jax-plugin-version-mismatch", "jax", jax_versions, ENVIRONMENT & JAX, LISTED),
    Check("jax-driver", "jax", jax_driver, NVIDIA & JAX, ("driver.nvidia", *LISTED)),
    Check("tf-cpu-package", "tensorflow", tf_cpu, NVIDIA & TF, LISTED),
    Check("tf-cannot-dlopen-gpu-libs", "tensorflow", tf_libraries, NVIDIA & TF, (*LISTED, "cuda.libraries")),
    Check("tf-windows-gpu-dropped", "windows", tf_windows, NVIDIA & TF, LISTED),
)
