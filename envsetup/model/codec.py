"""Values to JSON and back; what cannot be read is one line that names the file and the place in it."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from envsetup.model.errors import InputError

T = TypeVar("T")


def to_json(value: object, *, indent: int = 2) -> str:
    """Value to JSON text, ending in a newline."""
    return msgspec.json.format(msgspec.json.encode(value), indent=indent).decode() + "\n"


def from_json(data: bytes | str, kind: type[T], *, name: str) -> T:
    """JSON text to a value of `kind`.

    Raises InputError naming `name` (the file) and the key path of what is wrong.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{name}: {error}") from error


def schema(kind: type[Any]) -> dict[str, Any]:
    """The JSON schema of a value's type."""
    return msgspec.json.schema(kind)
