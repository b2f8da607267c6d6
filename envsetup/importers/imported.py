"""`read`: every format looks at the text in turn, claims its own lines, and what nobody claimed is error text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from envsetup.importers import (
    check_env,
    collect_env,
    conda_list,
    gpustat,
    jax_info,
    kernel_log,
    library_env,
    lspci,
    messages,
    nvidia_smi,
    nvidia_smi_list,
    nvidia_smi_query,
    pip_list,
    prose,
    rocm_tools,
    tensorflow_report,
    variables,
)
from envsetup.importers.facts import Facts
from envsetup.importers.page import Page, clean
from envsetup.model.hardware import Gpu
from envsetup.model.machine import Machine

if TYPE_CHECKING:
    from collections.abc import Callable

_ERROR_CHARS = 1_000_000
# Text of old reports named the C library Python was built against; since 3.8 it is the one that runs.
_LIBC_TOLD_SINCE = (3, 8)


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What a text gave.

    `kinds` are the formats found. `error_text` is what no format claimed, with the text's own line numbers.
    `notes` are sentences about the text: what of it was not read, what it says without it being a fact.
    `weak` are the fact paths that rest on a sentence, not on a tool's output. `named` are GPUs of which the text does
    not say which of them it is about.
    """

    kinds: list[str]
    machine: Machine
    error_text: str
    notes: list[str] = []
    weak: list[str] = []
    named: list[Gpu] = []


# Order matters where two formats could claim a line: the more particular one first.
_FORMATS: tuple[tuple[str, Callable[[Page, Facts], bool]], ...] = (
    ("nvidia-smi", nvidia_smi.read),
    ("nvidia-smi -q", nvidia_smi_query.read),
    ("gpustat", gpustat.read),
    ("rocm tools", rocm_tools.read),
    ("pip list", pip_list.read),
    ("conda list", conda_list.read),
    ("check_env", check_env.read),
    ("collect_env", collect_env.read),
    ("nvidia-smi -L", nvidia_smi_list.read),
    ("tensorflow report", tensorflow_report.read),
    ("library env", library_env.read),
    ("jax info", jax_info.read),
    ("lspci", lspci.read),
    ("kernel log", kernel_log.read),
    ("variables", variables.read),
    ("messages", messages.read),
    ("prose", prose.read),
)


def read(text: str) -> Imported:
    """Read any text; never raises, takes time linear in the text, and looks at its first 4 MiB only."""
    page = Page(text)
    facts = Facts()
    kinds = [name for name, reader in _FORMATS if reader(page, facts)]
    _settle(facts)
    machine, rest = facts.machine(), page.rest()
    if page.truncated or len(rest) > _ERROR_CHARS:
        facts.note("the text is longer than what is read: give its report and the end of its log alone")
    return Imported(
        kinds=kinds,
        machine=machine,
        error_text=rest[:_ERROR_CHARS],
        notes=facts.notes,
        weak=facts.weak(),
        named=facts.named(),
    )


def rest_of(imported: Imported, text: str) -> str:
    """The error text of the first of several texts that were read as one, joined by line feeds."""
    lines = clean(text).count("\n") + 1
    return "\n".join(imported.error_text.split("\n", lines)[:lines])


def _settle(facts: Facts) -> None:
    """Take back what another fact has shown to be meaningless, and join what belongs together."""
    parts = str(facts.get("python.version") or "").split(".")
    if len(parts) > 1 and (int(parts[0]), int(parts[1])) < _LIBC_TOLD_SINCE:
        facts.drop("libc.name")
        facts.drop("libc.version")
    if facts.get("cuda.nvcc_version") and facts.get("driver.nvidia") is None:
        facts.drop("nvidia.tools_present")  # it was nvcc that answered, which needs no GPU
