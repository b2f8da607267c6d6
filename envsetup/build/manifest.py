"""What an environment says about itself: `envsetup.json` in its root. Schema `envsetup.manifest/1`, additive only."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Optional

import msgspec

from envsetup.model.codec import decode
from envsetup.model.errors import InputError
from envsetup.model.plan import Plan, Request

if TYPE_CHECKING:
    from pathlib import Path

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
    name: Optional[str] = None  # `--name`
    base_image: Optional[str] = None  # `--base-image`
    described: bool = False  # planned for a machine that a file described (`--machine`), not for the one at hand


def machine_digest(machine: Machine) -> str:
    """SHA-256 of the snapshot's JSON."""
    return "sha256:" + hashlib.sha256(msgspec.json.encode(machine)).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """What the environment in `folder` says about itself. Raises InputError where envsetup did not make it."""
    path = folder / MANIFEST
    if not folder.exists():
        raise InputError(f"{folder}: no such folder; envsetup list shows the environments there are")
    try:
        return decode(path.read_bytes(), Manifest)
    except (FileNotFoundError, NotADirectoryError):
        hint = f"it has no {MANIFEST}; envsetup doctor --env looks at any environment"
        raise InputError(f"{folder} was not made by envsetup", hint=hint) from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise InputError(f"{path}: {error}; it is not what envsetup wrote") from error
