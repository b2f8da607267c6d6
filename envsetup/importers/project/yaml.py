"""The part of YAML that compose and environment files are written in, read strictly.

Block mappings and sequences, flow sequences, plain and quoted scalars, comments, block texts. Anchors, tags and
everything else raise with the line: a file that is not understood is named as unread and never guessed at. That is a
hundred lines; a full YAML library would be one more dependency of every installation for two kinds of files.
"""

from __future__ import annotations

import re
from typing import Any

PAIR = re.compile(r"""(?P<key>"[^"]*"|'[^']*'|[^\s#&*!|>%@`{}\[\],"'][^:#]*?)\s*:(?:\s+(?P<value>.*))?$""")
FOREIGN = re.compile(r"[&*!%@`{]|<<\s*:|\?\s")
COMMENT = re.compile(r"""(?:^|\s)#.*$""")
BLOCK = ("|", ">", "|-", ">-", "|+", ">+")
DEEPEST = 40


class UnreadableYamlError(ValueError):
    """A line that is outside the part that is read."""


class _Line:
    def __init__(self, number: int, text: str) -> None:
        self.number = number
        self.indent = len(text) - len(text.lstrip(" "))
        self.text = text.strip()


class Lined(dict[str, Any]):
    """A mapping that knows the line of each key."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}


def read_yaml(text: str) -> Any:  # noqa: ANN401 - whatever the file holds
    """The document: Lined, list, str or None; numbers and booleans stay text. Raises UnreadableYamlError."""
    lines = []
    for number, raw in enumerate(text.splitlines(), 1):
        if "\t" in raw[: len(raw) - len(raw.lstrip())]:
            raise UnreadableYamlError(f"line {number}: indented with a tab")
        bare = raw if "#" not in raw or '"' in raw or "'" in raw else COMMENT.sub("", raw)
        if bare.strip() and not bare.lstrip().startswith("#") and bare.strip() not in ("---", "..."):
            lines.append(_Line(number, bare.rstrip()))
    value, rest = _block(lines, 0, 0) if lines else (None, 0)
    if rest < len(lines):
        raise UnreadableYamlError(f"line {lines[rest].number}: indented otherwise than the lines around it")
    return value


def _block(lines: list[_Line], at: int, depth: int) -> tuple[Any, int]:
    if depth > DEEPEST:
        raise UnreadableYamlError(f"line {lines[at].number}: nested too deeply")
    if lines[at].text == "-" or lines[at].text.startswith("- "):
        return _sequence(lines, at, depth)
    return _mapping(lines, at, depth)


def _sequence(lines: list[_Line], at: int, depth: int) -> tuple[list[Any], int]:
    indent, items = lines[at].indent, []
    while at < len(lines) and lines[at].indent == indent and (lines[at].text + " ").startswith("- "):
        line = lines[at]
        inner = line.text[1:].strip()
        if not inner:
            value, at = _under(lines, at, depth)
        elif PAIR.match(inner) and not inner.startswith(('"', "'")):
            # "- key: value" is a mapping whose first line stands behind the dash.
            lines[at] = _Line(line.number, " " * (indent + len(line.text) - len(inner)) + inner)
            value, at = _mapping(lines, at, depth + 1)
        else:
            value, at = _scalar(inner, line.number), at + 1
        items.append(value)
    return items, at


def _mapping(lines: list[_Line], at: int, depth: int) -> tuple[Lined, int]:
    indent, out = lines[at].indent, Lined()
    while at < len(lines) and lines[at].indent == indent:
        line = lines[at]
        found = PAIR.match(line.text)
        if found is None or line.text.startswith("<<"):
            raise UnreadableYamlError(f"line {line.number}: not of the form key: value")
        key, text = found["key"].strip("\"'"), (found["value"] or "").strip()
        out.lines[key] = line.number
        if text in BLOCK:
            at += 1
            texts = []
            while at < len(lines) and lines[at].indent > indent:
                texts.append(lines[at].text)
                at += 1
            out[key] = "\n".join(texts)
        elif text:
            out[key], at = _scalar(text, line.number), at + 1
        else:
            out[key], at = _under(lines, at, depth)
    return out, at


def _under(lines: list[_Line], at: int, depth: int) -> tuple[Any, int]:
    """What stands below a key or a dash; a sequence may stand as far left as its key."""
    here, below = lines[at], lines[at + 1] if at + 1 < len(lines) else None
    if below is None:
        return None, at + 1
    beside = below.indent == here.indent and below.text.startswith("- ") and not here.text.startswith("-")
    if below.indent > here.indent or beside:
        return _block(lines, at + 1, depth + 1)
    return None, at + 1


def _scalar(text: str, number: int) -> Any:  # noqa: ANN401 - text or a list
    if text[0] in "\"'":
        end = text.find(text[0], 1)
        if end < 0 or COMMENT.sub("", text[end + 1 :]).strip():
            raise UnreadableYamlError(f"line {number}: a quoted text that does not end here")
        return text[1:end]
    text = COMMENT.sub("", text).strip()
    if text.startswith("["):
        if not text.endswith("]") or "[" in text[1:] or "{" in text:
            raise UnreadableYamlError(f"line {number}: a list in a list")
        return [item.strip().strip("\"'") for item in text[1:-1].split(",") if item.strip()]
    if text in ("{}", "~", "null"):
        return None
    if FOREIGN.match(text):
        raise UnreadableYamlError(
            f"line {number}: {text.split()[0][:40]} is not read (anchors, tags and flow mappings)"
        )
    return text
