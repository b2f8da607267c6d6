"""What an editor and Jupyter are told of an environment."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsetup.build import vscode
from envsetup.render.templates import render

KEPT = """// my settings
{
    /* { not this brace */
    "editor.rulers": [80, 100,], // "trailing"
    "url": "http://x//y", "text": "/* no comment */ ,}",
}
"""
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
settings_files = st.dictionaries(st.text(max_size=12), values, max_size=4)


def test_comments_and_everything_else_stay():
    after = vscode.merged(KEPT, "/p")
    assert vscode.read(after) == {vscode.KEY: "/p"} | vscode.read(KEPT)
    assert after.replace(f'\n    "{vscode.KEY}": "/p",', "") == KEPT


@given(settings_files, st.text(max_size=20), st.sampled_from([None, 2]))
def test_any_settings_gain_one_key(before, interpreter, indent):
    after = vscode.merged(json.dumps(before, indent=indent), interpreter)
    assert vscode.read(after) == {vscode.KEY: interpreter} | before


@pytest.mark.parametrize("text", ["", "{}", "{ }\n", "// nothing\n{\n}\n", "// {"])
def test_empty_settings(text):
    assert vscode.read(vscode.merged(text, "/p")) == {vscode.KEY: "/p"}


@pytest.mark.parametrize("text", ["[1]", "{", '{"a": }', "not json", "{} {}", "/* {"])
def test_what_is_not_understood_is_left(tmp_path, text):
    file = tmp_path / ".vscode" / "settings.json"
    file.parent.mkdir()
    file.write_text(text)
    assert "left as it is" in vscode.settle(tmp_path, tmp_path / ".venv")
    assert file.read_text() == text
    assert [p.name for p in file.parent.iterdir()] == ["settings.json"]


def test_an_interpreter_that_the_user_chose_stays(tmp_path):
    assert vscode.settle(tmp_path, tmp_path / ".venv").endswith("settings.json")
    file = tmp_path / ".vscode" / "settings.json"
    text = file.read_text()
    assert json.loads(text) == {vscode.KEY: "${workspaceFolder}/.venv/bin/python"}
    assert "was left" in vscode.settle(tmp_path, tmp_path / "other")
    assert file.read_text() == text


def test_a_link_to_shared_settings_stays_a_link(tmp_path):
    shared = tmp_path / "shared.json"
    shared.write_text('{"a": 1}')
    file = tmp_path / ".vscode" / "settings.json"
    file.parent.mkdir()
    file.symlink_to(shared)
    vscode.settle(tmp_path, tmp_path / ".venv")
    assert file.is_symlink()
    assert json.loads(shared.read_text())["a"] == 1


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_kernel_is_json_whatever_it_is_called(title, python):
    kernel = json.loads(render("jupyter", {"title": title, "python": python})["kernel.json"])
    assert (kernel["display_name"], kernel["argv"][0]) == (title, python)


@pytest.mark.build
@pytest.mark.torch
def test_the_kernel_of_an_environment_runs_in_it(tmp_path):
    target = tmp_path / "it's mine" / "env"
    argv = [sys.executable, "-m", "envsetup", "create", target, "--framework", "pytorch", "--cpu", "--with", "vscode",
            "--name", "My Env"]  # fmt: skip
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "name it to VS Code" in done.stderr
    program = (
        "from jupyter_client.manager import start_new_kernel\n"
        "manager, client = start_new_kernel(kernel_name='my-env', startup_timeout=60)\n"
        "def show(message):\n"
        "    if message['msg_type'] == 'stream': print(message['content']['text'], end='')\n"
        "client.execute_interactive('import sys, torch; print(sys.prefix, torch.__version__)', output_hook=show)\n"
        "manager.shutdown_kernel(now=True)\n"
    )
    told = subprocess.run([target / "bin/python", "-c", program], check=True, capture_output=True, text=True)
    assert told.stdout.startswith(f"{target} 2.")
    settings = json.loads((target.parent / ".vscode" / "settings.json").read_text())
    assert settings == {vscode.KEY: "${workspaceFolder}/env/bin/python"}
