"""A world that writes down what it is asked, so that `recorded` can replay this machine: redacted, by allow-list."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from envsetup.model.codec import to_json
from envsetup.world import loader_cache
from envsetup.world.allowed import file_content, folder_names, kernel_log
from envsetup.world.files import make_folder, write_whole
from envsetup.world.recorded import MACHINE_FILE, Answer, Content, Recording
from envsetup.world.scrub import Private, Scrubber

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from envsetup.world.base import Completed, FileSystem, Stat, World

LOADER_CACHE = "/etc/ld.so.cache"
BINARY_FILES = ("/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",)
STAND_IN = "/home/user"  # the home folder of every recorded machine


class RecordingWorld:
    """Passes every question on and keeps the answers. `variables` are those that may be kept."""

    def __init__(self, world: World, *, variables: Collection[str]) -> None:
        self._world = world
        self._kept = Recording()
        self._scrub = Scrubber(Private.of(world), home=STAND_IN, user="user", host="host")
        environ = world.environ()
        self._kept.env = {name: self._scrub(environ[name]) for name in variables if name in environ}

    def save(self, folder: str, about: str) -> list[str]:
        """Write the recording into a folder that is new or empty; the kinds of things that were taken out.

        Raises InputError when that is not possible.
        """
        make_folder(folder)
        self._only_own_devices()
        self._kept.about = about
        self._kept.absent = sorted(set(self._kept.absent))
        self._kept.denied = sorted(set(self._kept.denied))
        write_whole(f"{folder.rstrip('/')}/{MACHINE_FILE}", to_json(self._kept, indent=1))
        return sorted(self._scrub.removed)

    def _only_own_devices(self) -> None:
        """Of a PCI id table only the lines of devices that this machine has."""
        ids = {str(text).strip()[2:] for path, text in self._kept.files.items() if re.search(r"^/sys/.*/device$", path)}
        for path in [path for path in self._kept.files if path.endswith("/pci.ids")]:
            lines = str(self._kept.files[path]).splitlines(keepends=True)
            self._kept.files[path] = "".join(line for line in lines if line[:1] != "\t" or line[1:5] in ids)

    def _asked(self, path: str, question: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever was asked
        """The answer; an answer that is an error is kept as what causes it."""
        try:
            return question()
        except (FileNotFoundError, NotADirectoryError):
            self._kept.absent.append(self._scrub(path))
            raise
        except OSError:
            self._kept.denied.append(self._scrub(path))
            raise

    def read_text(self, path: str, *, limit: int = 1 << 20) -> str:
        text: str = self._asked(path, lambda: self._world.read_text(path, limit=limit))
        kept = file_content(path, text)  # no file on the list has a place for an address, but many hold versions
        if kept is None:
            self._kept.denied.append(self._scrub(path))
        else:
            self._kept.files[self._scrub(path)] = self._scrub(kept, addresses=False)
        return text

    def read_bytes(self, path: str, *, offset: int = 0, limit: int = 1 << 20) -> bytes:
        data: bytes = self._asked(path, lambda: self._world.read_bytes(path, offset=offset, limit=limit))
        if path == LOADER_CACHE:
            pairs = [pair for pair in loader_cache.decode(data) if folder_names("", [pair[0]])]
            entries = {self._scrub(name): self._scrub(target) for name, target in reversed(pairs)}
            self._kept.files[path] = Content(loader_cache=dict(reversed(entries.items())))
        elif path.endswith(BINARY_FILES):
            self._kept.files[path] = Content.of(data)
        else:
            self._kept.denied.append(self._scrub(path))
        return data

    def list_dir(self, path: str) -> list[str]:
        names: list[str] = self._asked(path, lambda: self._world.list_dir(path))
        self._kept.folders[self._scrub(path)] = folder_names(path, names)
        return names

    def stat(self, path: str) -> Stat:
        stat: Stat = self._asked(path, lambda: self._world.stat(path))
        self._kept.nodes[self._scrub(path)] = stat
        return stat

    def exists(self, path: str) -> bool:
        there = self._world.exists(path)
        if there:
            self._kept.nodes[self._scrub(path)] = self._world.stat(path)
        else:
            self._kept.absent.append(self._scrub(path))
        return there

    def real_path(self, path: str) -> str:
        real: str = self._asked(path, lambda: self._world.real_path(path))
        if real != path:
            self._kept.links[self._scrub(path)] = self._scrub(real)
        return real

    def which(self, name: str) -> str | None:
        path = self._world.which(name)
        self._kept.which[name] = None if path is None else self._scrub(path)
        return path

    def run(self, argv: Sequence[str], *, timeout: float, env: Mapping[str, str] | None = None) -> Completed:
        done = self._world.run(argv, timeout=timeout, env=env)
        self._keep(" ".join([argv[0].rsplit("/", 1)[-1], *argv[1:]]), done)
        return done

    def helper(
        self,
        name: str,
        args: Sequence[str] = (),
        *,
        timeout: float,
        python: str | None = None,
        without: Sequence[str] = (),
    ) -> Completed:
        done = self._world.helper(name, args, timeout=timeout, python=python, without=without)
        self._keep(" ".join([f"@{name}", *args, *(f"-{variable}" for variable in without)]), done)
        return done

    def _keep(self, command: str, done: Completed) -> None:
        text = kernel_log(done.stdout) if command == "dmesg" else done.stdout
        answer = Answer(
            returncode=done.returncode,
            stdout=self._scrub(text, addresses=False),
            stderr=self._scrub(done.stderr),
            timed_out=done.timed_out,
            missing=done.missing,
            stuck=done.stuck,
            seconds=done.ms / 1000,
        )
        self._kept.commands[self._scrub(command)] = _readable(answer)

    def environ(self) -> Mapping[str, str]:
        return self._world.environ()

    def file_system(self, path: str) -> FileSystem:
        found: FileSystem = self._asked(path, lambda: self._world.file_system(path))
        self._kept.file_systems[self._scrub(path)] = found
        return found

    def system(self, fact: str) -> object:
        try:
            value = self._world.system(fact)
        except (OSError, ValueError, AttributeError) as error:
            self._kept.system[fact] = {"error": str(error)}
            raise
        if isinstance(value, str):
            text = kernel_log(value) if fact == "kernel_log" else value
            self._kept.system[fact] = self._fact(fact, text)
        else:
            self._kept.system[fact] = value
        return value

    def _fact(self, fact: str, text: str) -> str:
        """A fact's text; names that are facts in themselves are replaced whatever they are."""
        stand_ins = {"user": "user", "hostname": "host", "home": STAND_IN}
        return stand_ins.get(fact) or self._scrub(text, addresses=False)


def _readable(answer: Answer) -> Answer:
    """JSON output as JSON, for whoever reads the recording."""
    try:
        value = msgspec.json.decode(answer.stdout)
    except msgspec.DecodeError:
        return answer
    return msgspec.structs.replace(answer, stdout="", json=value) if isinstance(value, dict) else answer
