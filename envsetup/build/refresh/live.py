"""What the index says today of the releases in the tables, in the tables' own fields."""

from __future__ import annotations

import ast
import re
import struct
from typing import TYPE_CHECKING, Any

from envsetup.build.refresh.wheels import Inside, Wheel, listed, required
from envsetup.compat.tables import key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from envsetup.build.simple import Fetcher
    from envsetup.build.sources import Source

Fields = dict[str, Any]
_FAT = b"\x50\xed\x55\xba"  # the header of compiled GPU code in a library, before its entries
_PTX = 1


def by_version(wheels: Iterable[Wheel]) -> dict[str, list[Wheel]]:
    """Wheels by release, newest first."""
    found: dict[str, list[Wheel]] = {}
    for wheel in sorted(wheels, key=lambda w: key(w.version), reverse=True):
        found.setdefault(wheel.version, []).append(wheel)
    return found


def pythons(wheels: list[Wheel]) -> dict[str, str]:
    """Platform to its Pythons, those without the GIL last."""
    found: dict[str, set[str]] = {}
    for wheel in wheels:
        for platform in wheel.platforms:
            found.setdefault(platform, set()).add(wheel.python)
    return {name: _joined(tags) for name, tags in sorted(found.items())}


def floors(wheels: list[Wheel]) -> list[Fields]:
    """As the table of PyTorch has it: one row per system, processor and floor, with its Pythons."""
    found: dict[tuple[str, str], set[str]] = {}
    for wheel in wheels:
        for platform, floor in wheel.platforms.items():
            # Wheels tagged manylinux1 were built on CentOS 7 and need its glibc, whatever the tag says.
            found.setdefault((platform, "2.17" if floor == "2.5" else floor), set()).add(wheel.python)
    rows = []
    for (platform, floor), tags in sorted(found.items()):
        system, _, arch = platform.partition("-")
        rows.append({"os": system, "arch": arch, **({"floor": floor} if floor else {}), "python": _joined(tags)})
    return rows


def glibc(wheels: list[Wheel]) -> str:
    """The floor of the newest Linux wheels of a release; older tags stand for older Pythons."""
    found = {floor for w in wheels for name, floor in w.platforms.items() if name == "linux-x86_64"}
    return max(found, key=key, default="")


def _joined(tags: set[str]) -> str:
    return " ".join(sorted(tags, key=lambda tag: (tag.endswith("t"), key(tag))))


def _linux(wheels: list[Wheel]) -> Wheel | None:
    return next((w for w in wheels if "linux-x86_64" in w.platforms), None)


def torch_headers(wheels: list[Wheel], fetcher: Fetcher) -> Fields:
    """Build variant, compiled architectures and cuDNN of the index's own Linux wheel."""
    wheel = _linux(wheels)
    if wheel is None:
        return {}
    inside = Inside(wheel, fetcher)
    said = (inside.read("torch/version.py") or b"").decode()
    cuda = re.search(r"^cuda(?::[^=]*)? *= *'([\d.]+)'", said, re.MULTILINE)
    found: Fields = {"pypi": "cu" + "".join(cuda[1].split(".")[:2]) if cuda else "cpu"}
    lines = inside.metadata()
    for major in ("13", "12"):
        if (pin := required(lines, f"nvidia-cudnn-cu{major}")) is not None:
            found["cudnn"] = pin.removeprefix("==")
            break
    library = inside.read("libtorch_python.so") if cuda else None
    if library:
        flags = re.findall(rb"(?:(?:sm|compute)_\d+[a-f]? ?){2,}", library)
        found["archs"] = " ".join(dict.fromkeys(b" ".join(flags).decode().split()))
    return found


def tensorflow_headers(wheels: list[Wheel], fetcher: Fetcher) -> Fields:
    """What the Linux wheel was built with, and what its METADATA asks for."""
    wheel = _linux(wheels)
    if wheel is None:
        return {}
    inside = Inside(wheel, fetcher)
    lines = inside.metadata()
    text = (inside.read("tensorflow/python/platform/build_info.py") or b"").decode()
    literal = re.search(r"OrderedDict\((\[.*\])\)", text, re.DOTALL)
    info = dict(ast.literal_eval(literal[1])) if literal else {}
    pins = ((name, required(lines, name)) for name in ("nvidia-cudnn-cu12", "nvidia-cudnn-cu11"))
    return {
        "cuda": info.get("cuda_version", ""),
        "cudnn": info.get("cudnn_version", ""),
        "archs": " ".join(_with_binary(info.get("cuda_compute_capabilities", []))),
        "and_cuda": "Provides-Extra: and-cuda" in lines,
        "cudnn_pin": next((f"{name}{pin}" for name, pin in pins if pin is not None), None),
        "numpy": required(lines, "numpy") or "",
        "protobuf": required(lines, "protobuf") or "",
    }


def _with_binary(entries: list[str]) -> list[str]:
    """TensorFlow writes compute_90 for binary code with PTX, sm_90 for binary code alone."""
    return [word for e in entries for word in ([e.replace("compute", "sm"), e] if e.startswith("compute") else [e])]


def plugin_archs(place: Source, plugin: str, fetcher: Fetcher) -> Fields:
    """The architectures in the kernels of JAX's newest plug-in wheel ("cuda12")."""
    wheels = next(iter(by_version(listed(place, f"jax-{plugin}-plugin", fetcher)).values()), [])
    wheel = _linux(wheels)
    library = Inside(wheel, fetcher).read("_prng.so") if wheel else None
    return {"archs": " ".join(compiled(library))} if library else {}


def compiled(library: bytes) -> list[str]:
    """What GPU code a library holds (sm_80, compute_90), from the headers before each piece; PTX last."""
    found: set[tuple[bool, int]] = set()
    at = library.find(_FAT)
    while at >= 0:
        version, header, size = struct.unpack_from("<HHQ", library, at + 4)
        entry, end = at + header, min(at + header + size, len(library) - 64)
        while version == 1 and entry < end:
            kind, _, head, payload = struct.unpack_from("<HHIQ", library, entry)
            if not head:
                break
            found.add((kind == _PTX, struct.unpack_from("<I", library, entry + 28)[0]))
            entry += head + payload
        at = library.find(_FAT, at + 4)
    return [f"{'compute' if ptx else 'sm'}_{number}" for ptx, number in sorted(found)]


HEADERS: dict[str, Callable[[list[Wheel], Fetcher], Fields]] = {
    "torch": torch_headers,
    "tensorflow": tensorflow_headers,
}
