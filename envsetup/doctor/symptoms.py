"""Error texts to codes: which known messages stand in a text, and what each of them can mean.

A text is only ever evidence. A message with several meanings keeps them all, likeliest first, with the fact that
would decide; `triage` lets the machine's facts decide where they are known.
"""

from __future__ import annotations

import pkgutil
import re
from bisect import bisect_right
from functools import cache
from heapq import merge
from typing import TYPE_CHECKING, Optional

import msgspec

from envsetup.importers.page import MAX_LINE, clean
from envsetup.importers.searched import fresh
from envsetup.model.codec import decode
from envsetup.model.finding import Confidence, Severity
from envsetup.model.symptom import SymptomHit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CONFIDENCE: tuple[Confidence, ...] = ("certain", "likely", "possible")
_MAX_TRIES = 200  # lines with a needle that a row's regex is tried on
_FRAMES = 60  # lines above a message in which an extension's frames belong to it
_FRAMES_AFTER = 12  # a debugger prints them below it, the innermost first
_EXCERPT = 300
_EXCEPTION = re.compile(r"\b[a-z]\w*(?:error|exception): ")
_ACCELERATOR = re.compile(r"cuda|gpu|nvidia|driver|nvml|cudnn|nccl|rocm|\bhip|\bxla\b|device")


class Words(msgspec.Struct, frozen=True):
    """When any of these words is anywhere in the text, the message means `code`."""

    any: list[str]
    code: str
    confidence: Optional[Confidence] = None  # where the words make a doubtful message sure


class Circumstance(msgspec.Struct, frozen=True):
    """When this fact of the machine holds (`circumstances.FACTS`), the message means `code`."""

    fact: str
    code: str
    confidence: Optional[Confidence] = None  # where the fact makes a doubtful message sure


class Minimum(msgspec.Struct, frozen=True):
    """The compute capability below which a library does not work at all."""

    capability: str
    source: str


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A message: how it is recognised, and what it can mean. `lines` is how many lines its regex may span."""

    id: str
    code: str
    confidence: Confidence
    needles: list[str]
    regex: Optional[str] = None
    lines: int = 1
    alternatives: list[str] = []
    decides: Optional[str] = None
    words: list[Words] = []
    facts: list[Circumstance] = []
    extension_code: Optional[str] = None
    doubt: list[str] = []  # words that make the message no more than possible
    framework: Optional[str] = None
    severity: Optional[Severity] = None  # of a message that stops a program although its code alone is a remark
    prefers: Optional[str] = None  # of several lines that match, the first with this tells most


class Limit(msgspec.Struct, frozen=True):
    """A version or build number at which a meaning changes."""

    value: str
    source: str


class Rules(msgspec.Struct, frozen=True):
    """The file data/symptoms.json."""

    about: str
    checked: str
    source: str
    extensions: dict[str, list[str]]
    library_minimum: dict[str, Minimum]
    limits: dict[str, Limit]
    wheels_from: Minimum  # the least capability that official builds of the last years had code for
    rows: list[Rule]


@cache
def rules() -> Rules:
    """All rows of data/symptoms.json."""
    return decode(pkgutil.get_data("envsetup.data", "symptoms.json") or b"", Rules)


def limit(name: str) -> str:
    """A limit by its name."""
    return rules().limits[name].value


@cache
def rule(name: str) -> Rule | None:
    """One row by its id."""
    return next((row for row in rules().rows if row.id == name), None)


class _Text:
    """A text ready to be searched: cleaned, lower case, white space collapsed, with the place of each line."""

    def __init__(self, text: str) -> None:
        self.lines = [line[:MAX_LINE] for line in clean(text).split("\n")]
        self.flat = [" ".join(line.lower().split()) for line in fresh(self.lines)]
        # Joined by a space, so that a message which a terminal wrapped is still found.
        self.joined = " ".join(self.flat)
        self.starts: list[int] = []
        self._found: dict[str, _Places] = {}  # several rows share a needle
        place = 0
        for line in self.flat:
            self.starts.append(place)
            place += len(line) + 1

    def line_at(self, place: int) -> int:
        return bisect_right(self.starts, place) - 1

    def numbers(self, needles: Sequence[str]) -> Iterator[int]:
        """Numbers of the lines in which a needle starts, in order, as many as are worth trying."""
        found = [places for needle in needles if (places := self._places(needle)).first >= 0]
        if len(found) == 1:
            yield from found[0]
            return
        last = -1
        for number in merge(*found):
            if number != last:
                yield number
            last = number

    def _places(self, needle: str) -> _Places:
        places = self._found.get(needle)
        if places is None:
            places = self._found[needle] = _Places(self, needle)
        return places

    def window(self, number: int, span: int) -> str:
        return " ".join(self.flat[max(0, number - span + 1) : number + span])


class _Places:
    """Lines in which a needle starts, looked for only as far as they are asked for: mostly the first decides."""

    def __init__(self, text: _Text, needle: str) -> None:
        self._text = text
        self._needle = needle
        self._lines: list[int] = []
        self.first = self._next = text.joined.find(needle)

    def __iter__(self) -> Iterator[int]:
        place = 0
        while place < len(self._lines) or self._another():
            yield self._lines[place]
            place += 1

    def _another(self) -> bool:
        if self._next < 0 or len(self._lines) >= _MAX_TRIES:
            return False
        text, number = self._text, self._text.line_at(self._next)
        self._lines.append(number)
        following = text.starts[number + 1] if number + 1 < len(text.starts) else len(text.joined)
        self._next = text.joined.find(self._needle, max(following, self._next + 1))
        return True


def read(text: str, source: str = "text") -> list[SymptomHit]:
    """Messages recognised in a text, surest first; a vague one that a surer one explains is left out."""
    return read_all([(text, source)])


def read_all(texts: Sequence[tuple[str, str]]) -> list[SymptomHit]:
    """As `read`, for several texts about one machine, each with its name: words of one decide in the other."""
    searched = [(_Text(text), source) for text, source in texts]
    around = " ".join(text.joined for text, _ in searched)
    hits = [
        hit for row in rules().rows for text, source in searched if (hit := _hit(row, text, source, around)) is not None
    ]
    if len(searched) > 1 and _elsewhere(searched[-1][0]):
        hits = [_background(hit) if hit.source != searched[-1][1] else hit for hit in hits]
    order = {source: place for place, (_, source) in enumerate(searched)}
    hits.sort(key=lambda hit: (CONFIDENCE.index(hit.confidence), -order[hit.source], hit.line))
    return [hit for place, hit in enumerate(hits) if not _explained(hit, hits[:place])]


def _elsewhere(complaint: _Text) -> bool:
    """Whether the error that the user brings has nothing to do with the accelerator."""
    return bool(_EXCEPTION.search(complaint.joined)) and not _ACCELERATOR.search(complaint.joined)


def _background(hit: SymptomHit) -> SymptomHit:
    """A warning in a report is not what stops a program that stops for another reason."""
    if "warning:" not in hit.text.lower():
        return hit
    return msgspec.structs.replace(hit, severity="info", confidence="possible")


def _explained(hit: SymptomHit, surer: Sequence[SymptomHit]) -> bool:
    """Whether a hit before it already says what this one only suspects."""
    meanings = {hit.code, *hit.alternatives}
    return any(other.code == hit.code or (other.code in meanings and hit.alternatives) for other in surer)


def _hit(row: Rule, text: _Text, source: str, around: str = "") -> SymptomHit | None:
    best = None
    for number in text.numbers(row.needles):
        # Made only where a needle is: two hundred patterns take longer than the rest of the reading.
        if row.regex is not None and not _pattern(row.regex).search(text.window(number, row.lines)):
            continue
        if row.prefers is None or row.prefers in text.flat[number]:
            return _describe(row, text, number, source, around or text.joined)
        best = number if best is None else best
    return None if best is None else _describe(row, text, best, source, around or text.joined)


@cache
def _pattern(regex: str) -> re.Pattern[str]:
    return re.compile(regex, re.ASCII)  # a word ends where Chinese or Japanese goes on


def _describe(row: Rule, text: _Text, number: int, source: str, around: str) -> SymptomHit:
    extension = _extension(text, number)
    said = next((words for words in row.words if any(word in around for word in words.any)), None)
    code = said.code if said else None
    if code is None and extension is not None and row.extension_code:
        code = row.extension_code
    chosen = code or row.code
    doubted = any(word in around for word in row.doubt)
    sure = (said.confidence if said else None) or ("possible" if doubted else row.confidence)
    return SymptomHit(
        code=chosen,
        confidence=sure,
        text=" ".join(text.lines[number].split())[:_EXCERPT],
        line=number + 1,
        source=source,
        extension=extension,
        framework=row.framework,
        severity=row.severity if chosen == row.code else None,
        alternatives=[other for other in (row.code, *row.alternatives) if other != chosen],
        decides=row.decides,
        rule=row.id,
    )


@cache
def _extension_pattern() -> tuple[re.Pattern[str], dict[str, str]]:
    names = {module.lower(): name for name, modules in rules().extensions.items() for module in modules}
    alternatives = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    return re.compile(rf"(?:packages[/\\]|[/\\]|import |from |^|\s)({alternatives})(?=[/\\.]|\s|:|$|_cuda)"), names


def _extension(text: _Text, number: int) -> str | None:
    """The compiled package whose frames are nearest above the message, or that the message itself names."""
    pattern, names = _extension_pattern()
    for index in range(number, max(-1, number - _FRAMES), -1):
        line = text.flat[index]
        if index != number and not line.startswith(('file "', "import ", "from ")) and "-packages" not in line:
            continue
        match = pattern.search(line)
        if match:
            return names[match.group(1)]
    return _extension_below(text, number)


def _extension_below(text: _Text, number: int) -> str | None:
    """The compiled package of the innermost frame, where the frames follow the message and none leads to it."""
    if any(line.startswith('file "') for line in text.flat[max(0, number - _FRAMES) : number]):
        return None
    pattern, names = _extension_pattern()
    below = text.flat[number + 1 : number + 1 + _FRAMES_AFTER]
    match = pattern.search(next((line for line in below if line.startswith('file "')), ""))
    return names[match.group(1)] if match else None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A code that a text speaks for, and why."""

    code: str
    confidence: Confidence
    reason: str
    line: int
    decides: Optional[str] = None


def explain(text: str) -> list[Explanation]:
    """Ranked codes for a bare error text: each message's likeliest meaning first, then what else it can mean."""
    hits = read(text)
    first = [
        Explanation(
            code=hit.code, confidence=hit.confidence, reason=f"“{hit.text}”", line=hit.line, decides=hit.decides
        )
        for hit in hits
    ]
    named = {hit.code for hit in hits}
    further: dict[str, Explanation] = {}
    for hit in hits:
        for code in hit.alternatives:
            if code not in named and code not in further:
                reason = f"“{hit.text}” can mean this too"
                further[code] = Explanation(
                    code=code, confidence="possible", reason=reason, line=hit.line, decides=hit.decides
                )
    return first + list(further.values())
