"""`transformers env`, `accelerate env` and their kin: `- PyTorch version (GPU?): 2.1 (True)`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.importers import keyed, pip_list, prose, words
from envsetup.importers.facts import TOOL

if TYPE_CHECKING:
    from envsetup.importers.facts import Facts
    from envsetup.importers.keyed import Entry
    from envsetup.importers.page import Page

_MIN_KEYS = 2


def read(page: Page, facts: Facts) -> bool:
    """Fill in facts; True when the text holds such a report."""
    return len(keyed.read(page, facts, _KEYS)) >= _MIN_KEYS


def _torch(entry: Entry) -> None:
    words.torch(entry.facts, entry.value, TOOL)
    found = re.match(r"(\d[\w.+-]{0,40})(?:\s*\((True|False|yes|no|NA)\))?", entry.value, re.IGNORECASE)
    if found:
        entry.facts.package("torch", found.group(1))
        answer = words.yes(found.group(2) or "")
        if answer is not None:
            entry.facts.framework("torch", cuda_available=answer)


def _package(name: str) -> keyed.Handler:
    def read_version(entry: Entry) -> None:
        found = re.match(r"\d[\w.+-]{0,40}", entry.value)
        if found:
            pip_list.add(entry.facts, name, found.group())

    return read_version


def _platform(entry: Entry) -> None:
    words.platform(entry.facts, entry.value, TOOL)


def _gpu(entry: Entry) -> None:
    prose.gpus(entry.facts, entry.value)


def _ram(entry: Entry) -> None:
    found = re.match(r"(\d{1,5})(?:\.\d+)? ?GB", entry.value)
    if found:
        entry.facts.put("memory.total_mib", int(found.group(1)) * 1024)


_KEYS = {
    "pytorch version (gpu?)": _torch,
    "pytorch_version": _torch,
    "torch version (gpu?)": _torch,
    "tensorflow version (gpu?)": _package("tensorflow"),
    "jax version": _package("jax"),
    "jaxlib version": _package("jaxlib"),
    "transformers version": _package("transformers"),
    "accelerate version": _package("accelerate"),
    "diffusers version": _package("diffusers"),
    "numpy version": _package("numpy"),
    "huggingface_hub version": _package("huggingface-hub"),
    "safetensors version": _package("safetensors"),
    "platform": _platform,
    "gpu type": _gpu,
    "accelerator": _gpu,
    "system ram": _ram,
}
