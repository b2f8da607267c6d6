"""What an environment really holds, seen from inside. argv[1]: JSON {"part": ..., "packages": [...]}; stdout: JSON.

part "imports": the version of every distribution, one import of each package named, and how PyTorch was built.
part "lock": as "imports", and whether the distributions are those of the file named by "lock"; exit code 1 says no.
part "requires": every distribution's requirements, and the values of this interpreter's environment markers.
part "stack": whether lines of Python run, each by itself; the first that does not, and why.
part "libraries": whether the loader opens every CUDA library that the wheels brought; no framework is imported.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.metadata
import json
import os
import platform
import re
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def versions() -> Dict[str, str]:
    found = {}
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            found[normal(name)] = distribution.version
    return found


def modules(package: str) -> List[str]:
    """The top-level modules of a distribution: the one of its own name where there is one."""
    names = set()
    for file in importlib.metadata.distribution(package).files or ():
        parts = file.parts
        if len(parts) == 2 and parts[1] == "__init__.py":
            names.add(parts[0])
        elif len(parts) == 1 and parts[0].endswith(".py"):
            names.add(parts[0][:-3])
    own = [name for name in names if normal(name) == package]
    return own or sorted(name for name in names if name.isidentifier() and not name.startswith("_"))


def imported(package: str) -> Dict[str, Any]:
    started = time.monotonic()
    try:
        loaded = [importlib.import_module(name) for name in modules(package)]
    except BaseException as error:  # noqa: BLE001 - a library may do anything while it is imported
        text = str(error).strip().splitlines() or [""]
        return {"ok": False, "error": f"{type(error).__name__}: {text[0]}"}
    version = next((str(m.__version__) for m in loaded if getattr(m, "__version__", None)), None)
    return {"ok": True, "version": version, "seconds": round(time.monotonic() - started, 3)}


def torch_build() -> Optional[Dict[str, Any]]:
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    flags = getattr(torch._C, "_cuda_getArchFlags", None)  # noqa: SLF001 - works without a GPU, get_arch_list does not
    return {
        "version": torch.version.__version__,
        "cuda": torch.version.cuda,
        "hip": getattr(torch.version, "hip", None),
        "xpu": getattr(torch.version, "xpu", None),
        "arch_list": (flags() or "").split() if flags else [],
    }


def cudnn() -> Optional[Dict[str, Any]]:
    """Which cuDNN the framework was built against, and which the loader finds; None where neither can be told."""
    torch, tensorflow = sys.modules.get("torch"), sys.modules.get("tensorflow")
    built = found = None
    try:
        own = torch._C._cudnn  # type: ignore[union-attr]  # noqa: SLF001 - torch.backends asks a GPU first
        built = dotted(own.getCompileVersion())
        found = dotted(own.getRuntimeVersion())
    except Exception:  # noqa: BLE001 - a build without cuDNN, or one that cannot load it
        found = bundled_cudnn()
    if tensorflow is not None:
        built = tensorflow.sysconfig.get_build_info().get("cudnn_version")
        built = str(built) if built else None
    return {"built": built, "found": found} if built or found else None


def dotted(version: Tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def bundled_cudnn() -> Optional[str]:
    for path in sorted(Path(sysconfig.get_paths()["purelib"]).glob("nvidia/**/libcudnn.so*")):
        try:
            ask = ctypes.CDLL(str(path)).cudnnGetVersion
        except (OSError, AttributeError):
            continue
        ask.restype = ctypes.c_size_t
        number = int(ask())
        # 9.20.1 is 92001; until 8 it was 8902 for 8.9.2.
        large = 10000 if number >= 90000 else 1000
        return dotted((number // large, number % large // 100, number % 100))
    return None


def requires() -> Dict[str, Any]:
    found = {}
    for distribution in importlib.metadata.distributions():
        if distribution.metadata["Name"]:
            name = normal(distribution.metadata["Name"])
            found[name] = {"version": distribution.version, "requires": distribution.requires or []}
    version = platform.python_version()
    return {
        "packages": found,
        "markers": {
            "implementation_name": sys.implementation.name,
            "implementation_version": version,
            "os_name": os.name,
            "platform_machine": platform.machine(),
            "platform_python_implementation": platform.python_implementation(),
            "platform_release": platform.release(),
            "platform_system": platform.system(),
            "platform_version": platform.version(),
            "python_full_version": version,
            "python_version": ".".join(version.split(".")[:2]),
            "sys_platform": sys.platform,
        },
    }


def libraries() -> List[Dict[str, Optional[str]]]:
    site = Path(sysconfig.get_paths()["purelib"])
    found = [path for path in site.glob("nvidia/**/*.so*") if path.is_file()]
    found += [path for path in site.glob("torch/lib/*.so*") if re.search(r"cu(da|dnn|blas)|nccl|nvrtc", path.name)]
    return [opened(path, site) for path in sorted(found)]


def opened(path: Path, site: Path) -> Dict[str, Optional[str]]:
    try:
        ctypes.CDLL(str(path))
    except OSError as error:
        return {"library": str(path.relative_to(site)), "error": str(error)}
    return {"library": str(path.relative_to(site)), "error": None}


def unlocked(lock: str, answer: Dict[str, Any]) -> List[str]:
    """What differs from a lock's pins (name==version), and what cannot be imported."""
    pins = re.findall(r"^([A-Za-z0-9][\w.-]*)===?([^\s;]+)", Path(lock).read_text(encoding="utf-8"), re.MULTILINE)
    wanted = {normal(name): version for name, version in pins}
    there = answer["packages"]
    faults = [f"{name} is {there.get(name)}, the lock says {wanted[name]}" for name in sorted(wanted)
              if there.get(name) != wanted[name]]  # fmt: skip
    faults += [f"{name} is not in the lock" for name in sorted(set(there) - set(wanted))]
    return faults + [f"{name}: {found['error']}" for name, found in answer["imports"].items() if not found["ok"]]


def stumbled(lines: List[str]) -> Optional[Dict[str, str]]:
    """The first line of Python that raises, and how; None when all run."""
    for line in lines:
        try:
            exec(compile(line, "<stack>", "exec"), {"__name__": "__main__"})  # noqa: S102 - it comes with envsetup
        except BaseException as error:  # noqa: BLE001, PERF203 - a library may raise anything
            text = str(error).strip().splitlines() or [""]
            return {"line": line, "error": f"{type(error).__name__}: {text[0]}"}
    return None


def main() -> None:
    asked = json.loads(sys.argv[1])
    # Whatever a library prints while it is imported must not get between the lines of the answer.
    answer_to = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if asked["part"] == "libraries":
        answer: Dict[str, Any] = {"libraries": libraries()}
    elif asked["part"] == "requires":
        answer = requires()
    elif asked["part"] == "stack":
        answer = {"stumbled": stumbled(asked["packages"])}
    else:
        answer = {
            "python": "{}.{}.{}".format(*sys.version_info[:3]),
            "prefix": sys.prefix,
            "packages": versions(),
            "imports": {package: imported(package) for package in asked["packages"]},
            "torch": torch_build(),
            "cudnn": cudnn(),
        }
    if asked["part"] == "lock":
        answer["faults"] = unlocked(asked["lock"], answer)
    answer_to.write(json.dumps(answer) + "\n")
    answer_to.flush()
    if answer.get("faults"):
        sys.exit("ERROR: " + "; ".join(answer["faults"]))


main()
