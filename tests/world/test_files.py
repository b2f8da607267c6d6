from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from envsetup.model.errors import InputError
from envsetup.world.files import make_folder, read_input, write_whole


def test_a_file_is_written_whole_with_the_users_usual_mode(tmp_path):
    target = tmp_path / "a folder 'with' ümlauts" / "m.json"
    target.parent.mkdir()
    write_whole(str(target), "text\n")
    write_whole(str(target), "other\n")
    assert target.read_text() == "other\n"
    assert [path.name for path in target.parent.iterdir()] == ["m.json"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o644


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none/m\.json: No such file or directory; nothing was written"):
        write_whole(str(tmp_path / "none" / "m.json"), "text")


def test_a_full_disk_leaves_the_old_file_and_no_litter(tmp_path):
    target = tmp_path / "m.json"
    target.write_text("old")
    program = (
        "import resource, signal, sys\n"
        "from envsetup.model.errors import InputError\n"
        "from envsetup.world.files import write_whole\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n    write_whole(sys.argv[1], 'x' * 100000)\n"
        "except InputError as error:\n    print(error.message)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, target], capture_output=True, text=True, check=True)
    assert "nothing was written" in done.stdout
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["m.json"]


def test_a_device_is_written_to_and_not_replaced():
    write_whole("/dev/null", "text")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_input_that_is_too_large_or_missing_is_refused(tmp_path):
    large = tmp_path / "large"
    large.write_bytes(b"x" * 11)
    with pytest.raises(InputError, match="larger than"):
        read_input(str(large), limit=10)
    with pytest.raises(InputError, match="No such file"):
        read_input(str(tmp_path / "none"))


def test_a_folder_in_use_is_refused(tmp_path):
    make_folder(str(tmp_path / "new"))
    (tmp_path / "x").touch()
    with pytest.raises(InputError, match="not empty"):
        make_folder(str(tmp_path))
