"""A root folder with an interpreter, its libraries and envsetup: no /proc, /etc, /dev, no network, no home."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
LIBRARIES = ("/lib", "/lib64", "/usr/lib")  # where the loader looks; nothing else of the system


def missing():
    """Why there can be no such root here; empty when there can."""
    gone = [name for name in ("unshare", "chroot", "mount") if not shutil.which(name)]
    if gone or not sys.platform.startswith("linux"):
        return f"not here: {', '.join(gone) or 'Linux'}"
    tried = subprocess.run(["unshare", "--mount", "--net", "true"], capture_output=True, check=False)
    return "" if os.geteuid() == 0 and tried.returncode == 0 else "needs root and mount namespaces"


def run(folder, *args, user=0, python=None, extra=(), **how):
    """envsetup with `args` in that root, without a network. `extra` are further places to see there."""
    folder.chmod(0o755)
    base = Path(sys.base_prefix)
    places = {"/python": base, "/packages": Path(site.getsitepackages()[0]), "/app/envsetup": ROOT / "envsetup"}
    places["/app/templates"] = ROOT / "templates"
    places |= {path: Path(path).resolve() for path in LIBRARIES if Path(path).exists()}
    places |= {path: Path(path) for path in extra}
    mounts = []
    for inside, outside in places.items():
        (folder / inside[1:]).mkdir(parents=True, exist_ok=True)
        mounts.append(f"mount --bind '{outside}' '{folder}{inside}' && mount -o remount,bind,ro '{folder}{inside}'")
    program = python or f"/python/bin/python3.{sys.version_info.minor}"
    # env -i: no HOME, no PATH, no locale. An interpreter may come as a library of its own.
    variables = "PYTHONPATH=/app:/packages PYTHONDONTWRITEBYTECODE=1 LD_LIBRARY_PATH=/python/lib"
    last = f'exec env -i {variables} "$0" --userspec={user}:{user} \'{folder}\' {program} -m envsetup "$@"'
    argv = ["unshare", "--mount", "--net", "sh", "-c", " && ".join([*mounts, last]), shutil.which("chroot"), *args]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120, **how)
