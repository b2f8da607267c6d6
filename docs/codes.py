"""Writes docs/codes/CODE.md for every failure mode, from envsetup/data/failure_modes.json. Run it after changing that.

python docs/codes.py
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from envsetup.doctor.catalogue import entries

if TYPE_CHECKING:
    from envsetup.doctor.catalogue import Entry

FOLDER = Path(__file__).parent / "codes"
SEVERITIES = {
    "critical": "hardware or data are at risk",
    "error": "what was asked for fails, or runs on the wrong device",
    "warning": "slow, fragile, or about to fail",
    "info": "context, never a fault",
}


def pages() -> dict[str, str]:
    """File name to text, the index included."""
    rows = entries()
    return {"README.md": _index(list(rows.values())), **{f"{code}.md": page(row) for code, row in rows.items()}}


def page(row: Entry) -> str:
    """One failure mode as Markdown."""
    lines = [f"# {row.title}", "", f"`{row.code}` · {row.area} · {row.severity}: {SEVERITIES[row.severity]}", ""]
    lines += [row.explanation, "", f"**What it costs.** {row.consequence}", ""]
    lines += [f"**Not to be confused.** {row.trap}", ""] if row.trap else []
    lines += ["## What to do", ""]
    for number, remedy in enumerate(row.remedies, start=1):
        needs = "" if remedy.needs in ("none", "user") else f" (needs {remedy.needs})"
        lines.append(f"{number}. {remedy.text}{needs}")
        if remedy.command:
            lines += ["", "   ```sh", f"   {remedy.command}", "   ```", ""]
    lines += ["", f"Layer: {row.layer}. Checked {row.checked}.", ""]
    if row.sources:
        lines += ["Sources:", "", *(f"- {source}" for source in row.sources), ""]
    return "\n".join(lines).replace("\n\n\n", "\n\n").rstrip("\n") + "\n"


def _index(rows: list[Entry]) -> str:
    lines = ["# Finding codes", "", "What `envsetup doctor` can name; `envsetup explain CODE` shows the same page.", ""]
    for area in dict.fromkeys(row.area for row in rows):
        lines += [f"## {area}", ""]
        lines += [f"- [`{row.code}`]({row.code}.md) {row.title}" for row in rows if row.area == area]
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    written = pages()
    for name, text in written.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    for path in FOLDER.glob("*.md"):
        if path.name not in written:
            path.unlink()
