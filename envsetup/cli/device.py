"""The options --gpu and --cpu, of which one may be given: a wish for a GPU never silently becomes a CPU plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

Command = TypeVar("Command", bound="Callable[..., Any]")


def device_options(gpu_help: str) -> Callable[[Command], Command]:
    """Add --gpu and --cpu; the command's parameter `device` is "gpu", "cpu" or None. Both raise click.UsageError."""

    def add(command: Command) -> Command:
        for name, text in (("cpu", "The CPU build."), ("gpu", gpu_help)):
            option = click.option(f"--{name}", is_flag=True, expose_value=False, callback=_chosen, help=text)
            command = option(command)
        return command

    return add


def _chosen(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    other = ctx.params.setdefault("device", None)
    if not value:
        return
    if other is not None:
        raise click.UsageError("--gpu and --cpu contradict each other: give one of them")
    ctx.params["device"] = param.name
