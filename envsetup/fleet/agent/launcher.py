"""Runs as `__main__` of the bundle, with the standard library alone: unpack what a zip cannot serve, run, clean up.

All that is pure Python is imported from the bundle itself. A zip cannot load compiled modules, and the look at NVML
runs in a child; so those parts are laid out as a private venv (one link, one file, a few modules) in a temporary
folder that only this user can enter, and it is removed at the end. The doctor runs in a fork, in a session of its
own: whatever it started ends with it, and cleaning up is left to the parent.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import zipfile
from pathlib import Path

TEMPORARY = (os.environ.get("TMPDIR"), "/tmp", "/var/tmp", "/dev/shm", os.environ.get("HOME"))  # noqa: S108
COMMON = "site/"
OLDEST = (3, 10)
ANSWERED = 64  # added to the exit status for the header, which knows by it that this Python could run us at all
HEADER = "ENVSETUP_AGENT_HEADER"  # set by the header; who runs the file with a Python gets the status as it is
ENDINGS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def platform_tag() -> str:
    """Which compiled parts this Python can load: cpython-312-x86_64-glibc."""
    libc = "glibc" if _glibc() else "musl"
    flags = getattr(sys, "abiflags", "")
    return f"{sys.implementation.cache_tag}{flags}-{os.uname().machine}-{libc}"


def _glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (OSError, ValueError):
        return False


def workplace() -> str | None:
    """A folder below which files can be written and compiled modules loaded, or None."""
    for folder in TEMPORARY:
        if folder and os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK):  # noqa: PTH112
            flags = os.statvfs(folder).f_flag
            if not flags & (os.ST_NOEXEC | os.ST_RDONLY):
                return folder
    return None


def unpack(archive: str, folder: Path, tag: str) -> Path | None:
    """Lay out the packages with compiled modules as a venv; its site folder, or None where there are none for `tag`.

    The venv's Python finds everything else in the archive, as this process does.
    """
    site = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    native, platform = f"native/{tag}/", tag.split("-", 2)[2]
    stable, programs = f"native/abi3-{platform}/", f"programs/{platform}/"
    with zipfile.ZipFile(archive) as bundle:
        names = bundle.namelist()
        compiled = [name for name in names if name.startswith((native, stable))]
        if not any(name.startswith(native) for name in compiled):
            return None
        # What makes environments looks for its program and its templates beside itself: then all is laid out.
        building = any(name.startswith(programs) for name in names)
        packages = (COMMON,) if building else tuple({f"{COMMON}{name.split('/')[2]}/" for name in compiled})
        made: set[Path] = set()
        for name in names:
            prefix = next((prefix for prefix in (native, stable, programs) if name.startswith(prefix)), "")
            if not prefix and name.startswith(packages):
                prefix = COMMON
            if prefix:
                path = (folder / "bin" if prefix == programs else site) / name[len(prefix) :]
                if path.parent not in made:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    made.add(path.parent)
                path.write_bytes(bundle.read(name))
                if prefix == programs:
                    path.chmod(0o700)
    base = getattr(sys, "_base_executable", "") or sys.executable
    (folder / "pyvenv.cfg").write_text(f"home = {os.path.dirname(base)}\n", encoding="utf-8")  # noqa: PTH120
    # A path into a zip is not taken as it stands: `site` wants it to exist.
    (site / "envsetup.pth").write_text(f"import sys; sys.path.append({archive + '/' + COMMON!r})\n", encoding="utf-8")
    python = folder / "bin" / "python"
    python.parent.mkdir(exist_ok=True)
    python.symlink_to(base)
    return site


def run(archive: str, folder: Path, site: Path, arguments: list[str]) -> int:
    """Run the doctor in a fork; its exit status, negative for a signal. A signal to end ends it too."""
    child = 0

    def stop(number: int, _frame: object) -> None:
        if child:
            os.killpg(child, signal.SIGKILL)
        raise SystemExit(128 + number)

    for number in ENDINGS:
        signal.signal(number, stop)
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)  # until it is known which process there is to end
    child = os.fork()
    if not child:
        os.setsid()
        for number in ENDINGS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.executable = str(folder / "bin" / "python")  # what its own children run with
        sys.path[:] = [str(site), archive + "/" + COMMON, *(path for path in sys.path if path != archive)]
        from envsetup.fleet.agent.main import main as answer  # noqa: PLC0415 - it can be found from here on

        raise SystemExit(answer(arguments))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def fail(error: str, detail: str) -> int:
    """Answer that the doctor could not run here."""
    import json  # noqa: PLC0415 - 10 ms

    answer = {"schema": "envsetup.agent/1", "host": os.uname().nodename, "error": error, "detail": detail}
    sys.stdout.write(json.dumps(answer) + "\n")
    return 3


def main() -> int:
    """Unpack, run, clean up; the exit status."""
    sys.path[0] = archive = os.path.abspath(sys.argv[0])  # noqa: PTH100
    tag, place = platform_tag(), workplace()
    if place is None:
        return fail("crashed", "no temporary folder that can be written and executed from")
    folder = Path(tempfile.mkdtemp(prefix="envsetup-agent-", dir=place))
    supervisor = os.getpid()
    try:
        site = unpack(archive, folder, tag)
        if site is None:
            return fail("not-carried", tag)
        status = run(archive, folder, site, sys.argv[1:])
    except OSError as error:
        return fail("crashed", f"{type(error).__name__}: {error}")
    finally:
        if os.getpid() == supervisor:
            shutil.rmtree(folder, ignore_errors=True)
    return fail("crashed", f"the doctor was ended by signal {-status}") if status < 0 else status


if __name__ == "__main__":
    if sys.version_info < OLDEST:
        sys.exit(1)
    for_header = os.environ.pop(HEADER, None)
    sys.exit((ANSWERED if for_header else 0) + main())
