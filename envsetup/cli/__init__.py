"""click: parse, call, present. No judgement here."""

from __future__ import annotations

from envsetup.cli.main import main

__all__ = ["main"]
