"""Whether installed files are what their wheels brought. argv[1]: the environment's folder; stdout: JSON.

Runs inside an image as a program, and is imported where the environment can be read from outside.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

THREADS = 4  # hashing lets go of the interpreter's lock
BLOCK = 1 << 20


class Distribution(NamedTuple):
    """An installed package; `requires` are its requirement lines."""

    name: str  # normalised
    version: str
    record: Optional[Path]
    requires: List[str]


def site_packages(prefix: Path) -> List[Path]:
    return sorted(prefix.glob("lib/python3*/site-packages"))


def distributions(prefix: Path) -> Iterator[Distribution]:
    for site in site_packages(prefix):
        for info in sorted(site.glob("*.dist-info")):
            metadata = info / "METADATA"
            head = metadata.read_text("utf-8", "replace").partition("\n\n")[0] if metadata.is_file() else ""
            fields = re.findall(r"^(Name|Version|Requires-Dist): *(.*?) *$", head, re.MULTILINE)
            known = dict(fields[::-1])
            name = known.get("Name") or info.name.partition("-")[0]
            version = known.get("Version") or info.name[: -len(".dist-info")].partition("-")[2]
            record = info / "RECORD"
            yield Distribution(
                re.sub(r"[-_.]+", "-", name).lower(),
                version,
                record if record.is_file() else None,
                [value for key, value in fields if key == "Requires-Dist"],
            )


def listed(record: Path) -> Iterator[Tuple[Path, str]]:
    """Every file that a RECORD names, with its hash as written there; empty where it gives none."""
    site = record.parent.parent
    with record.open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            if row and row[0]:
                yield site / row[0], row[1] if len(row) > 1 else ""


def wrong(entry: Tuple[Path, str]) -> Optional[str]:
    """What is wrong with a file: missing, modified or unreadable."""
    path, expected = entry
    algorithm, _, digest = expected.partition("=")
    try:
        hashed = hashlib.new(algorithm)
        with path.open("rb") as file:
            for block in iter(lambda: file.read(BLOCK), b""):
                hashed.update(block)
    except FileNotFoundError:
        return "missing"
    except (OSError, ValueError):
        return "unreadable"
    there = base64.urlsafe_b64encode(hashed.digest()).rstrip(b"=").decode()
    return None if there == digest.rstrip("=") else "modified"


def look(prefix: Path) -> Dict[str, Any]:
    """Packages and their RECORDs' digests, and every file that is not as its RECORD says, relative to `prefix`."""
    found: Dict[str, Any] = {"packages": {}, "records": {}, "files": 0, "missing": [], "modified": [], "unreadable": []}
    entries: List[Tuple[Path, str]] = []
    for distribution in distributions(prefix):
        found["packages"][distribution.name] = distribution.version
        if distribution.record is None:
            found["missing"].append("RECORD of " + distribution.name)
            continue
        found["records"][distribution.name] = hashlib.sha256(distribution.record.read_bytes()).hexdigest()
        entries += [entry for entry in listed(distribution.record) if entry[1]]
    found["files"] = len(entries)
    with ThreadPoolExecutor(THREADS) as pool:
        for path, fault in pool.map(lambda entry: (entry[0], wrong(entry)), entries):
            if fault:
                found[fault].append(relative(path, prefix))
    return found


def relative(path: Path, prefix: Path) -> str:
    """A path as seen from `prefix`; RECORDs name commands by way of ../../../bin."""
    parts: List[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    plain = Path(*parts)
    return plain.relative_to(prefix).as_posix() if prefix in plain.parents else plain.as_posix()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(look(Path(sys.argv[1]))) + "\n")
