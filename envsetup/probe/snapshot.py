"""Machine files: what `probe -o` writes and `--machine`, `--from` and `--expect` read."""

from __future__ import annotations

import re

import msgspec

from envsetup.model.codec import convert, to_json
from envsetup.model.errors import InputError
from envsetup.model.machine import SCHEMA, Machine
from envsetup.world.files import read_input, write_whole

FAMILY = SCHEMA.partition("/")[0]


def read_snapshot(name: str) -> Machine:
    """A snapshot or a description of a machine from a file, or from standard input for `-`.

    Raises InputError that names the file, the place in it, and what is accepted.
    """
    return parse_snapshot(read_input(name), name="standard input" if name == "-" else name)


def parse_snapshot(data: bytes, *, name: str) -> Machine:
    """The same from bytes. Fields of a newer envsetup are ignored; a field in the wrong form is refused."""
    accepted = f"a machine file ({SCHEMA}) is accepted"
    try:
        document = msgspec.json.decode(_utf8(data))
    except RecursionError:
        raise InputError(f"{name}: nested too deeply", hint=accepted) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{name}: not JSON: {error}", hint=accepted) from error
    if not isinstance(document, dict):
        raise InputError(f"{name}: an object is expected at $", hint=accepted)
    if document and not document.keys() & {field.encode_name for field in msgspec.structs.fields(Machine)}:
        raise InputError(f"{name}: no field at $ is one of a machine", hint=accepted)
    schema = document.get("schema", SCHEMA)
    if not isinstance(schema, str) or not re.fullmatch(rf"{re.escape(FAMILY)}/\d+", schema):
        raise InputError(f"{name}: the schema at $.schema is {schema!r}, {SCHEMA!r} is accepted")
    if schema != SCHEMA:
        raise InputError(f"{name}: written by a newer envsetup ({schema} at $.schema); this one reads {SCHEMA}")
    try:
        return convert(document, Machine)
    except msgspec.ValidationError as error:
        raise InputError(f"{name}: {error}", hint="see `envsetup probe --json` for the form of every field") from error


def _utf8(data: bytes) -> bytes:
    """What Windows' shells and editors write has a byte order mark, or is UTF-16."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16").encode()
    return data.removeprefix(b"\xef\xbb\xbf")


def write_snapshot(name: str, machine: Machine) -> None:
    """Write a machine that was redacted before; whole or not at all. Raises InputError."""
    write_whole(name, to_json(machine))
