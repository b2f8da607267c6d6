"""TensorFlow's issue forms (bullets of 2017, bold questions, headings of today) and `tf_env_collect.sh`.

The answer stands behind the colon or on the next line; people leave the example of the question in place.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.importers import pip_list, prose, words
from envsetup.importers.facts import SAID, TOOL

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.importers.facts import Facts
    from envsetup.importers.page import Page

_QUESTION = re.compile(
    r"[*#\s`-]{0,8}(?P<what>OS Platform and Distribution|Operating system(?: version)?|TensorFlow version|"
    r"Python version|CUDA/cuDNN version|GPU model and memory|TensorFlow installed from|tf\.version\.VERSION|"
    r"sys\.version|"
    r"tensorflow version|keras version|GPU model|linux distribution|os platform|os kernel version|Mobile device|"
    r"Bazel version|"
    r"GCC/Compiler version(?: \(if compiling from source\))?|Have I written custom code|Current behaviou?r\??|"
    r"Custom code|Issue type|Source)\b[^:=\n]{0,80}?(?:\*\*)?\s*(?P<sign>[:=]|$|\*\*|_:)\**\s*(?P<answer>.{0,300})",
    re.IGNORECASE,
)
_RELEASE = re.compile(r"(?:^|\bv|\b)(\d{1,2}\.\d{1,2}(?:\.\d{1,2})?(?:[-.]?(?:rc|dev|a|b)\d{0,8})?)(?!\w)")
_BARE_MODEL = re.compile(r"(?:([2-5]0[5-9]0)|[4-9]\d0|1[06]\d0)(?:\s?(?:ti|super))?\b(?!\s?[GM]i?B)", re.IGNORECASE)
_EXAMPLE = re.compile(r"^(?:\(?e\.?g\.?,?|for example)\b.{0,80}?\):?", re.IGNORECASE)
_SECTION = re.compile(
    r"== (?:check python|check os platform|are we in docker|compiler|check pips|check for virtualenv|"
    r"tensorflow import|env|nvidia-smi|cuda libs|tensorflow installed)"
)


def read(page: Page, facts: Facts) -> bool:
    """Fill in facts; True when the text holds such a form."""
    if "tensorflow" not in page.lowered:
        return False
    answers = 0
    for number, line in enumerate(page.bare):
        match = _QUESTION.match(line) if line and not page.claimed(number) else None
        if match is None:
            continue
        answers += 1
        where, answer = _answer(page, number, match)
        reader = _READERS.get(match.group("what").lower())
        if reader is None or answer is None or words.unreadable(answer):
            continue
        reader(facts, answer)
        page.claim(number, where)
    _docker(page, facts)
    return answers >= 2 or bool(_SECTION.search(page.joined))  # noqa: PLR2004 - one question may be prose


def _answer(page: Page, number: int, match: re.Match[str]) -> tuple[int, str | None]:
    answer = _EXAMPLE.sub("", match.group("answer")).strip().strip("*").strip()
    if answer:
        return number, answer
    after = page.following(number)
    if after is None or _QUESTION.match(after[1]) or after[1].endswith(":") or after[1].startswith(("#", "==")):
        return number, None
    return after


def _docker(page: Page, facts: Facts) -> None:
    for number, line in enumerate(page.bare):
        if line.startswith("== are we in docker"):
            after = page.following(number)
            answer = words.yes(after[1]) if after else None
            if answer is not None:
                facts.put("container.runtime", "docker" if answer else None)


def _system(facts: Facts, answer: str) -> None:
    distribution = re.match(r"\('(\w[\w ]{1,30})', '([\w.]{1,12})'", answer)
    words.system(facts, f"{distribution.group(1)} {distribution.group(2)}" if distribution else answer, TOOL)


def _tensorflow(facts: Facts, answer: str) -> None:
    """The form asks for git's description and the version, and the version stands last."""
    found = _RELEASE.findall(answer)
    if not found:
        return
    name = "tensorflow-gpu" if re.search(r"tensorflow[-_ ]gpu", answer, re.IGNORECASE) else "tensorflow"
    pip_list.add(facts, name, found[-1])
    facts.framework("tensorflow", source="issue form")


def _python(facts: Facts, answer: str) -> None:
    words.python(facts, answer, TOOL)


def _cuda(facts: Facts, answer: str) -> None:
    """One CUDA named is the toolkit; several, or a cuDNN alone, say nothing that can be relied on."""
    numbers = re.findall(
        r"(?:cuda\D{0,12})?\b((?:7|8|9|1[0-3])\.\d)\b", re.sub(r"(?i)cudnn.*", "", answer), re.IGNORECASE
    )
    if len(set(numbers)) == 1:
        facts.put("cuda.nvcc_version", numbers[0], SAID)


def _gpu(facts: Facts, answer: str) -> None:
    """The question is for a GPU, so a bare number such as "1050ti" is one."""
    bare = _BARE_MODEL.match(answer)
    prose.gpus(facts, f"{'RTX' if bare.group(1) else 'GTX'} {answer}" if bare else answer)


def _platform(facts: Facts, answer: str) -> None:
    words.platform(facts, answer, TOOL)


def _release(facts: Facts, answer: str) -> None:
    if re.search(r"microsoft", answer, re.IGNORECASE):
        words.wsl(facts, answer, SAID)


_READERS: dict[str, Callable[[Facts, str], None]] = {
    "os platform and distribution": _system,
    "operating system": _system,
    "operating system version": _system,
    "linux distribution": _system,
    "tensorflow version": _tensorflow,
    "tf.version.version": _tensorflow,
    "python version": _python,
    "sys.version": _python,
    "cuda/cudnn version": _cuda,
    "gpu model and memory": _gpu,
    "gpu model": _gpu,
    "os platform": _platform,
    "os kernel version": _release,
}
