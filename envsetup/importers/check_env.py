"""SGLang's `check_env` and mmcv's table of the same shape: `GPU 0,1: NAME`, `CUDA_HOME: ...`, `name: version`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.importers import keyed, pip_list, words
from envsetup.importers.facts import TOOL

if TYPE_CHECKING:
    from envsetup.importers.facts import Facts
    from envsetup.importers.keyed import Entry
    from envsetup.importers.page import Page

_GPU = re.compile(r"GPU ((?:\d{1,3},\s?){0,63}\d{1,3}): (.{2,100})$")
_CAPABILITY = re.compile(r"GPU ((?:\d{1,3},\s?){0,63}\d{1,3}) Compute Capability: (\d{1,2}\.\d)")
_PACKAGE = re.compile(r"([A-Za-z][\w.-]{0,40}): (\d[\w.+!-]{0,50}|Module Not Found)$")


def read(page: Page, facts: Facts) -> bool:
    """Fill in facts; True when the text holds such a report."""
    signs = sum(
        word in page.joined
        for word in ("CUDA available:", "ROCM available:", "CUDA_HOME:", "NVCC:", "HIPCC:", "ROCM_HOME:")
    )
    if signs < 2 or "PyTorch:" not in page.joined:  # noqa: PLR2004 - one sign may be prose
        return False
    amd = "ROCM available: True" in page.joined or "HIPCC:" in page.joined
    _gpus(page, facts, "amd" if amd else None)
    keyed.read(page, facts, _KEYS)
    for number, line in enumerate(page.bare):
        match = _PACKAGE.match(line) if not page.claimed(number) else None
        if match:
            page.claim(number)
            if match.group(2)[0].isdigit():
                pip_list.add(facts, match.group(1), match.group(2))
    return True


def _gpus(page: Page, facts: Facts, maker: str | None) -> None:
    for number, line in enumerate(page.bare):
        if not line.startswith("GPU "):
            continue
        capability = _CAPABILITY.match(line)
        match = None if capability else _GPU.match(line)
        if capability:
            page.claim(number)
            for index in capability.group(1).split(","):
                vendor = "amd" if facts.gpu_fact("amd", int(index), "name") else maker or "nvidia"
                if vendor == "nvidia":  # ROCm reports a gfx generation here, no CUDA capability
                    facts.gpu(vendor, int(index), compute_capability=capability.group(2))
        elif match and "Compute Capability" not in line:
            page.claim(number)
            for index in match.group(1).split(","):
                facts.gpu(maker or words.vendor(match.group(2)), int(index), name=match.group(2).strip())


def _torch(entry: Entry) -> None:
    words.torch(entry.facts, entry.value, TOOL)
    found = re.match(r"\d[\w.+-]{0,50}", entry.value)
    if found:
        entry.facts.package("torch", found.group())
        entry.facts.framework("torch", source="check_env")


def _python(entry: Entry) -> None:
    words.python(entry.facts, entry.value, TOOL)


def _cuda(entry: Entry) -> None:
    answer = words.yes(entry.value)
    if answer is not None:
        entry.facts.framework("torch", cuda_available=answer)


def _nvcc(entry: Entry) -> None:
    exact = re.search(r"V(\d{1,2}\.\d\.\d{1,4})", entry.value)
    number = exact.group(1) if exact else words.version(entry.value)
    if number:
        entry.facts.put("cuda.nvcc_version", number)


def _driver(entry: Entry) -> None:
    found = re.search(r"\d{3}\.\d{1,3}(?:\.\d{1,3})?", entry.value)
    if found:
        entry.facts.put("driver.nvidia", found.group())


def _home(entry: Entry) -> None:
    if entry.value.startswith("/"):
        entry.facts.variable("CUDA_HOME", entry.value[:400])


def _nofile(entry: Entry) -> None:
    if entry.value.isdigit() and len(entry.value) < 10:  # noqa: PLR2004 - a sane limit
        entry.facts.put("limits.nofile_soft", int(entry.value))


def _system(entry: Entry) -> None:
    words.system(entry.facts, {"win32": "windows", "darwin": "darwin"}.get(entry.value, entry.value), TOOL)


def _nothing(entry: Entry) -> None:
    del entry


_KEYS = {
    "python": _python,
    "pytorch": _torch,
    "cuda available": _cuda,
    "rocm available": _cuda,
    "nvcc": _nvcc,
    "cuda driver version": _driver,
    "cuda_home": _home,
    "ulimit soft": _nofile,
    "sys.platform": _system,
    "hipcc": _nothing,
    "rocm_home": _nothing,
    "rocm driver version": _nothing,
    "hypervisor vendor": _nothing,
    "nvidia topology": _nothing,
    "amd topology": _nothing,
    "gcc": _nothing,
}
