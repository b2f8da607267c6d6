"""`python -m envsetup.build.refresh [--write] [--headers N]`: the tables against the index, as lines of differences."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from envsetup.build.decide import engine
from envsetup.build.offers import addressed
from envsetup.build.refresh import compare, live
from envsetup.build.refresh.wheels import listed
from envsetup.build.simple import Fetcher, UnreachableError
from envsetup.model.plan import Request

if TYPE_CHECKING:
    from envsetup.build.refresh.compare import Difference
    from envsetup.build.sources import Source

PACKAGES = {"torch.json": "torch", "tensorflow.json": "tensorflow", "jax.json": "jaxlib"}
DEADLINE = 900.0  # seconds for everything


def differences(place: Source, fetcher: Fetcher, *, headers: int) -> dict[str, list[Difference]]:
    """What contradicts the shipped rows, by table; `headers`: of how many newest releases the wheels are read.

    Raises UnreachableError.
    """
    found: dict[str, list[Difference]] = {}
    for table, package in PACKAGES.items():
        data = json.loads(_file(table).read_text(encoding="utf-8"))
        wheels = live.by_version(listed(place, package, fetcher))
        found[table] = compare.names(table, data["releases"], wheels)
        if package not in live.HEADERS:
            continue
        for row in data["releases"][:headers]:
            said = live.HEADERS[package](wheels.get(row["version"], []), fetcher)
            found[table] += compare.headers(table, row, said)
    if headers:
        for plugin in json.loads(_file("jax.json").read_text(encoding="utf-8"))["plugins"]:
            row = {"version": f"plug-in {plugin['name']}", "archs": plugin["archs"]}
            found["jax.json"] += compare.headers("jax.json", row, live.plugin_archs(place, plugin["name"], fetcher))
    return found


def _file(table: str) -> Path:
    return Path(str(files("envsetup.data"))) / table


def main() -> int:
    """Print the differences; 1 when there are some that were not written, 3 when the index does not answer."""
    parser = ArgumentParser(prog="python -m envsetup.build.refresh", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the live values into envsetup/data")
    parser.add_argument("--headers", type=int, default=2, metavar="N", help="read the wheels of the N newest releases")
    asked = parser.parse_args()
    sources, uv = engine(Request(frameworks=["pytorch"], source="pypi"), [])
    fetcher = Fetcher(pip=sources.pip, deadline=time.monotonic() + DEADLINE)
    try:
        found = differences(addressed(sources.frameworks[0], uv), fetcher, headers=asked.headers)
    except UnreachableError as error:
        sys.stderr.write(f"the package index: {error}\n")
        return 3
    left = 0
    for table, rows in found.items():
        sys.stdout.write("".join(f"{row}\n" for row in rows) or f"{table}: as on the index\n")
        left += len(rows)
        if asked.write and rows:
            text, by_hand = compare.written(_file(table).read_text(encoding="utf-8"), rows)
            _file(table).write_text(text, encoding="utf-8")
            sys.stdout.write(f"{table}: {len(rows) - len(by_hand)} written, {len(by_hand)} left to a person\n")
            left -= len(rows) - len(by_hand)
    return 1 if left else 0


if __name__ == "__main__":
    raise SystemExit(main())
