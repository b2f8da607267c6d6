"""What the configured sources really offer: all are asked at once, and one that does not answer is only recorded."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING

import msgspec

from envsetup.build.limits import limits
from envsetup.build.simple import Fetcher, UnreachableError, file_names
from envsetup.model.errors import BuildError
from envsetup.model.offers import Offer, Offers, from_wheel_name
from envsetup.model.redact import redact

if TYPE_CHECKING:
    from envsetup.build.sources import Source, Sources
    from envsetup.build.uv import Uv

DEADLINE = 12.0  # seconds for all sources together
_PATIENCE = 1.0  # seconds that a thread gets to end by its own deadline
_ASK_UV = 20.0


def ask(sources: Sources, packages: list[str], uv: Uv, *, deadline: float = DEADLINE) -> Offers:
    """The wheels that the framework sources list for `packages` (normalised names), within `deadline` seconds.

    What pip's constraints shut out is left out. Secrets stand in no field.
    """
    places = sources.frameworks
    fetcher = Fetcher(pip=sources.pip, deadline=time.monotonic() + deadline)
    answers: queue.SimpleQueue[tuple[int, list[Offer] | str]] = queue.SimpleQueue()
    for number, source in enumerate(places):
        try:
            place = addressed(source, uv)
        except BuildError as error:
            answers.put((number, error.message))
            continue
        # Daemons: a server that never lets go must not keep the command from ending.
        threading.Thread(target=_look, args=(number, place, packages, fetcher, answers), daemon=True).start()
    got: dict[int, list[Offer] | str] = {}
    end = fetcher.deadline + _PATIENCE
    while len(got) < len(places) and (left := end - time.monotonic()) > 0:
        try:
            number, answer = answers.get(timeout=left)
        except queue.Empty:
            break
        got[number] = answer
    allowed = limits(sources.pip.constraints)
    offers: list[Offer] = []
    answered: list[str] = []
    unreachable: dict[str, str] = {}
    for number, place in enumerate(places):
        answer = got.get(number, f"no answer within {deadline:.0f} s")
        if isinstance(answer, str):
            unreachable[place.name] = redact(answer, sources.secrets)
        else:
            answered.append(place.name)
            offers += [offer for offer in answer if allowed.admits(offer.name, offer.version)]
    # A mirror has one page per build and lacks some of them; it is unreachable only when none of its pages came.
    unreachable = {name: reason for name, reason in unreachable.items() if name not in answered}
    return Offers(
        offers=offers,
        asked=packages,
        sources=list(dict.fromkeys(answered)),
        unreachable=unreachable,
        limits={name: str(allowed.by_name[name]) for name in packages if name in allowed.by_name},
    )


def addressed(source: Source, uv: Uv) -> Source:
    """The default index gets the address that uv itself would use. Raises BuildError with uv's reason."""
    if source.url:
        return source
    asked = ("pip", "compile", "-", "--emit-index-url", "--no-header", "--quiet")
    ended = uv.must("uv did not name its default index", *asked, timeout=_ASK_UV)
    _, _, address = ended.stdout.partition("--index-url ")
    if not address:
        raise BuildError("uv did not name its default index")
    return msgspec.structs.replace(source, url=address.split()[0])


def _look(
    number: int,
    source: Source,
    packages: list[str],
    fetcher: Fetcher,
    answers: queue.SimpleQueue[tuple[int, list[Offer] | str]],
) -> None:
    try:
        names = [name for package in packages for name in file_names(source, package, fetcher)]
    except UnreachableError as error:
        answers.put((number, str(error)))
    except Exception as error:  # noqa: BLE001 - a thread that dies in silence would look like a slow source
        answers.put((number, f"{type(error).__name__}: {error}"))
    else:
        offers = (from_wheel_name(name, source.name) for name in names)
        answers.put((number, [offer for offer in offers if offer]))
