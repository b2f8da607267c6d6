"""Machine files: what `probe -o` writes and `--machine`, `--from` and `--expect` read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from envsetup.model.codec import convert, to_json
from envsetup.model.errors import InputError
from envsetup.model.machine import SCHEMA, Machine
from envsetup.model.maybe import known
from envsetup.world.files import read_input, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        machine = convert(document, Machine)
    except msgspec.ValidationError as error:
        raise InputError(f"{name}: {error}", hint="see `envsetup probe --json` for the form of every field") from error
    for place, value, example in _versions(machine):
        # Read on, "sm_89" would count as not known, and a plan for any GPU would be the answer.
        if value is not None and not re.match(r"\d+(\.\d|$)", value):
            raise InputError(f"{name}: {value!r} at {place} is no version, {example} is one")
    return machine


def _versions(machine: Machine) -> Iterator[tuple[str, str | None, str]]:
    """The versions that people write by hand: their place, what stands there, and an example."""
    python, libc, driver = known(machine.python), known(machine.libc), known(machine.driver)
    yield "$.python.version", known(python.version) if python else None, "3.12.4"
    yield "$.libc.version", known(libc.version) if libc else None, "2.35"
    yield "$.driver.nvidia", known(driver.nvidia) if driver else None, "550.54.14"
    for number, gpu in enumerate(known(machine.gpus) or []):
        yield f"$.gpus[{number}].compute_capability", known(gpu.compute_capability), "8.9"


def _utf8(data: bytes) -> bytes:
    """What Windows' shells and editors write has a byte order mark, or is UTF-16."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16").encode()
    return data.removeprefix(b"\xef\xbb\xbf")


def write_snapshot(name: str, machine: Machine) -> None:
    """Write a machine that was redacted before; whole or not at all. Raises InputError."""
    write_whole(name, to_json(machine))
