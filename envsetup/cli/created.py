"""The result of `create` for people."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from envsetup.build.create import summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envsetup.build.create import Created
    from envsetup.model.plan import Plan


def text(made: Created, *, verbose: bool) -> str:
    """A few lines, the answer first."""
    return "\n".join(_lines(made, verbose=verbose)) + "\n"


def _lines(made: Created, *, verbose: bool) -> Iterator[str]:
    if made.status == "impossible":
        yield from _impossible(made)
        yield from why(made.plan) if verbose else ()
        return
    count = len(made.packages)
    yield f"{made.status}: {summary(made.plan)}, Python {made.python}, {count} package{'' if count == 1 else 's'}"
    for warning in made.plan.warnings:
        yield f"warning: {warning}"
    yield from why(made.plan) if verbose or made.status == "planned" else ()
    if made.status == "planned":
        yield f"would make {made.path}:"
        yield from (f"  {number}. {step}" for number, step in enumerate(made.steps, 1))
        for name, content in made.files.items():
            yield f"--- {name}"
            yield content.rstrip("\n")
        return
    yield from _made(made)


def _made(made: Created) -> Iterator[str]:
    yield f"at        {made.path}"
    if made.image is not None:
        yield f"image     {made.image}" + (f" (built with {made.engine})" if made.engine else "")
    for note in made.notes:
        yield f"note      {note}"
    if made.not_built:
        yield f"not built {made.not_built}"
    if made.status == "created":
        yield f"verified  {'; '.join(made.verified) if made.verified is not None else 'no (--no-verify)'}"
        yield f"use it    {made.activate}"
    if made.status == "created" and made.image is None:
        yield f"prove it  envsetup smoke --env {shlex.quote(made.path)}"
    if made.starter is not None:
        yield f"begin     cd {shlex.quote(made.starter)} && python train.py"


def _impossible(made: Created) -> Iterator[str]:
    reason = made.plan.impossible
    if reason is None:
        return
    yield f"impossible ({reason.constraint}): {reason.text}"
    yield f"nearest change: {reason.nearest}"
    for name, why in made.unreachable.items():
        yield f"note: {name} could not be asked: {why}"
    yield "nothing was written"


def why(plan: Plan) -> Iterator[str]:
    """The reasons of a plan, and what was rejected."""
    for reason in plan.reasons:
        yield f"  because   {reason.text} ({reason.evidence}; {reason.table})"
    for rejected in plan.rejected:
        yield f"  rejected  {rejected.candidate}: {rejected.text} ({rejected.constraint})"
