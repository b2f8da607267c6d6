"""One fault, one headline: which finding explains which, and which one to fix first."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import msgspec

from envsetup.doctor.catalogue import Layer, entries
from envsetup.model.finding import SEVERITY_ORDER

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from envsetup.model.finding import Finding

LAYERS: tuple[str, ...] = get_args(Layer)
CONFIDENCE = ("certain", "likely", "possible")
SERIOUS = ("critical", "error")

# Without a working driver nothing above it can be judged: these follow from any fault that keeps CUDA from starting.
NO_CUDA = (
    "cuda-init-fails",
    "cuda-is-available-slow-or-hangs",
    "cuda-runtime-lib-missing",
    "cudnn-not-initialized",
    "device-nodes-missing",
    "fabric-manager-not-running",
    "gpu-count-lower-than-pci",
    "gpu-kernel-fails",
    "jax-cpu-only",
    "no-supported-gpu",
    "tf-cannot-dlopen-gpu-libs",
    "uvm-broken-after-suspend",
    "uvm-not-loaded",
)
NO_DRIVER = (*NO_CUDA, "driver-too-old-for-cuda", "ptx-jit-newer-than-driver")
# A wheel whose kernels cannot run fails in these ways too.
NO_KERNELS = (
    "cudnn-not-initialized",
    "gpu-kernel-fails",
    "extension-arch-missing",
    "ptx-jit-newer-than-driver",
    "xid-application-fault",
)
NO_GPU_BUILD = (
    "bitsandbytes-no-binary",
    "cuda-runtime-lib-missing",
    "extension-abi-mismatch",
    "extension-cuda-mismatch",
    "no-supported-gpu",
    "torchvision-torch-mismatch",
    "triton-missing-or-mismatched",
)
# What a failed import, or a device that does not compute, is called until its cause is known.
IMPORTS = ("jax-import-fails", "tensorflow-import-fails", "torch-import-fails", "torch-import-segfault")
# Certain facts that do not say why: a likely cause explains them.
UNEXPLAINED = (*IMPORTS, "cuda-init-fails", "gpu-kernel-fails")
NO_ENVIRONMENT = (
    "conda-env-damaged",
    "duplicate-distributions",
    "missing-package",
    "mixed-installs",
    *IMPORTS,
)

NO_INDEX = ("no-matching-wheel", "python-unsupported", "pip-too-old")

# A cause with the findings that are only its consequences.
EXPLAINS: dict[str, Collection[str]] = {
    "gpu-fallen-off-bus": (
        *NO_DRIVER,
        "nvidia-smi-hangs",
        "xid-application-fault",
        "xid-other-critical",
        "nvlink-down",
    ),
    "ecc-uncorrectable": ("row-remap-pending", "xid-application-fault", "xid-other-critical"),
    "row-remap-failure": ("row-remap-pending", "ecc-uncorrectable"),
    "xid-gsp-timeout": ("nvidia-smi-hangs", "xid-application-fault", "kernel-hung-tasks", *NO_DRIVER),
    "xid-other-critical": ("xid-application-fault",),
    "nvidia-smi-hangs": ("kernel-hung-tasks", *NO_DRIVER),
    "nouveau-loaded": ("driver-not-installed", "kernel-module-not-built", *NO_DRIVER),
    "gpu-bound-to-other-driver": ("driver-not-installed", *NO_DRIVER),
    "driver-not-installed": NO_DRIVER,
    "secure-boot-blocks-module": ("kernel-module-not-built", "driver-not-installed", *NO_DRIVER),
    "gcc-kernel-mismatch-dkms": ("kernel-module-not-built", *NO_DRIVER),
    "kernel-module-not-built": ("driver-not-installed", *NO_DRIVER),
    "open-module-required": ("driver-not-installed", *NO_DRIVER),
    "open-module-unsupported-gpu": ("driver-not-installed", *NO_DRIVER),
    "driver-branch-dropped-gpu": ("open-module-unsupported-gpu", *NO_DRIVER),
    "gsp-firmware-missing": NO_DRIVER,
    "mixed-driver-installs": ("driver-library-version-mismatch",),
    "driver-library-version-mismatch": NO_DRIVER,
    "container-no-gpu": ("driver-not-installed", "device-node-permission", *NO_DRIVER),
    "singularity-no-nv": ("container-no-gpu", *NO_DRIVER),
    "container-toolkit-missing": ("container-no-gpu", *NO_DRIVER),
    "container-lost-gpu-cgroup": ("device-node-permission", *NO_DRIVER),
    "container-driver-caps": NO_CUDA,
    "wsl-no-gpu-device": ("driver-not-installed", *NO_DRIVER),
    "wsl-windows-build-broken": ("driver-not-installed", "wsl-no-gpu-device", "wsl-kernel-too-old", *NO_DRIVER),
    "wsl-linux-driver-installed": ("driver-library-version-mismatch", *NO_DRIVER),
    "device-nodes-missing": ("uvm-not-loaded", "no-supported-gpu"),
    "device-node-permission": NO_CUDA,
    "uvm-not-loaded": ("no-supported-gpu", "uvm-broken-after-suspend"),
    "fabric-manager-not-running": ("cuda-802-hmm-kaslr", "no-supported-gpu", "nvlink-down"),
    "driver-too-old-for-cuda": (*NO_CUDA, "ptx-jit-newer-than-driver", "cuda-compat-wrongly-used"),
    "mig-enabled-no-instance": ("no-supported-gpu",),
    "compute-mode-prohibited": ("no-supported-gpu",),
    "cuda-visible-devices-hides": ("no-supported-gpu", "jax-cpu-only"),
    "libcuda-stub-shadow": NO_CUDA,
    "cuda-compat-wrongly-used": ("no-supported-gpu", "driver-library-version-mismatch"),
    "ld-library-path-shadows-cuda": (
        *IMPORTS,
        "cudnn-shadowed-or-mixed",
        "jax-ld-library-path",
        "cuda-runtime-lib-missing",
    ),
    "cudnn-shadowed-or-mixed": (*IMPORTS, "cudnn-not-initialized", "cudnn-bundled-incomplete"),
    "musl-libc": ("python-unsupported", "no-matching-wheel", "glibc-too-old"),
    "python-32bit": ("no-matching-wheel", "python-unsupported"),
    "python-unsupported": ("no-matching-wheel",),
    # An index that cannot be reached looks like one that has nothing.
    "tls-clock-skew": NO_INDEX,
    "tls-corporate-proxy": NO_INDEX,
    "proxy-misconfigured": (*NO_INDEX, "tls-corporate-proxy"),
    "pip-index-misconfigured": NO_INDEX,
    "pip-too-old": ("no-matching-wheel",),
    "cpu-arch-no-wheel": ("no-matching-wheel", "python-unsupported"),
    "intel-mac-dropped": ("no-matching-wheel", "python-unsupported", "cpu-arch-no-wheel"),
    "cpu-no-avx": IMPORTS,
    "gpu-arch-too-old-for-wheel": NO_KERNELS,
    "gpu-arch-too-new-for-wheel": NO_KERNELS,
    "rocm-module-missing": ("rocm-no-kfd-permission", "no-supported-gpu"),
    "rocm-no-kfd-permission": ("no-supported-gpu",),
    "cpu-wheel-on-gpu-machine": NO_GPU_BUILD,
    "conda-cpu-build": ("cpu-wheel-on-gpu-machine", *NO_GPU_BUILD),
    "jetson-generic-wheel": (
        *("cpu-wheel-on-gpu-machine", "gpu-arch-too-old-for-wheel", "gpu-arch-too-new-for-wheel"),
        "driver-too-old-for-cuda",
        *NO_GPU_BUILD,
    ),
    "wrong-accelerator-build": ("rocm-gfx-unsupported", *NO_GPU_BUILD),
    "numpy2-abi-break": ("numpy-abi-mismatch", *IMPORTS),
    "broken-venv": NO_ENVIRONMENT,
    "mixed-installs": IMPORTS,
    "nvidia-pip-inconsistent": ("cuda-runtime-lib-missing", *IMPORTS),
    "pythonpath-shadow": IMPORTS,
    "pip-and-python-differ": ("missing-package", *IMPORTS),
    "cudnn-missing": IMPORTS,
    "cuda-runtime-lib-missing": IMPORTS,
    "glibc-too-old": (*IMPORTS, "no-matching-wheel", "glibcxx-too-old"),
    "glibcxx-too-old": IMPORTS,
    "missing-package": IMPORTS,
    "numpy-abi-mismatch": IMPORTS,
    "openmp-duplicate": IMPORTS,
    "protobuf-incompatible": IMPORTS,
    "vcredist-missing": IMPORTS,
    "jax-plugin-version-mismatch": IMPORTS,
    "low-ram": IMPORTS,
    "vram-held-by-other-processes": ("gpu-kernel-fails",),
    "cudnn-not-initialized": ("gpu-kernel-fails",),
    "disk-full": ("broken-venv", "tmp-small-or-noexec"),
    "readonly-filesystem": ("hf-cache-unwritable",),
}


def explained(findings: Sequence[Finding]) -> list[Finding]:
    """The findings with `caused_by` set to the last cause of their chain, in the order in which to read them."""
    present = {finding.code: finding for finding in findings if finding.severity != "info"}
    linked = [msgspec.structs.replace(finding, caused_by=_last_cause(finding.code, present)) for finding in findings]
    return sorted(linked, key=_reading_order)


def _last_cause(code: str, present: dict[str, Finding]) -> str | None:
    """A cause explains only what is not surer than itself: a guess from a text never hides a certain fact."""
    chain = [code]
    while True:
        effect = chain[-1]
        causes = [
            cause
            for cause, effects in EXPLAINS.items()
            if effect in effects
            and cause in present
            and cause not in chain
            and _at_least_as_sure(present, cause, effect)
        ]
        if not causes:
            return chain[-1] if len(chain) > 1 else None
        chain.append(min(causes, key=layer))


def _at_least_as_sure(present: dict[str, Finding], cause: str, effect: str) -> bool:
    if effect not in present or (effect in UNEXPLAINED and present[cause].confidence != "possible"):
        return True
    return CONFIDENCE.index(present[cause].confidence) <= CONFIDENCE.index(present[effect].confidence)


def layer(code: str) -> int:
    """How deep a failure mode lies: 0 is the hardware."""
    row = entries().get(code)
    return LAYERS.index(row.layer) if row else len(LAYERS)


def _reading_order(finding: Finding) -> tuple[int, bool, int, int]:
    """Severity groups first; in each, causes before their consequences, and the deeper layer first."""
    serious = 0 if finding.severity in SERIOUS else SEVERITY_ORDER.index(finding.severity)
    return (
        serious,
        finding.caused_by is not None,
        CONFIDENCE.index(finding.confidence) // 2,
        layer(finding.code),
    )


def root_cause(findings: Sequence[Finding], told: Collection[str] = ()) -> str | None:
    """The code to fix first among findings in reading order; information is never one.

    `told` are the codes that an error text speaks for: what the user complains about comes before
    another fault that the facts show as well.
    """
    open_faults = [
        finding
        for finding in findings
        if finding.caused_by is None
        and finding.severity != "info"
        and not (finding.severity == "warning" and finding.confidence == "possible")
    ]
    serious = [finding for finding in open_faults if finding.severity in SERIOUS] or open_faults
    complained = [finding for finding in serious if finding.code in told and finding.confidence != "possible"]
    return next((finding.code for finding in (*complained, *serious)), None)
