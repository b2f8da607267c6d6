"""The dynamic loader's cache, `/etc/ld.so.cache`, as glibc lays it out (sysdeps/generic/dl-cache.h).

Only the new format (`glibc-ld.so.cache1.1`) is read; it may stand alone or behind the old one.
"""

from __future__ import annotations

import struct

MAGIC = b"glibc-ld.so.cache1.1"
HEADER = struct.Struct("<20sIIBxxxIIII")  # magic, count, string bytes, flags, extension offset, unused
ENTRY = struct.Struct("<iIIIQ")  # flags, offset of the name, offset of the path, OS version, hardware capabilities


def decode(data: bytes) -> list[tuple[str, str]]:
    """(soname, path) in the cache's order; empty when this is no cache that we know.

    Entries whose offsets point outside of the data are left out.
    """
    start = data.find(MAGIC)
    if start < 0 or len(data) < start + HEADER.size:
        return []
    count = HEADER.unpack_from(data, start)[1]
    first = start + HEADER.size
    fit = min(count, (len(data) - first) // ENTRY.size)
    entries = []
    for _flags, name, path, _version, _capabilities in ENTRY.iter_unpack(data[first : first + fit * ENTRY.size]):
        pair = (_string(data, start + name), _string(data, start + path))
        if all(pair):
            entries.append(pair)
    return entries


def encode(entries: list[tuple[str, str]]) -> bytes:
    """A cache that holds these (soname, path) pairs: what `decode` reads, for recorded machines."""
    strings = b""
    table = b""
    base = HEADER.size + ENTRY.size * len(entries)
    for name, path in entries:
        offset = base + len(strings)
        strings += name.encode() + b"\0" + path.encode() + b"\0"
        table += ENTRY.pack(0x0303, offset, offset + len(name.encode()) + 1, 0, 0)
    return HEADER.pack(MAGIC, len(entries), len(strings), 2, 0, 0, 0, 0) + table + strings


def _string(data: bytes, offset: int) -> str:
    end = data.find(b"\0", offset)
    return data[offset:end].decode("utf-8", "replace") if 0 <= offset < end else ""
