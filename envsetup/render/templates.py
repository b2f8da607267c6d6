"""Template folders to files in memory. A folder holds `template.json` (see `Descriptor`), sources and an example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from envsetup.model.codec import from_json
from envsetup.model.errors import InputError
from envsetup.render import quoting
from envsetup.resources import templates_root

if TYPE_CHECKING:
    import sys
    from collections.abc import Mapping

    if sys.version_info >= (3, 11):
        from importlib.resources.abc import Traversable
    else:
        from importlib.abc import Traversable

DESCRIPTOR = "template.json"
EXAMPLE = "example.json"
FILTERS = {
    "sh": quoting.sh,
    "csh": quoting.csh,
    "fish": quoting.fish,
    "json": quoting.as_json,
    "toml": quoting.as_toml,
    "docker": quoting.dockerfile,
    "compose": quoting.compose,
    "comment": quoting.comment,
    "yaml": quoting.yaml,
    "word": quoting.plain_word,
}


class Descriptor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a template folder makes. `files`: output path to the source in the folder; `variables`: name to meaning."""

    title: str
    files: dict[str, str]
    variables: dict[str, str]


def template_names() -> list[str]:
    """The targets that there are templates for."""
    return sorted(entry.name for entry in templates_root().iterdir() if (entry / DESCRIPTOR).is_file())


def render(name: str, variables: Mapping[str, Any]) -> dict[str, bytes]:
    """The files of template `name`: relative path to content; one that came out empty is none. Nothing is written.

    Raises InputError for an unknown template, a variable that is missing or unknown, or a value that cannot be quoted.
    """
    import jinja2.sandbox  # 40 ms, only where something is rendered  # noqa: PLC0415

    if name not in template_names():
        raise InputError(f"template {name}: not there; there are {', '.join(template_names())}")
    folder = templates_root() / name
    described = descriptor(name)
    if different := set(described.variables) ^ set(variables):
        raise InputError(f"template {name}: variables missing or unknown: {', '.join(sorted(different))}")
    environment = jinja2.sandbox.SandboxedEnvironment(
        loader=jinja2.FunctionLoader(lambda source: _read(folder, source)),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # nothing here is HTML; every value passes a quoting filter
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS
    try:
        files = {
            path: environment.get_template(source).render(variables).encode()
            for path, source in described.files.items()
        }
    except jinja2.TemplateError as error:
        raise InputError(f"template {name}: {error}") from error
    return {path: content for path, content in files.items() if content}


def descriptor(name: str) -> Descriptor:
    """What `template.json` of a template says."""
    return from_json((templates_root() / name / DESCRIPTOR).read_bytes(), Descriptor, name=f"{name}/{DESCRIPTOR}")


def render_example(name: str) -> dict[str, bytes]:
    """The files of a template with the values of its `example.json`."""
    return render(name, from_json((templates_root() / name / EXAMPLE).read_bytes(), dict[str, Any], name=EXAMPLE))


def _read(folder: Traversable, source: str) -> str | None:
    # One level, by name: a template cannot reach out of its folder.
    found = {entry.name: entry for entry in folder.iterdir()}.get(source)
    return found.read_text(encoding="utf-8") if found is not None else None
