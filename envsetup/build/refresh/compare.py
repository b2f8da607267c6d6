"""The shipped rows beside the live ones: what differs, and the data file's text with the difference put in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from envsetup.build.refresh import live
from envsetup.compat.tables import key

if TYPE_CHECKING:
    from envsetup.build.refresh.live import Fields
    from envsetup.build.refresh.wheels import Wheel


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One field of one release. `shipped` None: the release is not in the table."""

    table: str  # torch.json
    release: str
    field: str
    shipped: Any
    live: Any

    def __str__(self) -> str:
        where = f"{self.table} {self.release}"
        if self.shipped is None:
            return f"{where}: not in the table; on the index for {self.live}"
        return f"{where} {self.field}: shipped {json.dumps(self.shipped)}, live {json.dumps(self.live)}"


def names(table: str, rows: list[Fields], wheels: dict[str, list[Wheel]]) -> list[Difference]:
    """What the names of the wheels contradict: Pythons and floors. Releases newer than the table are told too."""
    known = {row["version"]: row for row in rows}
    newest = max(known, key=key)
    found: list[Difference] = []
    for version, listed in wheels.items():
        row = known.get(version)
        if row is not None:
            found += _differ(table, version, row, _from_names(table, row, listed))
        elif key(version) > key(newest):
            spans = live.pythons(listed)
            told = "; ".join(f"{platform} {tags}" for platform, tags in spans.items())
            found.append(Difference(table=table, release=version, field="version", shipped=None, live=told))
    return found


def _from_names(table: str, row: Fields, listed: list[Wheel]) -> Fields:
    if table == "torch.json":
        return {"wheels": live.floors(listed)}
    # Only platforms that the table speaks of: JAX's rows leave out Intel Macs, which it has given up.
    spans = {name: tags for name, tags in live.pythons(listed).items() if name in row["python"]}
    return {"python": spans, "glibc": live.glibc(listed)}


def headers(table: str, row: Fields, said: Fields) -> list[Difference]:
    """What a wheel's own headers contradict."""
    if table != "torch.json":
        return _differ(table, row["version"], row, said)
    shipped = {"pypi": row["pypi"].get("linux-x86_64"), "cudnn": row.get("cudnn")}
    default: Fields = next((v for v in row["variants"] if v["name"] == said.get("pypi")), {})
    shipped["archs"] = default.get("linux-x86_64")
    return _differ(table, row["version"], shipped, {k: v for k, v in said.items() if shipped.get(k) is not None})


def _differ(table: str, version: str, row: Fields, said: Fields) -> list[Difference]:
    return [
        Difference(table=table, release=version, field=field, shipped=row.get(field), live=value)
        for field, value in said.items()
        if _plain(row.get(field)) != _plain(value)
    ]


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Without the order of words, rows and keys, which says nothing."""
    if isinstance(value, str):
        return sorted(value.replace(",", " ").split())
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return sorted((_plain(inner) for inner in value), key=repr)
    return value


def written(text: str, differences: list[Difference]) -> tuple[str, list[Difference]]:
    """The data file with the live values in place of the shipped ones, and the differences that need a person.

    The layout stays as it is: only the values of fields that stand in the file as one piece are replaced.
    """
    left: list[Difference] = []
    for difference in differences:
        start = text.find(f'"version": "{difference.release}"')
        stop = text.find('"version": ', start + 1)
        row = text[start : stop if stop > 0 else len(text)]
        old = f'"{difference.field}": {json.dumps(difference.shipped)}'
        if difference.shipped is None or start < 0 or row.count(old) != 1:
            left.append(difference)
            continue
        new = f'"{difference.field}": {json.dumps(difference.live)}'
        text = text[:start] + row.replace(old, new) + text[start + len(row) :]
    return text, left
