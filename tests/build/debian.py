"""Debian systems made on this machine, as base images: nothing comes from a registry."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

PYTHON = "3.11"
BOOKWORM = "localhost/envsetup-test-base:bookworm"  # with Debian's own Python 3.11, glibc 2.36
# As the official images have it: glibc 2.41, and a Python of its own under /usr/local, which is that of the tests.
TRIXIE = "localhost/envsetup-test-base:trixie"
_LIBRARIES = "libssl3t64,libffi8,libsqlite3-0,zlib1g,libbz2-1.0,liblzma5,libreadline8t64,libuuid1,libcrypt1,libexpat1"
_PACKAGES = {BOOKWORM: "python3,python3-venv", TRIXIE: _LIBRARIES}


def buildah(*argv, check=True, **kwargs):
    env = os.environ | {"BUILDAH_ISOLATION": "chroot"} | kwargs.pop("env", {})
    return subprocess.run(["buildah", *argv], check=check, capture_output=True, text=True, env=env, **kwargs)


def only(engine, folder):
    """A PATH on which no other engine answers."""
    for name in {"docker", "podman", "buildah"} - {engine}:
        (folder / name).write_text("#!/bin/sh\necho not asked >&2\nexit 1\n")
        (folder / name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def lacking(*more):
    """What is missing here for building images, or nothing."""
    missing = [name for name in ("buildah", "mmdebstrap", "unshare", *more) if shutil.which(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    return "not root" if os.geteuid() else ""


def make(name, work):
    """Make a base once per machine."""
    with (work.parent / f"{name.rpartition(':')[2]}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if buildah("inspect", "--type", "image", name, check=False).returncode:
            _make(name, work)
    return name


def _make(name, work):
    suite = name.rpartition(":")[2]
    archive = work / f"{suite}.tar"
    less = [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("man", "doc", "locale")]
    options = ["--quiet", "--variant=minbase", f"--include=ca-certificates,{_PACKAGES[name]}", suite, archive]
    made = subprocess.run(["mmdebstrap", *less, *options], check=False, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    container = buildah("from", "scratch").stdout.strip()
    buildah("add", "--quiet", container, str(archive), "/")
    archive.unlink()
    if name == TRIXIE:
        folder = interpreter(work / "usr-local")
        buildah("add", "--quiet", container, str(folder), "/usr/local")
        shutil.rmtree(folder)
        buildah("run", container, "--", "ldconfig")
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    buildah("config", "--env", f"PATH={path}", container)
    buildah("commit", "--quiet", "--rm", "--format", "docker", container, name)


def interpreter(folder):
    """The interpreter of the tests with its standard library, below a folder that becomes /usr/local."""
    own = Path(sys.base_prefix)
    version = f"python{PYTHON}"
    ignore = shutil.ignore_patterns("__pycache__", "test", "tests", "site-packages", "config-*", "idlelib", "tkinter")
    shutil.copytree(own / "lib" / version, folder / "lib" / version, ignore=ignore)
    (folder / "lib" / version / "site-packages").mkdir()
    shutil.copytree(own / "include" / version, folder / "include" / version)
    for library in own.glob("lib/libpython3*.so*"):
        shutil.copy2(library, folder / "lib", follow_symlinks=False)
    (folder / "bin").mkdir()
    shutil.copy2(own / "bin" / version, folder / "bin" / version)
    (folder / "bin" / "python3").symlink_to(version)
    return folder
