"""pip itself is the judge of how pip's configuration is read."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest

from envsetup.build.pipconfig import config_files, read_pip_config
from envsetup.model.errors import InputError

OPTIONS = {
    "index-url": "index_url",
    "extra-index-url": "extra_index_urls",
    "find-links": "find_links",
    "no-index": "no_index",
    "proxy": "proxy",
    "trusted-host": "trusted_hosts",
    "constraint": "constraints",
}


@pytest.fixture
def place(tmp_path):
    """A home, an XDG folder and a prefix, empty; the variables that point pip at them."""
    for name in ("home", "xdg", "prefix"):
        (tmp_path / name).mkdir()
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "XDG_", "VIRTUAL_ENV"))}
    return tmp_path, env | {"HOME": str(tmp_path / "home"), "XDG_CONFIG_DIRS": str(tmp_path / "xdg")}


@pytest.fixture(scope="module")
def pip_python(tmp_path_factory):
    """An interpreter that has pip."""
    for python in (sys.executable, sys._base_executable):
        if subprocess.run([python, "-m", "pip", "--version"], check=False, capture_output=True).returncode == 0:
            return python
    folder = tmp_path_factory.mktemp("pip")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
    return str(folder / "bin" / "python")


def effective(python, env):
    """What pip's own configuration says for `pip install`, by pip's own code."""
    code = (
        "from pip._internal.cli.parser import ConfigOptionParser\n"
        "from pip._internal.configuration import Configuration\n"
        "c = Configuration(isolated=False); c.load()\n"
        "items = [pair for key, value in c.items()"
        " for pair in (value.items() if isinstance(value, dict) else [(key, value)])]\n"  # pip 26 keeps files apart
        "order = {'global': 0, 'install': 1, ':env:': 2}\n"
        "found = {}\n"
        "for section in order:\n"
        "    for key, value in items:\n"
        "        if key.partition('.')[0] == section and value:\n"
        "            found[key.partition('.')[2]] = value\n"
        "print(found)\n"
    )
    done = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True, env=env)
    return ast.literal_eval(done.stdout)


def agrees(python, env, prefix):
    expected = effective(python, env)
    mine = read_pip_config(env, prefix)
    for option, field in OPTIONS.items():
        got = getattr(mine, field)
        want = expected.get(option)
        if field in {"index_url", "proxy"}:
            assert got == want, option
        elif field == "no_index":
            assert got == (want in {"1", "true", "yes", "on", "y", "t"}), option
        else:
            assert got == (want or "").split(), option
    return mine


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


CASES = {
    "nothing": ({}, {}),
    "user": ({"home/.config/pip/pip.conf": "[global]\nindex-url = https://a/simple\n"}, {}),
    "legacy user is weaker": (
        {
            "home/.pip/pip.conf": "[global]\nindex-url = https://old/simple\nproxy = http://p:1\n",
            "home/.config/pip/pip.conf": "[global]\nindex-url = https://new/simple\n",
        },
        {},
    ),
    "global is weaker than user": (
        {
            "xdg/pip/pip.conf": "[global]\nindex-url = https://g/simple\nfind-links = /a\n",
            "home/.config/pip/pip.conf": "[global]\nindex-url = https://u/simple\n",
        },
        {},
    ),
    "install goes before global, wherever it stands": (
        {
            "xdg/pip/pip.conf": "[install]\nindex-url = https://i/simple\n",
            "home/.config/pip/pip.conf": "[global]\nindex-url = https://u/simple\n",
        },
        {},
    ),
    "several values, over lines": (
        {
            "home/.config/pip/pip.conf": "[global]\nextra-index-url =\n    https://a/s\n    https://b/s\n"
            "trusted_host = a b\nfind-links = /x /y\nconstraint = /c.txt\n"
        },
        {},
    ),
    "variables win": ({"home/.config/pip/pip.conf": "[install]\nindex-url = x\n"}, {"PIP_INDEX_URL": "https://v/s"}),
    "an empty variable says nothing": (
        {"home/.config/pip/pip.conf": "[global]\nextra-index-url = https://a/s\n"},
        {"PIP_EXTRA_INDEX_URL": ""},
    ),
    "a chosen file shuts the user's out": (
        {"home/.config/pip/pip.conf": "[global]\nproxy = http://u\n", "my.conf": "[global]\nno-index = true\n"},
        {"PIP_CONFIG_FILE": "{root}/my.conf"},
    ),
    "a chosen file that is not there does not": (
        {"home/.config/pip/pip.conf": "[global]\nproxy = http://u\n"},
        {"PIP_CONFIG_FILE": "{root}/not-there.conf"},
    ),
    "devnull shuts all out": (
        {"home/.config/pip/pip.conf": "[global]\nproxy = http://u\n"},
        {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "yes"},
    ),
    "percent signs are plain": ({"home/.config/pip/pip.conf": "[global]\nindex-url = https://u:p%40s@h/s\n"}, {}),
    "other sections do not count": ({"home/.config/pip/pip.conf": "[download]\nproxy = http://d\n"}, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_read_as_pip_reads_it(place, pip_python, case):
    root, env = place
    files, variables = CASES[case]
    for name, text in files.items():
        write(root / name, text)
    env |= {name: value.format(root=root) for name, value in variables.items()}
    agrees(pip_python, env, root / "prefix")


def test_the_environments_own_file_beats_the_users(place):
    root, env = place
    write(root / "home/.config/pip/pip.conf", "[global]\nproxy = http://u\n")
    write(root / "prefix/pip.conf", "[global]\nproxy = http://site\n")
    config = read_pip_config(env, root / "prefix")
    assert config.proxy == "http://site"
    assert config.origin["proxy"] == str(root / "prefix/pip.conf")
    assert config_files(env, root / "prefix")[-1] == root / "prefix/pip.conf"


def test_this_machines_configuration_is_read_as_pip_reads_it(pip_python, tmp_path):
    agrees(pip_python, dict(os.environ), tmp_path)


def test_paths_and_numbers(place):
    root, env = place
    env |= {"PIP_CERT": "~/ca.pem", "PIP_TIMEOUT": "7.5", "PIP_CLIENT_CERT": "/c.pem"}
    config = read_pip_config(env, root / "prefix")
    assert (config.client_cert, config.timeout) == ("/c.pem", 7.5)
    assert config.cert.endswith("/ca.pem")
    assert not config.cert.startswith("~")
    with pytest.raises(InputError, match="PIP_TIMEOUT: timeout must be a number of seconds, not 'soon'"):
        read_pip_config(env | {"PIP_TIMEOUT": "soon"}, root / "prefix")


def test_a_broken_file_is_named(place):
    root, env = place
    write(root / "home/.config/pip/pip.conf", "index-url = before any section\n")
    with pytest.raises(InputError, match=r"home/.config/pip/pip.conf: not readable"):
        read_pip_config(env, root / "prefix")
