"""Facts that error messages state in passing: the GPU and its capability, the wheel's list, the driver's version.

The lines stay in the error text; only what they say about the machine is taken.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.importers import words
from envsetup.importers.facts import SAID, TOOL

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.importers.facts import Facts
    from envsetup.importers.page import Page

_DRIVER = r"(\d{3}\.\d{1,3}(?:\.\d{1,3})?)"


def read(page: Page, facts: Facts) -> bool:
    """Fill in facts; messages are no format, so always False."""
    for needle, pattern, reader in _MESSAGES:
        for number in page.containing(needle):
            match = pattern.search(page.lines[number])
            if match:
                reader(facts, match)
    return False


def _capability(digits: str) -> str:
    number = digits.rstrip("af")
    return f"{number[:-1]}.{number[-1]}"


def _not_compatible(facts: Facts, match: re.Match[str]) -> None:
    facts.said_gpu("nvidia", match.group(1).strip()[-60:], compute_capability=_capability(match.group(2)))


def _too_old_gpu(facts: Facts, match: re.Match[str]) -> None:
    facts.said_gpu("nvidia", match.group(1).strip(), compute_capability=match.group(2))


def _arch_list(facts: Facts, match: re.Match[str]) -> None:
    facts.framework("torch", TOOL, arch_list=re.findall(r"(?:sm|compute)_\d{2,3}[af]?", match.group(1)))


def _cuda_needed(facts: Facts, match: re.Match[str]) -> None:
    """11040 is CUDA 11.4: the newest that the driver runs."""
    number = int(match.group(1))
    facts.put("nvidia.cuda_ceiling", f"{number // 1000}.{number % 1000 // 10}")


def _nvcc_and_torch(facts: Facts, match: re.Match[str]) -> None:
    facts.put("cuda.nvcc_version", match.group(1))
    facts.framework("torch", cuda=match.group(2))


def _detected(facts: Facts, match: re.Match[str]) -> None:
    facts.put("cuda.nvcc_version", match.group(1))


def _kernel_and_library(facts: Facts, match: re.Match[str]) -> None:
    facts.put("nvidia.module_version", match.group(1))
    facts.put("nvidia.library_version", match.group(2))


def _client_and_kernel(facts: Facts, match: re.Match[str]) -> None:
    facts.put("nvidia.library_version", match.group(1))
    facts.put("nvidia.module_version", match.group(2))


def _library(facts: Facts, match: re.Match[str]) -> None:
    facts.put("nvidia.library_version", match.group(1))


def _module(facts: Facts, match: re.Match[str]) -> None:
    facts.put("nvidia.module_version", match.group(1))
    facts.put("driver.nvidia", match.group(1), SAID)
    facts.put("os.system", "linux", SAID)
    facts.put("os.wsl", False, SAID)  # noqa: FBT003 - WSL has no NVIDIA module that could report a version


def _smi_missing(facts: Facts, match: re.Match[str]) -> None:
    del match
    facts.put("nvidia.smi", "missing")


def _smi_error(facts: Facts, match: re.Match[str]) -> None:
    facts.put("nvidia.smi", "error")
    facts.put("nvidia.smi_text", match.group()[:300])


def _nvcc(facts: Facts, match: re.Match[str]) -> None:
    facts.put("cuda.nvcc_version", match.group(1))


def _site_packages(facts: Facts, match: re.Match[str]) -> None:
    facts.put("python.version", match.group(1), SAID)


def _windows(facts: Facts, match: re.Match[str]) -> None:
    del match
    facts.put("os.system", "windows", SAID)


def _kernel(facts: Facts, match: re.Match[str]) -> None:
    facts.put("os.system", "linux")
    facts.put("os.kernel", match.group(1))
    words.wsl(facts, match.group(1), TOOL)


def _banner(facts: Facts, match: re.Match[str]) -> None:
    words.python(facts, match.group(), SAID)


def _bits_32(facts: Facts, match: re.Match[str]) -> None:
    del match
    facts.put("python.bits", 32, SAID)


def _pip_python(facts: Facts, match: re.Match[str]) -> None:
    facts.package("pip", match.group(1))
    facts.put("python.version", match.group(2), SAID)


def _pip(facts: Facts, match: re.Match[str]) -> None:
    facts.package("pip", match.group(1))


def _nvidia_gpu_sm(facts: Facts, match: re.Match[str]) -> None:
    facts.said_gpu("nvidia", match.group(1).strip(), compute_capability=match.group(2))


# (a literal that must be in the lower-case text, the pattern, what it states)
_MESSAGES: tuple[tuple[str, re.Pattern[str], Callable[[Facts, re.Match[str]], None]], ...] = (
    (
        "with cuda capability sm_",
        re.compile(r"(?:^|[:\]>]\s*)\s*([A-Z][\w -]{3,60}?) with CUDA capability sm_(\d{2,3}[af]?)\b", re.IGNORECASE),
        _not_compatible,
    ),
    (
        "which is of ",
        re.compile(
            r"Found GPU\d{1,3} (.{3,60}?) which is of (?:max )?(?:cuda capability|"
            r"compute capability(?: \(CC\))?) (\d{1,2}\.\d)",
            re.IGNORECASE,
        ),
        _too_old_gpu,
    ),
    (
        "current pytorch install supports",
        re.compile(
            r"current PyTorch install supports CUDA capabilities ((?:(?:sm|compute)_\d{2,3}[af]?[ ,]{0,2}){1,40})",
            re.IGNORECASE,
        ),
        _arch_list,
    ),
    (
        "found version",
        re.compile(r"driver on your system is too old \(found version (\d{4,5})\)", re.IGNORECASE),
        _cuda_needed,
    ),
    (
        "does not match the version torch was compiled with",
        re.compile(
            r"Installed CUDA version (\d{1,2}\.\d) does not match the version torch was compiled with (\d{1,2}\.\d)"
        ),
        _nvcc_and_torch,
    ),
    ("the detected cuda version", re.compile(r"The detected CUDA version \((\d{1,2}\.\d)"), _detected),
    (
        "does not match dso version",
        re.compile(rf"kernel version {_DRIVER}(?:\.0)? does not match DSO version {_DRIVER}"),
        _kernel_and_library,
    ),
    (
        "api mismatch",
        re.compile(
            rf"(?:client has the version|client version) {_DRIVER}\D.{{0,80}}?(?:this )?kernel module (?:has the "
            rf")?version {_DRIVER}"
        ),
        _client_and_kernel,
    ),
    ("libcuda reported version is", re.compile(rf"libcuda reported version is:? {_DRIVER}"), _library),
    ("kernel reported version is", re.compile(rf"kernel reported version is:? {_DRIVER}"), _module),
    (
        "-32\\",
        re.compile(r"\\python3?\.?\d{1,2}-32\\", re.IGNORECASE),  # the folder that python.org's 32-bit installer makes
        _bits_32,
    ),
    ("nvml library version", re.compile(r"NVML library version: (\d{3}\.\d{1,3})"), _library),
    (
        "python ",
        re.compile(r"^Python \d\.\d{1,2}\.\d{1,2}\S{0,6} (?:\(|\|).{5,120}\[(?:MSC|GCC|Clang) .{1,60}\]"),
        _banner,
    ),
    (
        "nvrm version",
        re.compile(rf"NVRM version: NVIDIA UNIX .{{0,60}}?Kernel Module(?: for \w+)?\s+{_DRIVER}"),
        _module,
    ),
    (
        "nvidia-smi",
        re.compile(
            r"nvidia-smi: (?:command )?not found|command not found: nvidia-smi|'nvidia-smi' is not recognized",
            re.IGNORECASE,
        ),
        _smi_missing,
    ),
    (
        "nvidia-smi has failed",
        re.compile(r"NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver", re.IGNORECASE),
        _smi_error,
    ),
    ("failed to initialize nvml", re.compile(r"Failed to initialize NVML: .{3,80}"), _smi_error),
    (
        "cuda compilation tools",
        re.compile(r"Cuda compilation tools, release \d{1,2}\.\d, V(\d{1,2}\.\d\.\d{1,4})", re.IGNORECASE),
        _nvcc,
    ),
    (
        "packages",
        re.compile(r"[/\\](?:lib[/\\])?[Pp]ython(\d\.?\d{1,2})[/\\](?:lib[/\\])?(?:site|dist)-packages"),
        _site_packages,
    ),
    (
        ":\\",
        re.compile(r"\b[A-Z]:\\(?:Users|Program Files|Windows|ProgramData|Anaconda|Python)", re.IGNORECASE),
        _windows,
    ),
    ("linux version ", re.compile(r"Linux version (\d\.\d{1,3}\.\d{1,3}[\w.+-]{0,60})"), _kernel),
    (
        "pip ",
        re.compile(r"^\s*\$?\s*pip (\d{1,2}\.\d{1,2}(?:\.\d)?) from .{1,300}\(python (\d\.\d{1,2})\)"),
        _pip_python,
    ),
    ("you are using pip", re.compile(r"You are using pip version (\d{1,2}\.\d{1,2}(?:\.\d)?)"), _pip),
    (
        "capability",
        re.compile(
            r"\b((?:RTX|GTX) ?(?:PRO )?\d{3,4}(?: Ti)?(?: SUPER)?)\s?[(,:]{1,2}\s?(?:\w{1,12} )?(?:compute|"
            r"CUDA) capability:? (\d{1,2}\.\d)\b",
            re.IGNORECASE,
        ),
        _nvidia_gpu_sm,
    ),
    (
        "sm_",
        re.compile(
            r"\b((?:RTX|GTX) ?(?:PRO )?\d{3,4}(?: Ti)?(?: SUPER)?)\s?\((?:\w{0,12}[ ,]{0,2})sm_(\d{2,3})\)",
            re.IGNORECASE,
        ),
        lambda facts, match: facts.said_gpu("nvidia", match.group(1), compute_capability=_capability(match.group(2))),
    ),
)
