"""Values into other languages: each function returns a literal that means exactly the given text there.

Control characters are refused everywhere: no file of ours has a use for them, and each language treats them otherwise.
So are the marks that turn the direction of reading: with them a line shows something else than it does.
"""

from __future__ import annotations

import json
import re
import shlex

from envsetup.model.errors import InputError

# C0, DEL and C1, the separators of lines and paragraphs, what Unicode's bidirectional algorithm obeys (UAX 9), and the
# two codes that are no characters, with which a file is no YAML (YAML 1.2.2, 5.1).
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")


def _clean(value: object) -> str:
    text = str(value)
    if CONTROL.search(text):
        raise InputError(f"{text!a}: control characters are not accepted")
    return text


def sh(value: object) -> str:
    """A word of POSIX sh."""
    return shlex.quote(_clean(value))


def csh(value: object) -> str:
    """A word of csh; ! is history there even within quotes."""
    return "'" + _clean(value).replace("'", "'\\''").replace("!", "\\!") + "'"


def fish(value: object) -> str:
    """A word of fish, where a backslash counts within single quotes."""
    return "'" + _clean(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


def nushell(value: object) -> str:
    """A raw string of nushell, fenced by more # than the text holds."""
    text = _clean(value)
    fence = "#"
    while f"'{fence}" in text:
        fence += "#"
    return f"r{fence}'{text}'{fence}"


def as_json(value: object) -> str:
    """A JSON value, with what would end a script element escaped."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def as_toml(value: object) -> str:
    """A TOML string, number or boolean."""
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    # A JSON string without control characters is a TOML basic string, except for the escape of DEL that JSON lacks.
    return json.dumps(_clean(value), ensure_ascii=False)


def dockerfile(value: object) -> str:
    """A word of an ARG, ENV or LABEL instruction, in which a variable is not replaced."""
    return '"' + re.sub(r'([\\"$])', r"\\\1", _clean(value)) + '"'


def compose(value: object) -> str:
    """A YAML string in a Compose file, where $ begins a variable even within quotes."""
    return json.dumps(_clean(value), ensure_ascii=False).replace("$", "$$")


def yaml(value: object) -> str:
    """A YAML string; JSON's is one, but for DEL, which is refused with the other control characters."""
    return json.dumps(_clean(value), ensure_ascii=False)


def plain_word(value: object) -> str:
    """A word that no language takes for anything else, so it may stand within another's quotes."""
    text = str(value)
    if not re.fullmatch(r"[\w.+-]+", text, re.ASCII):
        raise InputError(f"{text!r}: only letters, digits and . _ + - are accepted")
    return text


# What engines accept as the name of an image: host, path, tag and digest.
REFERENCE = re.compile(
    r"[a-z0-9]+(?:[.-][a-z0-9]+)*(?::\d+)?(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
    r"(?P<tag>:\w[\w.-]{0,127})?(?P<digest>@sha256:[0-9a-f]{64})?",
    re.ASCII,
)


def reference(value: object) -> str:
    """The name of an image, which stands for itself wherever one is expected."""
    text = str(value)
    if not REFERENCE.fullmatch(text):
        raise InputError(f"{text!a}: the name of an image is accepted, like debian:12 or x@sha256:...")
    return text


def comment(value: object) -> str:
    """Text after a comment sign: one line."""
    return _clean(value)
