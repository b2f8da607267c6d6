"""The bundle's parts for aarch64, run: Debian's Python for it under an emulator. The shell header stays out of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

EMULATOR = shutil.which("qemu-aarch64-static")
MISSING = [name for name in ("qemu-aarch64-static", "mmdebstrap", "chroot") if shutil.which(name) is None]
pytestmark = [
    pytest.mark.fleet,
    pytest.mark.xdist_group("bundle"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root"),
]


@pytest.fixture(scope="module")
def debian(tmp_path_factory):
    """The root of a Debian for aarch64, unpacked and never started."""
    root = tmp_path_factory.mktemp("aarch64") / "root"
    # Without what asks for a kernel that runs its programs: the emulator is called by name.
    command = ["mmdebstrap", "--quiet", "--architectures=arm64", "--variant=extract", "--include=python3"]
    made = subprocess.run([*command, "bookworm", root], check=False, capture_output=True, text=True, timeout=300)
    assert made.returncode == 0, made.stderr
    for folder in ("proc", "tmp"):
        (root / folder).mkdir(exist_ok=True)
    shutil.copy(EMULATOR, root / "emulator")
    return root


def test_the_doctor_runs_on_aarch64(bundle, debian):
    path, said = bundle
    if "cpython-311-aarch64-glibc" in said["missing"]:
        pytest.skip(f"the package source did not give it: {said['missing']['cpython-311-aarch64-glibc']}")
    shutil.copy(path, debian / "envsetup.pyz")
    command = ["chroot", debian, "/emulator", "/usr/bin/python3", "-ISB", "/envsetup.pyz", "doctor", "--host", "arm"]
    ended = subprocess.run(
        command, env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}, check=False, capture_output=True, timeout=120
    )
    assert ended.returncode in {0, 1, 3}, ended
    report = json.loads(ended.stdout)
    assert (report["host"], report["machine"]["arch"]) == ("arm", "aarch64")
    assert report["machine"]["libc"] == {"name": "glibc", "version": "2.36"}
    assert list((debian / "tmp").iterdir()) == []
