"""Targets rendered as a whole, with the values of their examples."""

from __future__ import annotations

from envsetup.build.targets import offered
from envsetup.render import templates

TARGETS = list(offered())
IMAGES = [name for name in TARGETS if name not in {"venv", "conda"}]


def values(target, **changes):
    """What a target is offered: the examples of all images together, which tell of the same one, or its own."""
    names = ["docker", *IMAGES] if target in IMAGES else [target]
    return {key: value for name in names for key, value in templates.example(name).items()} | changes


def tree(target, **changes):
    """The files of a target."""
    return templates.assemble(templates.shipped(target), values(target, **changes))


def put(files, folder):
    """Write files; the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def definition(path):
    """An Apptainer definition as spython reads it."""
    from spython.main.parse.parsers import SingularityParser

    return SingularityParser(str(path)).recipe["spython-base"]


def sections(text):
    """The sections of an Apptainer definition, each a list of lines; its head is the section without a name."""
    found, name = {}, ""
    for line in text.splitlines():
        if line.startswith("%"):
            name = line[1:].split()[0]
        else:
            found.setdefault(name, []).append(line)
    return found
