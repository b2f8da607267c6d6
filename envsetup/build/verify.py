"""Is what was built what was planned? Asked of the environment itself, before it is put in place; no GPU is needed."""

from __future__ import annotations

import importlib.resources
import os
from typing import TYPE_CHECKING, Any, Optional

import msgspec

from envsetup.build import bundled, process
from envsetup.compat import stacks
from envsetup.compat.arch import covers
from envsetup.model.codec import decode
from envsetup.model.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from envsetup.build.uv import Uv
    from envsetup.compat.stacks import Stack
    from envsetup.model.lock import Lock
    from envsetup.model.plan import Plan

DEADLINE = 300.0  # seconds; the first import of a framework compiles its modules, on a network disk slowly
_CHECK = 60.0


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at, one plain clause each."""

    facts: list[str]


class NoAnswerError(BuildError):
    """The environment's interpreter did not end in time: nothing is known."""


class Import(msgspec.Struct, frozen=True):
    """How an import ended."""

    ok: bool
    error: str = ""
    version: Optional[str] = None
    seconds: float = 0.0


class Torch(msgspec.Struct, frozen=True):
    """How PyTorch was built."""

    version: str
    cuda: Optional[str] = None
    hip: Optional[str] = None
    xpu: Optional[Any] = None
    arch_list: list[str] = []


class Cudnn(msgspec.Struct, frozen=True):
    """cuDNN's version that a framework was built against, and the one that the loader finds."""

    built: Optional[str] = None
    found: Optional[str] = None

    @property
    def fault(self) -> str | None:
        """What is wrong with the pair: a framework takes the same major release, and no older minor one."""
        if self.built is None or self.found is None:
            return None
        built, found = ([int(part) for part in version.split(".")[:2]] for version in (self.built, self.found))
        fits = found[0] == built[0] and found[1:] >= built[1:]
        return None if fits else f"built against cuDNN {self.built}, found is {self.found}"


class Answer(msgspec.Struct, frozen=True):
    """What the self-check says of packages, imports and the framework's build."""

    python: str
    prefix: str
    packages: dict[str, str]
    imports: dict[str, Import]
    torch: Optional[Torch] = None
    cudnn: Optional[Cudnn] = None


class _Stumbled(msgspec.Struct, frozen=True):
    line: str
    error: str


class _Stack(msgspec.Struct, frozen=True):
    stumbled: Optional[_Stumbled] = None


class Libraries(msgspec.Struct, frozen=True):
    """The CUDA libraries that wheels brought."""

    libraries: list[bundled.Library]


def verify(
    env: Path,
    plan: Plan,
    lock: Lock,
    uv: Uv,
    tick: Callable[[], None] | None = None,
    *,
    extras: Sequence[str] = (),
) -> Verified:
    """Look at the environment in `env`, made with `extras` (`--with`).

    Raises BuildError with every fault found, the first one first.
    """
    python = env / "bin" / "python"

    def start(argument: str, program: str) -> process.Ended:
        # -I: what is found must come from this environment, not from PYTHONPATH or the user's own site folder.
        argv = [str(python), "-I", "-", argument]
        return process.run(argv, env=os.environ, timeout=DEADLINE, stdin=program, tick=tick)

    def more() -> list[str]:
        consistent = uv.run("pip", "check", "--python", str(python), timeout=_CHECK)
        return [] if consistent.ok else [_inconsistent(consistent.stderr)]

    return examine(start, plan, lock, more, extras)


def examine(
    start: Callable[[str, str], process.Ended],
    plan: Plan,
    lock: Lock,
    more: Callable[[], list[str]],
    extras: Sequence[str] = (),
) -> Verified:
    """Judge what the self-check says.

    `start` runs the environment's interpreter on a program (stdin) with one argument; `more` are other faults;
    each of `extras` must be imported and do one real operation.
    Raises BuildError with every fault found.
    """
    answer = ask(start, "imports", looked_at(plan, lock), Answer)
    libraries = ask(start, "libraries", [], Libraries).libraries
    faults = [
        *version_faults(answer, lock),
        *(f"{name} cannot be imported: {i.error}" for name, i in answer.imports.items() if not i.ok),
        *build_faults(answer, plan),
        *([answer.cudnn.fault] if answer.cudnn and answer.cudnn.fault else []),
        *bundled.faults(libraries),
        *more(),
    ]
    if faults:
        raise BuildError(f"the environment was built but is not as planned: {'; '.join(faults)}")
    served = prove(start, extras, plan)
    used = [f"used {', '.join(stack.title for stack in served)}: one operation each"] if served else []
    return Verified(facts=[*_facts(answer, plan, lock, libraries), *used])


def looked_at(plan: Plan, lock: Lock) -> list[str]:
    """The packages that are imported to see whether they can be: the plan's, and numpy."""
    names = [name for p in plan.packages if lock.version_of(name := p.name)]
    return names + (["numpy"] if lock.version_of("numpy") and "numpy" not in names else [])


def prove(start: Callable[[str, str], process.Ended], extras: Sequence[str], plan: Plan) -> list[Stack]:
    """Use each stack of `extras` once; those that were used. Raises BuildError with the line that failed."""
    served = _stacks(extras, plan)
    for stack in served:
        _prove(start, stack)
    return served


def _stacks(extras: Sequence[str], plan: Plan) -> list[Stack]:
    """The stacks that were installed and have the framework that they are of use with."""
    planned = {package.name for package in plan.packages}
    rows = [row for name in extras if (row := stacks.stack(name))]
    return [row for row in rows if row.checks and (not row.frameworks or planned & set(row.frameworks))]


def _prove(start: Callable[[str, str], process.Ended], stack: Stack) -> None:
    """Run a stack's checks in a process of their own; raises BuildError with the line that failed."""
    wrong = ask(start, "stack", stack.checks, _Stack, what=stack.title).stumbled
    if wrong:
        raise BuildError(f"{stack.title} does not work in the environment: {wrong.error}", hint=f"it ran: {wrong.line}")


def program() -> str:
    """The self-check, which runs inside the environment."""
    return importlib.resources.files("envsetup.build.payload").joinpath("self_check.py").read_text("utf-8")


def ask(
    start: Callable[[str, str], process.Ended], part: str, packages: list[str], kind: type[Any], *, what: str = ""
) -> Any:  # noqa: ANN401 - the answer's type is `kind`
    """Put one question of the self-check to the interpreter that `start` runs.

    Raises BuildError where it dies of it.
    """
    asked = msgspec.json.encode({"part": part, "packages": packages}).decode()
    try:
        ended = start(asked, program())
        return decode(ended.stdout, kind)
    except OSError as error:
        raise BuildError(f"the environment's interpreter cannot be started: {error.strerror}") from error
    except msgspec.DecodeError:
        why = (ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"])[-1]
        if ended.returncode is None:
            raise NoAnswerError(f"{what or part}: no answer within {DEADLINE:.0f} s") from None
        if ended.returncode < 0:
            why = f"killed by signal {-ended.returncode}; {why}"
        raise BuildError(f"the environment does not survive a look at its {what or part}: {why}") from None


def version_faults(answer: Answer, lock: Lock) -> Iterator[str]:
    """Packages that are not as locked."""
    for package in lock.packages:
        there = answer.packages.get(package.name)
        if there is None and package.marker is None:
            yield f"{package.name} is in the lock but not installed"
        elif there is not None and there not in {p.version for p in lock.packages if p.name == package.name}:
            yield f"{package.name} is {there}, the lock says {package.version}"


def build_faults(answer: Answer, plan: Plan) -> Iterator[str]:
    """Where the framework's build is not the planned one, or has no code for a GPU of the plan."""
    planned = next((p for p in plan.packages if p.name == "torch"), None)
    if planned is None or answer.torch is None:
        return
    real = build_variant(answer.torch.cuda, answer.torch.hip, xpu=bool(answer.torch.xpu))
    if planned.variant and planned.variant != real:
        yield f"torch is the {real} build, planned was {planned.variant}"
    if plan.device == "cuda":
        for target in plan.gpu_targets:
            if not (covered := covers(answer.torch.arch_list, target)):
                yield f"torch: {covered.text}"


def build_variant(cuda: str | None, hip: str | None, *, xpu: bool = False) -> str:
    """The name of a PyTorch build: cu126 for CUDA 12.6, rocm7.1, xpu, cpu."""
    if hip:
        return "rocm" + ".".join(hip.split(".")[:2])
    if cuda:
        return "cu" + "".join(cuda.split(".")[:2])
    return "xpu" if xpu else "cpu"


def _inconsistent(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.startswith("The package")]
    return lines[0] if lines else "the packages' requirements do not fit together"


def _facts(answer: Answer, plan: Plan, lock: Lock, libraries: list[bundled.Library]) -> Iterator[str]:
    yield f"{len(lock.packages)} packages as locked"
    yield "imported " + ", ".join(f"{name} {i.version or ''}".strip() for name, i in answer.imports.items())
    if answer.torch:
        yield f"torch is the {build_variant(answer.torch.cuda, answer.torch.hip, xpu=bool(answer.torch.xpu))} build"
        if plan.device == "cuda" and plan.gpu_targets:
            yield f"compiled for {', '.join(answer.torch.arch_list)}: covers {', '.join(plan.gpu_targets)}"
    yield from bundled.summary(libraries)
