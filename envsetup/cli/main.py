"""The command group. Commands are imported when they are called, so `--help` stays fast."""

from __future__ import annotations

import importlib
import os
import re
import sys
from typing import NoReturn

import click

from envsetup import __version__

# name: (module with a click command `command`, short help). The help stands here so that listing imports nothing.
COMMANDS = {
    "doctor": ("envsetup.cli.doctor", "Say whether deep learning works here, what is wrong, and what to do first."),
    "create": ("envsetup.cli.create", "Make an environment with the wheels that fit this machine, and verify it."),
    "smoke": ("envsetup.cli.smoke", "Train inside an environment and prove, or refuse to certify, its accelerator."),
    "verify": ("envsetup.cli.verify", "Look again at an environment or image that was made, on any host."),
    "diff": ("envsetup.cli.diff", "Compare an environment with its lock."),
    "update": ("envsetup.cli.update", "Make an environment anew for what is there now; your edits are kept."),
    "list": ("envsetup.cli.list", "Show the environments that envsetup made."),
    "remove": ("envsetup.cli.remove", "Remove an environment that envsetup made, and nothing else."),
    "bundle": ("envsetup.cli.bundle", "Gather the wheels for a machine that has no network."),
    "plan": ("envsetup.cli.plan", "Only the decision: what create would install, why, and what was rejected."),
    "probe": ("envsetup.cli.probe", "Show or record the facts of this machine, redacted."),
    "fleet": ("envsetup.cli.fleet", "Ask many machines, and name those that are broken or differ."),
    "explain": ("envsetup.cli.explain", "Explain a finding code."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse an empty value: a shell variable that is not set must not ask another question in silence."""
        for index, word in enumerate(args):
            if not word or re.fullmatch("--[a-z-]+=", word):
                after = word.rstrip("=") or (args[index - 1] if index else "envsetup")
                raise click.UsageError(f"an empty value after {after}: give one, or leave it out")
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; for a word that is none, say which one may be meant."""
        if args[0] in COMMANDS or args[0].startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        import difflib

        near = difflib.get_close_matches(args[0], COMMANDS, n=1)
        known = f"did you mean {near[0]}?" if near else f"commands are {', '.join(COMMANDS)}"
        raise click.UsageError(f"no command {args[0]!r}; {known}")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with: envsetup doctor",
)
@click.version_option(__version__, message="envsetup %(version)s")
def group() -> None:
    """Take a machine from bare metal to proven deep learning, or say in one line why it cannot."""


def main() -> NoReturn:
    """Run the command line; every ending has one of the exit codes of `model.errors.Exit`."""
    from envsetup.cli.ending import run

    code = run(group)
    if "rattler" in sys.modules:
        # Its threads may still let go of Python objects, which crashes an interpreter that is taking itself apart.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
