"""direnv's hook: does it lead into the environment, is the user's own file kept, does it go with the environment?"""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsetup.build.direnv import block, clear, settle
from envsetup.model.errors import BuildError

pytestmark = pytest.mark.build
WEIRD = 'it\'s "q" $HOME `x`'
# What direnv's own library does, as its manual says it.
STDLIB = 'PATH_add() { PATH="$(cd "$1" && pwd):$PATH"; export PATH; }\n'


def through(folder, command):
    """What a command says under the hook, in `folder`."""
    if shutil.which("direnv"):
        subprocess.run(["direnv", "allow"], cwd=folder, check=True)
        argv = ["direnv", "exec", ".", "bash", "-c", command]
    else:
        argv = ["bash", "-euc", f"{STDLIB}. ./.envrc\n{command}"]
    return subprocess.run(argv, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_the_hook_leads_into_the_environment(box):
    project = box.folder / WEIRD
    made = box.json(project / "my env", "--framework", "pytorch", "--cpu", "--with", "direnv")
    assert made["packages"] == {"numpy": "2.4.0", "tiny": "1.0", "torch": "2.13.0+cpu"}
    assert through(project, 'tiny; echo "$VIRTUAL_ENV"') == f"tiny {project}/my env\n{project}/my env\n"
    before = (project / ".envrc").read_text()
    box.json(project / "my env", "--framework", "pytorch", "--cpu", "--with", "direnv")
    assert (project / ".envrc").read_text() == before
    assert box.run("verify", project / "my env").returncode == 0
    assert box.run("remove", project / "my env", "--yes").returncode == 0
    assert not (project / ".envrc").exists()


def test_without_the_wish_there_is_none(box):
    box.json("env", "--framework", "pytorch", "--cpu")
    assert not (box.folder / ".envrc").exists()


def test_the_users_own_lines_stay(tmp_path):
    hook = tmp_path / ".envrc"
    hook.write_text("export A=1")
    hook.chmod(0o600)
    settle(tmp_path / "env")
    assert hook.read_text() == "export A=1\n" + block("env")
    hook.write_text(hook.read_text() + "export B=2\n")
    settle(tmp_path / "other")
    assert hook.read_text() == "export A=1\n" + block("other") + "export B=2\n"
    clear(tmp_path / "env")
    assert block("other") in hook.read_text()
    clear(tmp_path / "other")
    assert hook.read_text() == "export A=1\nexport B=2\n"
    assert hook.stat().st_mode & 0o777 == 0o600


def test_a_link_stays_a_link_and_what_is_no_text_is_left(tmp_path):
    (tmp_path / "real").write_text("")
    (tmp_path / ".envrc").symlink_to("real")
    settle(tmp_path / "env")
    assert (tmp_path / ".envrc").is_symlink()
    assert (tmp_path / "real").read_text() == block("env")
    (tmp_path / "real").write_bytes(b"\xff")
    with pytest.raises(BuildError, match="not UTF-8 text, left as it is"):
        settle(tmp_path / "env")
    clear(tmp_path / "env")
    assert (tmp_path / "real").read_bytes() == b"\xff"


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cf", "Zl", "Zp"]), min_size=1, max_size=20))
def test_any_name_means_itself(name):
    lines = f'PATH_add() {{ :; }}\n{block(name)}printf %s "$VIRTUAL_ENV"'
    done = subprocess.run(["bash", "-c", lines], check=True, capture_output=True, cwd="/")
    assert done.stdout == b"/" + b"/" + name.encode()
