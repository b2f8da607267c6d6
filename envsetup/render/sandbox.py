"""The Jinja2 that templates run in: no way out of the folder, no code, nothing by chance, an end to what it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jinja2
import jinja2.sandbox
from jinja2.exceptions import SecurityError

from envsetup.render import quoting
from envsetup.render.markdown import markdown

if TYPE_CHECKING:
    from collections.abc import Callable

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
    "markdown": markdown,
    "reference": quoting.reference,
}
_MOST = 16 << 20  # bytes of one file, and of a text that is made on the way to it
_GLOBALS = {"range", "dict", "namespace"}
_BY_CHANCE = "random"


class _Bounded(jinja2.sandbox.ImmutableSandboxedEnvironment):
    """A repeated text or a power may not fill the memory."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401 - Jinja2's own
        texts = [operand for operand in (left, right) if isinstance(operand, (str, bytes, list, tuple))]
        numbers = [operand for operand in (left, right) if isinstance(operand, int)]
        if operator == "**" and any(abs(number) > _MOST.bit_length() for number in numbers):
            raise SecurityError("a power of this size is not computed")
        if texts and numbers and len(texts[0]) * max(numbers) > _MOST:
            raise SecurityError("a text of this size is not made")
        return super().call_binop(context, operator, left, right)


def environment(read: Callable[[str], str | None]) -> jinja2.Environment:
    """An environment whose sources are what `read` returns by name, and nothing else."""
    made = _Bounded(
        loader=jinja2.FunctionLoader(read),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # nothing here is HTML; every value passes a quoting filter
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= FILTERS
    del made.filters[_BY_CHANCE]
    made.globals = {name: found for name, found in made.globals.items() if name in _GLOBALS}
    return made


def text(template: jinja2.Template, values: dict[str, Any]) -> bytes:
    """What a template makes of values. Raises jinja2.TemplateError, also where it makes too much."""
    made, size = [], 0
    for part in template.generate(values):
        made.append(part.encode())
        size += len(made[-1])
        if size > _MOST:
            raise SecurityError(f"it makes more than {_MOST >> 20} MiB")
    return b"".join(made)
