"""Flags that exclude each other: what contradicts itself is refused, never decided by which flag came last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

Command = TypeVar("Command", bound="Callable[..., Any]")


def one_of(parameter: str, flags: dict[str, str]) -> Callable[[Command], Command]:
    """Add a flag --NAME for each name with its help; the command's `parameter` is the one that was given, or None.

    Two of them are a click.UsageError.
    """

    def chosen(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
        other = ctx.params.setdefault(parameter, None)
        if value and other is not None:
            names = " and ".join(f"--{name}" for name in flags if name in (param.name, other))
            raise click.UsageError(f"{names} contradict each other: give one of them")
        if value:
            ctx.params[parameter] = param.name

    def add(command: Command) -> Command:
        for name, text in reversed(flags.items()):
            command = click.option(f"--{name}", is_flag=True, expose_value=False, callback=chosen, help=text)(command)
        return command

    return add
