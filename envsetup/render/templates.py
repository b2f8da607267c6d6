"""Template folders to files in memory. A folder holds `template.json` (see `Descriptor`), sources and an example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

import msgspec

from envsetup.model.codec import from_json
from envsetup.model.errors import InputError
from envsetup.render import quoting
from envsetup.resources import templates_root

if TYPE_CHECKING:
    import sys
    from collections.abc import Mapping
    from pathlib import Path

    if sys.version_info >= (3, 11):
        pass
    else:
        pass

DESCRIPTOR = "template.json"
EXAMPLE = "example.json"
_LONGEST = 200  # characters of a path
_LARGEST = 1 << 20  # bytes of a source


class Beside(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files of another template that come along: all of `template` but those in `without`."""

    template: str
    without: list[str] = []


class Offer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes a template a target of `create`.

    `folder` is made where no path is named. `engines` build it, the first that answers; where there are none, `needs`
    says what is built elsewhere, as a template of its own with the folder as `folder`.
    """

    folder: str
    engines: list[str] = []
    verified: str
    needs: Optional[str] = None


class Descriptor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a template folder makes. `files`: output path to the source in the folder; `variables`: name to meaning.

    `target` is None for a part that other commands use.
    """

    title: str
    files: dict[str, str]
    variables: dict[str, str]
    target: Optional[Offer] = None
    beside: Optional[Beside] = None


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A template folder that was read; `own` is False for one of the user's."""

    name: str
    folder: Any  # Traversable
    descriptor: Descriptor
    own: bool = True


def template_names() -> list[str]:
    """The templates that there are, targets and parts."""
    return sorted(entry.name for entry in templates_root().iterdir() if (entry / DESCRIPTOR).is_file())


def shipped(name: str) -> Template:
    """A template of this project. Raises InputError for an unknown name."""
    if name not in template_names():
        raise InputError(f"template {name}: not there; there are {', '.join(template_names())}")
    folder = templates_root() / name
    described = from_json((folder / DESCRIPTOR).read_bytes(), Descriptor, name=f"{name}/{DESCRIPTOR}")
    return Template(name=name, folder=folder, descriptor=described)


def given(folder: Path) -> Template:
    """A template of the user's. Raises InputError for a folder that is none."""
    try:
        text = _plain(folder, DESCRIPTOR)
    except OSError as error:
        raise InputError(f"{folder / DESCRIPTOR}: {error.strerror}") from error
    if text is None:
        raise InputError(f"{folder}: no template: {DESCRIPTOR} is missing")
    described = from_json(text.encode(), Descriptor, name=str(folder / DESCRIPTOR))
    for path in [*described.files, *([described.target.folder] if described.target else [])]:
        _check_path(path, folder / DESCRIPTOR)
    for path in described.files:
        if any(other.startswith(f"{path}/") for other in described.files):
            raise InputError(f"{folder / DESCRIPTOR}: {path} is a file and a folder")
    return Template(name=str(folder), folder=folder, descriptor=described, own=False)


def descriptor(name: str) -> Descriptor:
    """What `template.json` of a template says."""
    return shipped(name).descriptor


def render(template: str | Template, variables: Mapping[str, Any]) -> dict[str, bytes]:
    """The files of a template: relative path to content; one that came out empty is none. Nothing is written.

    Raises InputError for an unknown template, a variable that is missing or unknown, or a value that cannot be quoted.
    """
    found = shipped(template) if isinstance(template, str) else template
    if different := set(found.descriptor.variables) ^ set(variables):
        raise InputError(f"template {found.name}: variables missing or unknown: {', '.join(sorted(different))}")
    files = {path: text(found, source, variables) for path, source in found.descriptor.files.items()}
    return {path: content for path, content in files.items() if content}


def assemble(template: Template, offered: Mapping[str, Any]) -> dict[str, bytes]:
    """The files of a target with those of the template beside it, from the variables that are `offered`.

    Raises InputError as `render` does.
    """
    described = template.descriptor
    if missing := set(described.variables) - set(offered):
        told = f"{', '.join(sorted(missing))}; there are {', '.join(sorted(offered))}"
        raise InputError(f"template {template.name}: variables that nobody offers: {told}")
    beside: dict[str, bytes] = {}
    if described.beside:
        without = set(described.beside.without)
        files = assemble(shipped(described.beside.template), offered)
        beside = {path: content for path, content in files.items() if path not in without}
    return beside | render(template, {name: offered[name] for name in described.variables})


def text(template: Template, source: str, values: Mapping[str, Any], *, inline: bool = False) -> bytes:
    """What one source makes of values; with `inline` the source itself is given. Raises InputError."""
    import jinja2  # 40 ms, only where something is rendered  # noqa: PLC0415

    from envsetup.render import sandbox  # noqa: PLC0415 - as above

    environment = sandbox.environment(lambda name: _read(template, name))
    try:
        made = environment.from_string(source) if inline else environment.get_template(source)
        return sandbox.text(made, dict(values))
    except InputError:
        raise
    except jinja2.TemplateError as error:
        raise InputError(f"template {template.name}: {error}") from error
    except Exception as error:
        raise InputError(f"template {template.name}: {source}: {type(error).__name__}: {error}") from error


def render_example(name: str) -> dict[str, bytes]:
    """The files of a template with the values of its `example.json`."""
    return render(name, example(name))


def example(name: str) -> dict[str, Any]:
    """The values of a template's `example.json`."""
    return from_json((templates_root() / name / EXAMPLE).read_bytes(), dict[str, Any], name=f"{name}/{EXAMPLE}")


def _read(template: Template, source: str) -> str | None:
    if not template.own:
        return _plain(template.folder, source)
    # One level, by name: a template cannot reach out of its folder.
    found = {entry.name: entry for entry in template.folder.iterdir()}.get(source)
    return found.read_text(encoding="utf-8") if found is not None else None


def _plain(folder: Path, name: str) -> str | None:
    """A file's text: of this folder, no link to another place, and nothing that a read could hang on."""
    found = {entry.name: entry for entry in folder.iterdir()}.get(name)
    if found is None:
        return None
    if found.is_symlink() or not found.is_file():
        raise InputError(f"{found}: only plain files are read, and no links")
    if found.stat().st_size > _LARGEST:
        raise InputError(f"{found}: larger than {_LARGEST >> 20} MiB")
    try:
        return found.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{found}: not UTF-8") from None


def _check_path(path: str, where: Path) -> None:
    quoting.comment(path)
    parts = path.split("/")
    if not all(parts) or {".", ".."} & set(parts) or "\\" in path or len(path) > _LONGEST:
        raise InputError(f"{where}: {path!r}: a relative path without .. is accepted")
