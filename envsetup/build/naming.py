"""Names for machines, made of what a user called something."""

from __future__ import annotations

import re

from envsetup.model.errors import InputError


def slug(name: str, otherwise: str = "") -> str:
    """A name in lower-case letters, digits and single hyphens, or `otherwise` where nothing is left of it.

    Raises InputError where that is empty.
    """
    found = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or otherwise
    if not found:
        raise InputError(f"{name!r} has no letter or digit that such a name can hold; choose one with --name")
    return found
