"""What nobody could look at is never taken for absent."""

from __future__ import annotations

import os

from described import LINUX, machine

from envsetup.doctor.examine import examine
from envsetup.model.machine import LATE, Machine
from envsetup.probe.collect import probe
from envsetup.world.live import LiveWorld


def test_an_environment_that_hangs_is_not_an_environment_without_framework():
    report = examine(machine(LINUX, {"unknown": {"environment": f"{LATE}: a file system or a device hangs"}}))
    assert report.verdict.status == "unknown"
    assert report.verdict.headline == f"cannot say what is installed: {LATE}: a file system or a device hangs"


def test_nothing_known_is_not_ready():
    assert examine(Machine(), target="snapshot").verdict.status == "unknown"
    described = machine({"os": {"system": "linux"}, "gpus": []})
    assert examine(described, target="snapshot").verdict.status == "ready"


def _torch(folder, write):
    """An environment whose torch/version.py is made by `write`."""
    packages = folder / "lib" / "python3.12" / "site-packages"
    (packages / "torch").mkdir(parents=True)
    (packages / "torch-2.14.1.dist-info").mkdir()
    (packages / "torch-2.14.1.dist-info" / "METADATA").write_text("Name: torch\nVersion: 2.14.1\n")
    (folder / "pyvenv.cfg").write_text(f"home = {folder}\nversion_info = 3.12.4\n")
    write(packages / "torch" / "version.py")
    return probe(LiveWorld(), env=str(folder), timeout=30)


def test_a_torch_whose_version_file_is_damaged_is_not_called_ready(tmp_path):
    for number, content in enumerate((b"", b"\xff\x00" * 1000, b"<html>proxy error</html>")):
        seen = _torch(tmp_path / str(number), lambda path, content=content: path.write_bytes(content))
        assert any(problem.endswith("torch/version.py states no version") for problem in seen.environment.problems)
        assert "broken-venv" in {finding.code for finding in examine(seen).findings}
        build = seen.environment.frameworks[0]
        assert (build.version, build.variant) == ("2.14.1", build.cuda)  # both unknown, never the CPU build


def test_a_pipe_in_place_of_a_file_holds_nothing_up(tmp_path):
    seen = _torch(tmp_path, os.mkfifo)
    assert "environment" not in seen.unknown
    assert seen.environment.packages == {"torch": "2.14.1"}


def test_an_environment_whose_files_say_their_version_is_whole(tmp_path):
    text = "__version__ = '2.14.1+cu130'\ncuda: Optional[str] = '13.0'\n"
    seen = _torch(tmp_path, lambda path: path.write_text(text))
    assert not any("version.py" in problem for problem in seen.environment.problems)
    assert seen.environment.frameworks[0].variant == "cu130"
