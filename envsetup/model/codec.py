"""Values to JSON and back; what cannot be read is one line that names the file and the place in it."""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

from envsetup.model.errors import InputError

T = TypeVar("T")

# msgspec (seen with 0.22) works a type out when it first meets it; a thread that meets it meanwhile reads the
# unfinished result, and the process dies of SIGSEGV. So every type is worked out here, by one thread at a time.
_working_out = threading.RLock()
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """The JSON decoder of a type; its own calls may come from any thread."""
    found = _decoders.get(kind)
    if found is None:
        with _working_out:
            found = _decoders.setdefault(kind, msgspec.json.Decoder(kind))
    return found


def decode(data: bytes | str, kind: type[T]) -> T:
    """JSON text to a value of `kind`. Raises msgspec.DecodeError, or ValidationError with the place."""
    return decoder(kind).decode(data)


def convert(value: object, kind: type[T]) -> T:
    """Plain objects to a value of `kind`. Raises msgspec.ValidationError."""
    decoder(kind)  # works the type out
    return msgspec.convert(value, kind)


def to_json(value: object, *, indent: int = 2) -> str:
    """Value to JSON text, ending in a newline."""
    return msgspec.json.format(msgspec.json.encode(value), indent=indent).decode() + "\n"


def from_json(data: bytes | str, kind: type[T], *, name: str) -> T:
    """JSON text to a value of `kind`.

    Raises InputError naming `name` (the file) and the key path of what is wrong.
    """
    try:
        return decode(data, kind)
    except RecursionError:
        raise InputError(f"{name}: nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{name}: {error}") from error


def schema(kind: type[Any]) -> dict[str, Any]:
    """The JSON schema of a value's type."""
    return msgspec.json.schema(kind)
