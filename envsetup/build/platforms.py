"""A platform that is not this one, as uv names it and as wheels name it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from envsetup.build import interpreters
from envsetup.build.interpreters import Interpreter
from envsetup.model.errors import InputError
from envsetup.model.machine import Libc, OperatingSystem
from envsetup.model.maybe import known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envsetup.model.machine import Machine

# The C libraries that `uv --python-platform` has a name for (uv 0.8 and newer); an older one serves for those between.
_MANYLINUX = (17, 28, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40)
_MACOS = (14, 0)  # what uv assumes of a Mac
_ALIASES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_ARCH = {"arm64": "aarch64", "amd64": "x86_64"}
SYSTEMS = {"linux": "Linux", "macos": "macOS", "windows": "Windows"}


class Platform(msgspec.Struct, frozen=True, kw_only=True):
    """Where wheels are for. `python` is X.Y, with a t for a free-threaded build; `glibc` is None outside of Linux."""

    system: str
    arch: str
    python: str
    glibc: str | None = None

    @property
    def text(self) -> str:
        """For people."""
        libc = f", glibc {self.glibc}" if self.glibc else ""
        return f"{SYSTEMS[self.system]} on {self.arch}{libc}, Python {self.python}"

    @property
    def uv(self) -> str:
        """What `uv --python-platform` calls it."""
        if self.system != "linux":
            return f"{self.arch}-apple-darwin" if self.system == "macos" else f"{self.arch}-pc-windows-msvc"
        minor = max(known for known in _MANYLINUX if known <= self._minor)
        return f"{self.arch}-manylinux_2_{minor}"

    @property
    def interpreter(self) -> Interpreter:
        """An interpreter of this machine, standing for the one over there."""
        own = interpreters.own()
        threaded = self.python.endswith("t")
        return Interpreter(
            path=own.path,
            version=self.python.removesuffix("t"),
            free_threaded=threaded,
            platform=f"{self.system}-{self.arch}",
            stands_for=self.uv,
        )

    def tags(self) -> list[str]:
        """Tags of wheels that install there ("cp312-cp312-manylinux_2_17_x86_64"), the best first."""
        from packaging import tags  # noqa: PLC0415 - only here

        major, minor = (int(part) for part in self.python.removesuffix("t").split("."))
        abi = f"cp{major}{minor}{'t' if self.python.endswith('t') else ''}"
        platforms = list(self._platforms())
        found = [
            *tags.cpython_tags((major, minor), abis=[abi], platforms=platforms),
            *tags.compatible_tags((major, minor), interpreter=f"cp{major}{minor}", platforms=platforms),
        ]
        return [str(tag) for tag in found]

    @property
    def _minor(self) -> int:
        return int((self.glibc or "2.17").split(".")[1])

    def _platforms(self) -> Iterator[str]:
        if self.system == "windows":
            yield {"x86_64": "win_amd64", "aarch64": "win_arm64"}[self.arch]
        elif self.system == "macos":
            from packaging import tags  # noqa: PLC0415 - as above

            yield from tags.mac_platforms(_MACOS, "arm64" if self.arch == "aarch64" else self.arch)
        else:
            for minor in range(self._minor, 4, -1):
                yield f"manylinux_2_{minor}_{self.arch}"
                if minor in _ALIASES:
                    yield f"{_ALIASES[minor]}_{self.arch}"
            yield f"linux_{self.arch}"


def platform_of(machine: Machine, python: str) -> Platform:
    """The platform of a machine. Raises InputError naming the fact that is missing or not served."""
    system = known(machine.os.system) if isinstance(machine.os, OperatingSystem) else None
    arch = known(machine.arch)
    if system is None or arch is None:
        raise InputError("the platform is not known: give --os and --arch, or a machine file that has both")
    arch = _ARCH.get(arch, arch)
    if system not in SYSTEMS or arch not in {"x86_64", "aarch64"}:
        raise InputError(f"no wheels are bundled for {system} on {arch}")
    if system != "linux":
        return Platform(system=system, arch=arch, python=python)
    libc = machine.libc if isinstance(machine.libc, Libc) else Libc()
    name, version = known(libc.name), known(libc.version)
    if name not in {None, "glibc"}:
        raise InputError(f"no wheels are bundled for {name}; there are hardly any")
    if version is None:
        raise InputError("the C library over there is not known: give --glibc 2.35 (it prints: ldd --version)")
    numbers = version.split(".")
    if numbers[0] != "2" or int(numbers[1]) < _MANYLINUX[0]:
        raise InputError(f"glibc {version}: older than any wheel of today is made for (2.{_MANYLINUX[0]})")
    return Platform(system=system, arch=arch, python=python, glibc=".".join(numbers[:2]))
