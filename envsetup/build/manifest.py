"""What an environment says about itself: `envsetup.json` in its root. Schema `envsetup.manifest/1`, additive only."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Optional

import msgspec

from envsetup.model.plan import Plan, Request

if TYPE_CHECKING:
    from envsetup.model.machine import Machine

SCHEMA = "envsetup.manifest/1"
MANIFEST = "envsetup.json"  # its presence says: envsetup made this folder and may replace it
LOCK_NAME = "requirements.lock"


class Manifest(msgspec.Struct, frozen=True, kw_only=True, rename={"schema_": "schema"}):
    """How this environment came about. No path and no secret stands in it."""

    schema_: str = SCHEMA
    tool: str  # envsetup's version
    created: Optional[str]  # ISO 8601, UTC; None in an image, where the same request makes the same bytes
    target: str  # venv, docker
    python: str  # X.Y.Z
    request: Request
    plan: Plan  # with its reasons
    lock: str  # digest of the lock's pins and hashes
    sources: list[str] = []  # names, first choice first
    probe: Optional[str] = None  # digest of the machine's snapshot; None in an image, and without a look


def machine_digest(machine: Machine) -> str:
    """SHA-256 of the snapshot's JSON."""
    return "sha256:" + hashlib.sha256(msgspec.json.encode(machine)).hexdigest()
