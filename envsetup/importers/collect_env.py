"""`python -m torch.utils.collect_env`, from 2018 to today, and what vLLM's copy adds above its own section.

Traps: `None` says the build has no CUDA, `Could not collect` says nobody could look. "CUDA runtime version" is
nvcc's. "cuDNN version" lists files of the system, not what torch loads. "No CUDA" stands for all CUDA fields
when neither nvidia-smi nor nvcc answered.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.importers import cpu_info, keyed, words
from envsetup.importers.facts import SAID, TOOL

if TYPE_CHECKING:
    from envsetup.importers.facts import Facts
    from envsetup.importers.keyed import Entry
    from envsetup.importers.page import Page

_GPU = re.compile(r"GPU\s?(\d{1,3})\s{0,40}:\s*(.+)")
_UUID = re.compile(r"\s*\(UUID:[^)]{0,60}\)?")
_GFX = re.compile(r"\s*\((gfx[0-9a-f]{3,5})[^)]{0,60}\)")
_MIG = re.compile(r"MIG\s+\d{1,2}[cg]\.")
_CUDNN = re.compile(r"(?:/|[A-Za-z]:\\)\S{1,400}cudnn\S{0,200}", re.IGNORECASE)
_CUDNN_VERSION = re.compile(r"\.so\.(\d{1,2}(?:\.\d{1,3}){0,3})$|64_(\d{1,2})\.dll$")

_DECORATION = re.compile(
    r"=====|Collecting environment information|CPU:$|Versions of relevant libraries|(?:System|PyTorch|CPU|vLLM|"
    r"CUDA / GPU) Info$|"
    r"Python Environment$|Environment Variables$|Vulnerability |NUMA node\d|NUMA:$|L\d\w? ?cache|(?:NIC )?Legend:|"
    r"GPU Topology|"
    r"(?:X|SYS|NODE|PHB|PXB|PIX|NV#) {1,6}= |(?:GPU|NIC)\d{1,3}:?\s|"
    r"(?:CurrentClockSpeed|DeviceID|Family|L2CacheSize|L2CacheSpeed|MaxClockSpeed|ProcessorType|Revision|Caption)="
)


def read(page: Page, facts: Facts) -> bool:
    """Fill in facts; True when the text holds such a report."""
    found = keyed.read(page, facts, _KEYS)
    keys = {(page.pairs[number] or ("", ""))[0] for number in found}
    sure = len(keys & _SIGNS) >= 2 or (bool(keys & _SIGNS) and len(keys) >= 4)  # noqa: PLR2004 - two signs, or one among many keys
    if sure:
        cpu_info.read(page, facts)
        _decoration(page)
    return sure


def _decoration(page: Page) -> None:
    """Boxes, headings, and vLLM's topology table with its legend say nothing that is judged here."""
    for number, line in enumerate(page.bare):
        if _DECORATION.match(line):
            page.claim(number)


def _torch(entry: Entry) -> None:
    if entry.value.strip() in {"N/A", "None"}:
        entry.facts.note("PyTorch could not be imported where the report was made")
        return
    words.torch(entry.facts, entry.value, TOOL)
    entry.facts.framework("torch", source="collect_env")


def _cuda_build(entry: Entry) -> None:
    value = entry.value
    number = words.version(value)
    if number:
        entry.facts.framework("torch", cuda=".".join(number.split(".")[:2]))
    elif value in {"None", "N/A"} and entry.facts.framework_fact("torch", "version"):
        entry.facts.framework("torch", cuda=None)
    elif value == "Could not collect" and entry.facts.framework_fact("torch", "cuda") is None:
        # A build without CUDA prints None here, except where nvidia-smi or nvcc answered.
        entry.facts.put("nvidia.tools_present", True)  # noqa: FBT003 - a fact's value


def _rocm_build(entry: Entry) -> None:
    number = words.version(entry.value)
    if number:
        entry.facts.framework("torch", hip=number)
    elif entry.value in {"None", "N/A"} and entry.facts.framework_fact("torch", "version"):
        entry.facts.framework("torch", hip=None)


def _available(entry: Entry) -> None:
    answer = words.yes(entry.value)
    if answer is not None:
        entry.facts.framework("torch", cuda_available=answer)


def _os(entry: Entry) -> None:
    if not words.unreadable(entry.value):
        words.system(entry.facts, entry.value, TOOL)


def _libc(entry: Entry) -> None:
    match = re.match(r"(glibc|musl)-?(\d{1,2}\.\d{1,3})", entry.value)
    if match:
        words.glibc(entry.facts, match.group(1), match.group(2), TOOL)


def _python(entry: Entry) -> None:
    words.python(entry.facts, entry.value, TOOL)


def _platform(entry: Entry) -> None:
    words.platform(entry.facts, entry.value, TOOL)


def _nvcc(entry: Entry) -> None:
    number = words.version(entry.value)
    if number:
        entry.facts.put("cuda.nvcc_version", number)
    elif entry.value == "No CUDA":
        entry.facts.put("cuda.nvcc_version", None)


def _driver(entry: Entry) -> None:
    number = words.version(entry.value)
    if number:
        entry.facts.put("driver.nvidia", number)
    elif entry.value == "No CUDA":
        entry.facts.put("driver.nvidia", None)
    elif entry.value == "Could not collect":
        entry.facts.put("nvidia.smi", "error", SAID)  # it was run and gave no version


def _gpus(entry: Entry) -> None:
    """The list stands behind the colon or on the lines below; MIG instances are indented under their GPU."""
    if entry.value and not _GPU.match(entry.value):
        _one_gpu(entry.facts, 0, entry.value)
        return
    if entry.value:
        _listed(entry.facts, entry.value, None)
    page, last = entry.page, None
    for number in range(entry.number + 1, min(entry.number + 200, len(page.bare))):
        line = page.bare[number]
        if not (_GPU.match(line) or _MIG.match(line)):
            if line:
                break
            continue
        last = _listed(entry.facts, line, last)
        page.claim(number)


def _listed(facts: Facts, line: str, last: int | None) -> int | None:
    match = _GPU.match(line)
    if match:
        _one_gpu(facts, int(match.group(1)), match.group(2))
        return int(match.group(1))
    if last is not None:
        name = facts.gpu_fact("nvidia", last, "mig_instances") or 0
        facts.set_gpu("nvidia", last, mig_instances=name + 1, mig_mode="enabled")
    return last


def _one_gpu(facts: Facts, index: int, name: str) -> None:
    name = _UUID.sub("", name).strip()
    gfx = _GFX.search(name)
    name = _GFX.sub("", name).strip()
    if words.unreadable(name) or name == "No CUDA":
        return
    fields = {"name": name} if gfx is None else {"name": name, "gfx": gfx.group(1)}
    # A ROCm build lists AMD's GPUs alone, and older ones by their device number: "Device 66a1".
    rocm = bool(facts.framework_fact("torch", "hip")) and not facts.framework_fact("torch", "cuda")
    facts.gpu("amd" if rocm else words.vendor(name), index, **fields)


def _cudnn(entry: Entry) -> None:
    """Files that the loader's cache or the disk shows; said of the system, not of torch."""
    page = entry.page
    _cudnn_file(entry.facts, entry.value)
    for number in range(entry.number + 1, min(entry.number + 80, len(page.bare))):
        if not _CUDNN.match(page.bare[number]):
            return
        _cudnn_file(entry.facts, page.bare[number])
        page.claim(number)


def _cudnn_file(facts: Facts, path: str) -> None:
    if not _CUDNN.match(path):
        return
    name = re.split(r"[/\\]", path)[-1]
    number = _CUDNN_VERSION.search(name)
    row = {"soname": name, "path": path, "via": "cache"}
    if number:
        row["version"] = number.group(1) or number.group(2)
    facts.append("cuda.cudnn", **row)


def _hip(entry: Entry) -> None:
    number = words.version(entry.value)
    if number:
        entry.facts.put("amd.rocm_version", number)
        entry.facts.put("driver.rocm", number)


def _xpu(entry: Entry) -> None:
    if words.yes(entry.value):
        entry.facts.note("torch.xpu answered that an Intel GPU is available")


def _intel_gpus(entry: Entry) -> None:
    page = entry.page
    for number in range(entry.number + 1, min(entry.number + 20, len(page.bare))):
        line = page.bare[number]
        if not line.startswith(("Intel(R)", "Intel Corporation", "Intel Arc", "[")):
            return
        page.claim(number)
        name = re.sub(r"^\[\d+\]\s*", "", line)
        if name.startswith("Intel"):
            entry.facts.gpu("intel", number - entry.number - 1, name=name)


def _vllm(entry: Entry) -> None:
    found = re.match(r"v?(\d+\.\d+(?:\.\d+)?[\w.]{0,20})", entry.value)
    if found:
        entry.facts.package("vllm", found.group(1))


def _nothing(entry: Entry) -> None:
    del entry


_KEYS = {
    "pytorch version": _torch,
    "is debug build": _nothing,
    "cuda used to build pytorch": _cuda_build,
    "rocm used to build pytorch": _rocm_build,
    "os": _os,
    "gcc version": _nothing,
    "clang version": _nothing,
    "cmake version": _nothing,
    "libc version": _libc,
    "python version": _python,
    "python platform": _platform,
    "is cuda available": _available,
    "cuda runtime version": _nvcc,
    "cuda_module_loading set to": _nothing,
    "gpu models and configuration": _gpus,
    "nvidia driver version": _driver,
    "cudnn version": _cudnn,
    "is xpu available": _xpu,
    "intel gpu driver version": _nothing,
    "intel gpu models onboard": _intel_gpus,
    "intel gpu models detected": _nothing,
    "hip runtime version": _hip,
    "miopen runtime version": _nothing,
    "is xnnpack available": _nothing,
    "caching allocator config": _nothing,
    "vllm version": _vllm,
    "rocm version": _nothing,
    "neuron sdk version": _nothing,
    "vllm build flags": _nothing,
    "cuda archs": _nothing,
    "vllm ascend version": _nothing,
}
_SIGNS = {
    "is debug build",
    "cuda used to build pytorch",
    "rocm used to build pytorch",
    "gpu models and configuration",
    "nvidia driver version",
    "cuda runtime version",
    "cuda_module_loading set to",
    "is xnnpack available",
    "python platform",
}
