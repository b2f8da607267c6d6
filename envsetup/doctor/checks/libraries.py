"""Which CUDA libraries the loader would really take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.compat import drivers, older
from envsetup.compat import gpus as names
from envsetup.compat.tables import key
from envsetup.doctor.builds import cuda_of
from envsetup.doctor.check import Check, NotApplicable, Outcome, finding, seen
from envsetup.doctor.when import ENVIRONMENT, NOT_WSL, NVIDIA, TORCH, WSL, env_subject, framework, gpus, in_container
from envsetup.model.maybe import known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case
    from envsetup.model.drivers import SharedLibrary


def _inside(case: Case, library: SharedLibrary) -> bool:
    """Whether a library belongs to the environment itself: naming its own folders changes nothing."""
    prefix = known(case.environment.path)
    return bool(prefix and library.path.startswith(prefix.rstrip("/") + "/"))


def shadowed(case: Case) -> Outcome:
    """RUNPATH, which wheels use, loses against LD_LIBRARY_PATH. Without a failure that shows it, it is a risk."""
    bundled = {item.soname: item for item in known(case.environment.bundled) or []}
    first: dict[str, SharedLibrary] = {}
    for library in known(case.cuda.ld_library_path_libraries) or []:
        first.setdefault(library.soname, library)
    winners = [lib for name, lib in first.items() if name in bundled and not _inside(case, lib)]
    cudnn = [lib for lib in winners if lib.soname.startswith("libcudnn")]
    others = [lib for lib in winners if lib not in cudnn]
    found = []
    variable = seen("LD_LIBRARY_PATH", case.variables.get("LD_LIBRARY_PATH", "set"), case.source("environment"))
    for code, libraries in (("ld-library-path-shadows-cuda", others), ("cudnn-shadowed-or-mixed", cudnn)):
        if libraries:
            evidence = [seen(f"{lib.soname} comes from", lib.path, "loader order") for lib in libraries[:4]]
            package = known(bundled[libraries[0].soname].package)
            evidence.append(seen("the environment brings", package or libraries[0].soname, "site-packages"))
            found.append(finding(code, *evidence, variable, severity="warning", confidence="likely"))
    return found


def _libcuda(case: Case) -> list[SharedLibrary]:
    every = [*(known(case.cuda.ld_library_path_libraries) or []), *(known(case.cuda.libraries) or [])]
    return [library for library in every if library.soname == "libcuda.so.1"]


def stub(case: Case) -> Outcome:
    """The stub is harmless as libcuda.so; only as libcuda.so.1 is it what a program loads."""
    winner = next(iter(_libcuda(case)), None)
    if winner is None or "/stubs" not in winner.path:
        return None
    return finding("libcuda-stub-shadow", seen("libcuda.so.1 comes from", winner.path, "loader order"))


def compat(case: Case) -> Outcome:
    """Forward compatibility is for data-centre GPUs and Jetson."""
    winner = next(iter(_libcuda(case)), None)
    if winner is None or "/compat" not in winner.path:
        return None
    rows = [names.compute_capability(known(gpu.name) or "") for gpu in gpus(case, "nvidia")]
    plain = [row for row in rows if row and drivers.forward_compatible(row.kind) is None]
    if not plain:
        return None
    return finding(
        "cuda-compat-wrongly-used",
        seen("libcuda.so.1 comes from", winner.path, "loader order"),
        seen("GPU", f"{plain[0].name}: not a data-centre GPU", names.cite(plain[0])),
        confidence="likely",
    )


def mixed_drivers(case: Case) -> Outcome:
    """Copies in containers are injected; 32-bit and compat copies lie in other folders and are not counted."""
    versions = known(case.nvidia.library_versions) or []
    if len(set(versions)) < 2 or in_container(case) is True:  # noqa: PLR2004 - two versions
        return None
    return finding(
        "mixed-driver-installs",
        seen("driver libraries on disk", ", ".join(versions), "loader folders"),
        severity="warning" if case.nvml is None or case.nvml.status != "ok" else "info",
    )


def nvcc(case: Case) -> Outcome:
    """collect_env calls the version of nvcc "CUDA runtime version"; it says nothing about what PyTorch runs with."""
    build = framework(case, "torch")
    cuda = cuda_of(case, build) if build else None
    version = known(case.cuda.nvcc_version)
    if not version or not cuda:
        return NotApplicable("no nvcc, or no CUDA build of PyTorch")
    if key(version)[0] == key(cuda)[0]:
        return None
    return finding(
        "nvcc-torch-cuda-mismatch",
        seen("nvcc", version, case.source("CUDA toolkit")),
        seen("PyTorch was built with CUDA", cuda, case.source("torch/version.py")),
        severity="info",
    )


def wsl_driver(case: Case) -> Outcome:
    winner = next(iter(_libcuda(case)), None)
    if winner is None or "/wsl/" in winner.path:
        return None
    return finding("wsl-linux-driver-installed", seen("libcuda.so.1 comes from", winner.path, "loader order"))


def split_cudnn(case: Case) -> Outcome:
    """The wheel's cuDNN looks for one of its parts by bare name, and takes that of a newer copy which has it."""
    row = older.cudnn_split()
    have = next((case.packages[name] for name in row.packages if name in case.packages), None)
    if have is None or key(have)[:2] != key(row.bundled):
        return NotApplicable(f"no cuDNN {row.bundled} from a wheel")
    places = [*(known(case.cuda.ld_library_path_libraries) or []), *(known(case.cuda.libraries) or [])]
    others = [
        library
        for library in [*places, *(known(case.cuda.cudnn) or [])]
        if library.soname.startswith("libcudnn")
        and not _inside(case, library)
        and key(known(library.version) or "")[:2] >= key(row.other_from)
    ]
    if not others:
        return None
    return finding(
        "cudnn-bundled-incomplete",
        seen("cuDNN of the environment", have, case.source("installed distributions")),
        seen("another cuDNN", f"{known(others[0].version)} at {others[0].path}", "loader order"),
        seen("parts of them mix", f"{row.bundled} with {row.other_from} and newer", older.cite(row.source)),
        subject=env_subject(case),
        severity="warning",
        confidence="likely",
    )


def wsl_not_on_path(case: Case) -> Outcome:
    """Windows mounts its driver there, and the loader's configuration has to name the place."""
    ours = [library for library in _libcuda(case) if "/wsl/" in library.path]
    if ours or _libcuda(case) or case.nvml is None or "/wsl/" not in (known(case.nvml.library) or ""):
        return None
    return finding(
        "wsl-libcuda-not-on-path",
        seen("driver of Windows", known(case.nvml.library), "/usr/lib/wsl/lib"),
        seen("libcuda.so.1 in the loader's folders", "not found", "loader"),
    )


CHECKS = (
    Check(
        "ld-library-path-shadows-cuda",
        "cuda-toolkit",
        shadowed,
        ENVIRONMENT,
        ("cuda.ld_library_path_libraries", "environment.bundled"),
    ),
    Check("libcuda-stub-shadow", "cuda-toolkit", stub, NVIDIA, ("cuda.libraries|cuda.ld_library_path_libraries",)),
    Check("cuda-compat-wrongly-used", "cuda-toolkit", compat, NVIDIA, ("cuda.libraries", "gpus")),
    Check("mixed-driver-installs", "driver", mixed_drivers, NVIDIA & NOT_WSL, ("nvidia.library_versions",)),
    Check("nvcc-torch-cuda-mismatch", "cuda-toolkit", nvcc, TORCH, ("cuda.nvcc_version", "environment.frameworks")),
    Check("cudnn-bundled-incomplete", "cudnn", split_cudnn, ENVIRONMENT, ("environment.packages", "cuda.libraries")),
    Check("wsl-libcuda-not-on-path", "wsl", wsl_not_on_path, WSL, ("cuda.libraries", "nvidia.nvml.status")),
    Check("wsl-linux-driver-installed", "wsl", wsl_driver, WSL, ("cuda.libraries",)),
)
