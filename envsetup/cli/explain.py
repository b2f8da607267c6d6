"""`envsetup explain`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from envsetup.doctor.catalogue import Entry

EPILOG = """\b
Examples:
  envsetup explain                            all codes by area
  envsetup explain driver-too-old-for-cuda
  envsetup explain --error traceback.txt      what a pasted error can mean, likeliest first
  python train.py 2>&1 | envsetup explain --error -
"""
WIDTH = 100


@click.command(epilog=EPILOG, short_help="Explain a finding code.")
@click.argument("code", required=False)
@click.option("--error", metavar="FILE|-", help="Name the causes of a pasted error or log.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("-v", "--verbose", count=True, help="With --error: what decides between the causes, for each of them.")
@click.option("-q", "--quiet", is_flag=True, help="Only what to do; with --error only the codes.")
def command(code: str | None, error: str | None, *, as_json: bool, verbose: int, quiet: bool) -> int:
    """Explain what a finding code means, what to do, and what it is often confused with."""
    from envsetup.doctor.catalogue import entries, entry
    from envsetup.model.codec import to_json
    from envsetup.model.errors import InputError

    if code is not None and error is not None:
        raise InputError("give a CODE or --error, not both")
    if error is not None:
        return _error(error, as_json=as_json, verbose=verbose > 0, quiet=quiet)
    if code is None:
        rows = list(entries().values())
        click.echo(to_json(rows) if as_json else _listing(rows, quiet=quiet), nl=False)
        return 0
    found = entry(code)
    click.echo(to_json(found) if as_json else page(found, quiet=quiet), nl=False)
    return 0


def _listing(rows: list[Entry], *, quiet: bool) -> str:
    if quiet:
        return "".join(f"{row.code}\n" for row in rows)
    lines: list[str] = []
    for area in dict.fromkeys(row.area for row in rows):
        lines += ["" if lines else None, area] if lines else [area]  # type: ignore[list-item]
        lines += [f"  {row.code:<34}{row.title}" for row in rows if row.area == area]
    return "\n".join(lines) + "\n"


def page(row: Entry, *, quiet: bool = False) -> str:
    """A failure mode for reading, ending in a newline; `quiet` leaves only what to do."""
    import textwrap

    def block(label: str, text: str) -> list[str]:
        return textwrap.wrap(
            text,
            WIDTH,
            initial_indent=f"{label:<12}",
            subsequent_indent=" " * 12,
            break_on_hyphens=False,
            break_long_words=False,
        )

    lines = [row.title] if quiet else [row.title, f"{row.code}, {row.severity}, {row.area}", ""]
    lines += [] if quiet else block("what", row.explanation) + block("so", row.consequence)
    for number, remedy in enumerate(row.remedies):
        needs = "" if remedy.needs in ("none", "user") else f" (needs {remedy.needs})"
        text = remedy.text if number == 0 else remedy.text.removeprefix("Or ")
        lines += block("fix" if number == 0 else "or", text[0].upper() + text[1:] + needs)
        lines += [f"{'':<14}{remedy.command}"] if remedy.command else []
    if quiet:
        return "\n".join(lines) + "\n"
    lines += block("mind", row.trap) if row.trap else []
    lines += [line for source in row.sources for line in block("source", source)]
    return "\n".join([*lines, f"{'checked':<12}{row.checked}"]) + "\n"


def _error(path: str, *, as_json: bool, verbose: bool, quiet: bool) -> int:
    """Codes for a text without any facts: 3 when nothing in it is known."""
    from envsetup.cli.inputs import read_text
    from envsetup.doctor.catalogue import entry
    from envsetup.doctor.symptoms import explain
    from envsetup.model.codec import to_json
    from envsetup.model.errors import Exit
    from envsetup.report.clean import clean, escape_json

    found = explain(read_text(path, "--error"))
    if as_json:
        click.echo(escape_json(to_json(found)), nl=False)
        return int(Exit.OK if found else Exit.UNDECIDED)
    if not found:
        sys.stderr.write("no known message in this text; with the machine's facts: envsetup doctor --error FILE\n")
        return int(Exit.UNDECIDED)
    if quiet:
        click.echo("\n".join(f"{item.confidence:<9} {item.code}" for item in found))
        return int(Exit.OK)
    first = found[0]
    lines = [page(entry(first.code)).rstrip("\n"), "", "Seen, likeliest first:"]
    for item in found:
        lines += [f"  {item.confidence:<9} {item.code:<34}{clean(item.reason)}"]
        if item.decides and (verbose or item is first):
            lines.append(f"  {'':<9} {'':<34}decided by: {clean(item.decides)}")
    click.echo("\n".join([*lines, "", "Next: envsetup doctor --error FILE   (the same, weighed against this machine)"]))
    return int(Exit.OK)
