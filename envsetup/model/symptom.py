"""What an error text says: a recognised message, the codes it speaks for, and what would decide between them."""

from __future__ import annotations

from typing import Optional

import msgspec

from envsetup.model.finding import Confidence, Severity


class SymptomHit(msgspec.Struct, frozen=True, kw_only=True):
    """A message recognised in a text.

    `code` is the likeliest failure mode on the text alone; the doctor weighs it against the machine's facts.
    Noise is a hit like any other: its code belongs to an info-level failure mode.
    """

    code: str
    confidence: Confidence
    text: str  # the matched excerpt, one line, control characters removed, at most 300 characters
    line: int = 0  # 1-based line in the text; 0 when not known
    source: str = "text"  # the file's name, "stdin" or a section of it such as "kernel log"
    extension: Optional[str] = None  # the compiled package in whose frames it stood, e.g. flash_attn, bitsandbytes
    framework: Optional[str] = None  # torch, tensorflow, jax
    alternatives: list[str] = []  # other codes this text can mean, likeliest first
    decides: Optional[str] = None  # the fact that would decide, as something to ask the reporter for
    severity: Optional[Severity] = None  # where the message stops a program although its code alone is a remark
    rule: str = ""  # the row of data/symptoms.json that recognised it
