"""`envsetup bundle --wheels`: complete, for the right platform, resumed after a break, enough without a network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from packaging.utils import parse_wheel_filename

from envsetup.build.platforms import Platform, platform_of
from envsetup.model.errors import InputError
from envsetup.model.machine import Libc, Machine, OperatingSystem

pytestmark = pytest.mark.build
ASKED = ("--wheels", "-o", "wh", "--framework", "pytorch", "--cpu")


def bundled(box, *args, code=0, **env):
    done = box.run("bundle", *args, "--json", **env)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout else done.stderr.splitlines()[-1]


@pytest.fixture
def online(box):
    """A box that knows no folder of wheels."""
    box.env = {k: v for k, v in box.env.items() if not k.startswith(("PIP_NO_INDEX", "PIP_FIND"))}
    return box


def test_what_was_bundled_is_enough_without_a_network(online, index, wheels):
    if subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no network namespace can be made here")
    made = bundled(online, *ASKED, PIP_INDEX_URL=index(wheels).url)
    assert made["schema"] == "envsetup.bundle/1"
    assert {file["name"] for file in made["files"]} == {path.name for path in wheels.iterdir()}
    assert made["bytes"] == sum(path.stat().st_size for path in wheels.iterdir())
    folder = online.folder / "wh"
    for name in ("requirements.lock", "pylock.toml"):
        argv = online.command("apart", "--source", "wh", "--lock", f"wh/{name}", "--yes", "--json")
        env = online.env | {"UV_CACHE_DIR": str(online.home / name), "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
        done = subprocess.run(
            ["unshare", "-n", *argv],
            check=False,
            capture_output=True,
            text=True,
            cwd=online.folder,
            env=env,
            timeout=99,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["lock"] == made["lock"]
        assert (online.folder / "apart/bin/tiny").exists()
    assert str(online.folder) not in (folder / "requirements.lock").read_text() + (folder / "pylock.toml").read_text()
    assert sorted(path.name for path in folder.iterdir() if path.suffix != ".whl") == [
        "bundle.json",
        "pylock.toml",
        "requirements.lock",
    ]


def test_for_another_platform(online, index, wheel_maker, tmp_path):
    folder = tmp_path / "all"
    linux = ("manylinux_2_28_aarch64", "manylinux_2_28_x86_64", "manylinux_2_17_aarch64")
    for python, tag in [("311", "win_amd64"), *(("312", tag) for tag in (*linux, "win_amd64", "macosx_11_0_arm64"))]:
        files = {"torch/__init__.py": f"# {python} {tag}\n"}
        whole = f"cp{python}-cp{python}-{tag}"
        wheel_maker.wheel(folder, "torch", "2.13.0", requires=("numpy",), files=files, tag=whole)
    for tag in ("cp310-abi3-manylinux_2_17_aarch64", "py3-none-any", "cp312-cp312-manylinux_2_39_aarch64"):
        wheel_maker.wheel(folder, "numpy", "2.4.0", tag=tag, files={"numpy/__init__.py": f"# {tag}\n"})
    there = ("--os", "linux", "--arch", "aarch64", "--glibc", "2.34", "--python", "3.12")
    url = index(folder).url
    made = bundled(online, *ASKED, "--source", "pypi", *there, PIP_INDEX_URL=url)
    assert made["platform"] == "Linux on aarch64, glibc 2.34, Python 3.12"
    names = {file["name"] for file in made["files"]}
    assert names == {
        "numpy-2.4.0-cp310-abi3-manylinux_2_17_aarch64.whl",
        "torch-2.13.0-cp312-cp312-manylinux_2_28_aarch64.whl",
    }
    assert {path.name for path in (online.folder / "wh").glob("*.whl")} == names
    tags = set(Platform(system="linux", arch="aarch64", python="3.12", glibc="2.34").tags())
    assert all({str(tag) for tag in parse_wheel_filename(name)[3]} & tags for name in names)
    machine = {"os": {"system": "windows"}, "arch": "x86_64", "python": {"version": "3.12.1"}, "gpus": []}
    (online.folder / "node.json").write_text(json.dumps(machine))
    args = ("--wheels", "-o", "win", "--framework", "pytorch", "--cpu", "--source", "pypi", "--machine", "node.json")
    made = bundled(online, *args, PIP_INDEX_URL=url)
    assert "torch-2.13.0-cp312-cp312-win_amd64.whl" in {file["name"] for file in made["files"]}
    lock = online.folder / "wh/requirements.lock"
    other = ("--wheels", "-o", "no", "--lock", lock, "--python", "3.11")
    assert bundled(online, *other, code=1, PIP_INDEX_URL=url).startswith("error: ")
    assert not list(online.folder.glob("no/*"))


def test_a_broken_download_is_gone_on_with(online, index, wheel_maker, tmp_path):
    folder = tmp_path / "big"
    wheel_maker.torch(folder, requires=(), **{"torch/big.txt": os.urandom(1 << 18).hex()})
    wheel_maker.wheel(folder, "numpy", "2.4.0")
    served = index(folder)
    env = {"PIP_INDEX_URL": served.url}
    wanted = (*ASKED, "--source", "pypi")
    planned = bundled(online, *wanted, "--dry-run", **env)
    assert (planned["status"], (online.folder / "wh").exists()) == ("planned", False)
    served.sent.clear()
    served.breaks = 99
    said = bundled(online, *wanted, code=1, **env)
    assert "the download broke off: " in said
    assert "the next run goes on" in said
    assert not (online.folder / "wh/requirements.lock").exists()
    assert list((online.folder / "wh").glob("*.part"))
    served.breaks = 1
    assert bundled(online, *wanted, **env)["status"] == "bundled"
    for name, sent in served.sent.items():  # no byte came twice
        assert sent == (online.folder / "wh" / name).stat().st_size
    assert {file["fetched"] for file in bundled(online, *wanted, **env)["files"]} == {False}


@pytest.mark.parametrize("way", ["url", "netrc", "keyring", "wrong"])
def test_passwords(online, index, wheels, way):
    served = index(wheels, password="s3cr3t-w0rd")
    env = {"PIP_INDEX_URL": f"http://user:s3cr3t-w0rd@{served.host}/simple"}
    if way == "netrc":
        (online.home / ".netrc").touch(mode=0o600)
        (online.home / ".netrc").write_text("machine 127.0.0.1 login user password s3cr3t-w0rd\n")
        env = {"PIP_INDEX_URL": served.url}
    elif way == "keyring":
        keyring = online.folder / "bin/keyring"
        keyring.parent.mkdir()
        keyring.write_text(
            f"#!{sys.executable}\nimport sys\nargs = sys.argv[1:]\n"
            "sys.exit(1) if 'get' not in args or args[-1] != 'user' else print('s3cr3t-w0rd')\n"
        )
        keyring.chmod(0o755)
        path = f"{keyring.parent}:{os.environ['PATH']}"
        env = {"PIP_INDEX_URL": f"http://user@{served.host}/simple", "PIP_KEYRING_PROVIDER": "subprocess", "PATH": path}
    elif way == "wrong":
        env = {"PIP_INDEX_URL": f"http://user:wr0ng-w0rd@{served.host}/simple", "UV_HTTP_RETRIES": "0"}
    done = online.run("bundle", *ASKED, **env)
    assert done.returncode == (1 if way == "wrong" else 0), done.stdout + done.stderr
    found = subprocess.run(["grep", "-rl", "w0rd", "wh"], check=False, capture_output=True, cwd=online.folder)
    assert found.stdout == b""
    assert "w0rd" not in done.stdout + done.stderr
    if way == "keyring":
        assert online.create("env", "--framework", "pytorch", "--cpu", **env).returncode == 0


def test_what_the_source_changed_is_refused(online, index, wheels, wheel_maker, tmp_path):
    bundled(online, *ASKED, PIP_INDEX_URL=index(wheels).url)
    evil = tmp_path / "evil"
    shutil.copytree(wheels, evil)
    wheel_maker.wheel(evil, "tiny", "1.0", files={"tiny/__init__.py": "evil = 1\n"})
    lock = online.folder / "wh/requirements.lock"
    args = ("--wheels", "-o", "two", "--lock", lock)
    assert "tiny 1.0: no file" in bundled(online, *args, code=1, PIP_INDEX_URL=index(evil).url)
    served = index(wheels)
    honest = served.answer

    def swapped(request):  # the page tells the truth, the file is another
        served.folder = evil if request.path.startswith("/files/tiny") else wheels
        honest(request)

    served.answer = swapped
    said = bundled(online, *args, code=1, PIP_INDEX_URL=served.url)
    assert "tiny-1.0-py3-none-any.whl: its source sent another file than the lock names" in said
    assert not (online.folder / "two/requirements.lock").exists()
    assert not list((online.folder / "two").glob("tiny*"))
    (online.folder / "wh/tiny-1.0-py3-none-any.whl").write_bytes(b"x")
    mended = bundled(online, "--wheels", "-o", "wh", "--lock", lock, PIP_INDEX_URL=index(wheels).url)
    assert [file["name"] for file in mended["files"] if file["fetched"]] == ["tiny-1.0-py3-none-any.whl"]


def test_a_full_disk(online, index, wheel_maker, tmp_path):
    small = online.folder / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small file system needs a mount, which is not allowed here")
    wheel_maker.torch(tmp_path / "big", requires=(), **{"torch/big.txt": os.urandom(1 << 21).hex()})
    wheel_maker.wheel(tmp_path / "big", "numpy", "2.4.0")
    args = ("--wheels", "-o", "small/wh", "--framework", "pytorch", "--cpu", "--source", "pypi")
    try:
        said = bundled(online, *args, code=1, PIP_INDEX_URL=index(tmp_path / "big").url)
        assert "MiB free, the wheels need" in said
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", small], check=True)


def test_what_is_in_the_way_and_what_is_missing(online, index, wheels):
    (online.folder / "mine").mkdir()
    (online.folder / "mine/thesis.tex").write_text("")
    url = index(wheels).url
    for args, said in {
        ("--wheels", "-o", "mine", "--framework", "pytorch"): "holds files that are no bundle",
        ("-o", "wh", "--framework", "pytorch"): "--wheels is missing",
        ("--wheels", "-o", "wh"): "--framework or --lock is missing",
        (*ASKED, "--python", "three"): "X.Y is accepted",
        (*ASKED, "--os", "linux", "--arch", "aarch64"): "give --glibc",
        (*ASKED, "--ca-bundle", "nowhere.pem"): "No such file",
        (*ASKED, "--ca-bundle", "mine/thesis.tex"): "no certificate in PEM form",
    }.items():
        assert said in bundled(online, *args, code=2, PIP_INDEX_URL=url)
    assert not (online.folder / "wh").exists()


def test_an_older_bundle_in_the_folder_is_replaced(online, index, wheels, wheel_maker, tmp_path):
    bundled(online, *ASKED, PIP_INDEX_URL=index(wheels).url)
    (online.folder / "wh/mine.whl").write_text("")
    shutil.copytree(wheels, tmp_path / "new")
    wheel_maker.wheel(tmp_path / "new", "numpy", "2.4.1")
    made = bundled(online, *ASKED, PIP_INDEX_URL=index(tmp_path / "new").url)
    names = {path.name for path in (online.folder / "wh").glob("*.whl")}
    assert names == {file["name"] for file in made["files"]} | {"mine.whl"}
    assert "numpy-2.4.0-py3-none-any.whl" not in names


def machine(system="linux", arch="x86_64", libc="glibc", version="2.35"):
    return Machine(os=OperatingSystem(system=system), arch=arch, libc=Libc(name=libc, version=version))


@pytest.mark.parametrize(
    ("there", "uv", "tag"),
    [
        (machine(), "x86_64-manylinux_2_35", "cp312-cp312-manylinux_2_35_x86_64"),
        (machine(version="2.30"), "x86_64-manylinux_2_28", "py3-none-manylinux_2_30_x86_64"),
        (machine(version="2.17"), "x86_64-manylinux_2_17", "cp312-abi3-manylinux2014_x86_64"),
        (machine(version="2.99"), "x86_64-manylinux_2_40", "cp312-cp312-manylinux1_x86_64"),
        (machine(arch="arm64"), "aarch64-manylinux_2_35", "cp312-none-manylinux_2_35_aarch64"),
        (machine("macos", "arm64"), "aarch64-apple-darwin", "cp312-cp312-macosx_11_0_arm64"),
        (machine("windows"), "x86_64-pc-windows-msvc", "cp312-cp312-win_amd64"),
    ],
)
def test_platforms(there, uv, tag):
    platform = platform_of(there, "3.12")
    assert platform.uv == uv
    assert tag in platform.tags()
    assert platform.interpreter.for_uv()[2:] == ["--python-version", "3.12", "--python-platform", uv]


def test_free_threaded_python_has_tags_of_its_own():
    tags = platform_of(machine(), "3.13t").tags()
    assert "cp313-cp313t-manylinux_2_35_x86_64" in tags
    assert "cp313-cp313-manylinux_2_35_x86_64" not in tags


@pytest.mark.parametrize("there", [machine(version="2.5"), machine(libc="musl"), machine(arch="riscv64"), Machine()])
def test_platforms_without_wheels(there):
    with pytest.raises(InputError):
        platform_of(there, "3.12")
