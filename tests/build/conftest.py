"""Small wheels, indexes and a clean place to run the real command in."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
TAG = "py3-none-any"


def make_wheel(folder, name, version, *, requires=(), files=None, scripts=None, tag=TAG):
    """Write a wheel; `files` maps path to text, `scripts` maps command to "module:function"."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    content = dict(files or {f"{name.replace('-', '_')}/__init__.py": f"__version__ = {version!r}\n"})
    content[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(
        f"Requires-Dist: {need}\n" for need in requires
    )
    content[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n"
    if scripts:
        content[f"{info}/entry_points.txt"] = "[console_scripts]\n" + "".join(
            f"{k} = {v}\n" for k, v in scripts.items()
        )
    record = "".join(f"{path},sha256={_digest(text)},{len(text.encode())}\n" for path, text in content.items())
    content[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    path = folder / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name_, text in content.items():
            wheel.writestr(zipfile.ZipInfo(name_, (2020, 2, 2, 0, 0, 0)), text)
    return path


def _digest(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def fake_torch(folder, version="2.13.0", local="cpu", *, arch="", cuda=None, requires=("tiny",), **extra):
    """A torch that says of itself what a real one would."""
    full = f"{version}+{local}" if local else version
    files = {
        "torch/__init__.py": "from torch import version\n__version__ = version.__version__\n"
        f"class _C:\n    _cuda_getArchFlags = staticmethod(lambda: {arch!r})\n",
        "torch/version.py": f"__version__ = {full!r}\ncuda = {cuda!r}\nhip = None\n",
        **extra,
    }
    return make_wheel(folder, "torch", full, requires=requires, files=files)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory):
    """A folder of wheels: torch for the CPU, numpy, and a package with commands."""
    folder = tmp_path_factory.mktemp("wheels")
    fake_torch(folder)
    make_wheel(folder, "numpy", "2.4.0")
    tiny = {
        "tiny/__init__.py": "import sys\n\ndef main():\n    print('tiny', sys.prefix, *sys.argv[1:])\n",
        "tiny/data.txt": "data\n",
    }
    make_wheel(folder, "tiny", "1.0", files=tiny, scripts={"tiny": "tiny:main", "tiny-more": "tiny:main"})
    return folder


class Box:
    """A home of its own for the real command: no configuration but what a test gives."""

    def __init__(self, folder):
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_", "XDG_", "VIRTUAL_ENV"))}
        self.env = kept | {
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "PIP_CONFIG_FILE": os.devnull,
        }

    def command(self, *args):
        return [sys.executable, "-m", "envsetup", "create", *map(str, args)]

    def create(self, *args, timeout=120, **env):
        return subprocess.run(
            self.command(*args), check=False, capture_output=True, text=True, timeout=timeout, cwd=self.folder,
            env=self.env | env, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def run(self, *args, timeout=120, **env):
        """Any command."""
        return subprocess.run(
            [sys.executable, "-m", "envsetup", *map(str, args)], check=False, capture_output=True, text=True,
            timeout=timeout, cwd=self.folder, env=self.env | env, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def json(self, *args, **env):
        done = self.create(*args, "--json", **env)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def litter(self):
        return [p for p in self.folder.rglob(".envsetup-stage-*") if self.home not in p.parents]


@pytest.fixture
def box(tmp_path, wheels):
    """A Box whose pip configuration knows the small wheels and nothing else."""
    made = Box(tmp_path)
    made.env |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    return made


class Index:
    """A simple index of a folder of wheels over HTTP; `user` and `password` guard it, `delay` makes it slow.

    The first `breaks` downloads are cut in the middle; `sent` is what went out of each file, in bytes.
    """

    def __init__(self, folder, *, password=None, delay=0.0, as_json=False, breaks=0):
        self.folder, self.password, self.delay, self.as_json, self.breaks = folder, password, delay, as_json, breaks
        self.sent = {}
        self.requests = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def do_HEAD(self):
                outer.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.host}/simple"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request):
        self.requests.append(request.path)
        if self.password is not None:
            expected = base64.b64encode(f"user:{self.password}".encode()).decode()
            if request.headers.get("Authorization") != f"Basic {expected}":
                request.send_response(401)
                request.send_header("WWW-Authenticate", 'Basic realm="x"')
                request.send_header("Content-Length", "0")
                request.end_headers()
                return
        threading.Event().wait(self.delay)
        parts = urlsplit(request.path).path.strip("/").split("/")  # a proxy is asked for whole URLs
        if parts[0] == "files":
            self._file(request, self.folder / parts[1].replace("%2B", "+"))
            return
        files = [p for p in sorted(self.folder.glob("*.whl")) if p.name.split("-")[0] == parts[-1].replace("-", "_")]
        if not files or parts[0] != "simple":
            request.send_error(404)
        elif self.as_json:
            listed = [{"filename": p.name, "url": f"/files/{p.name}", "hashes": {"sha256": sha(p)}} for p in files]
            page = {"meta": {"api-version": "1.0"}, "name": parts[-1], "files": listed}
            self._send(request, json.dumps(page).encode(), "application/vnd.pypi.simple.v1+json")
        else:
            links = "".join(f'<a href="/files/{p.name}#sha256={sha(p)}">{p.name}</a>\n' for p in files)
            self._send(request, f"<html><body>{links}</body></html>".encode(), "text/html")

    def _file(self, request, path):
        data = path.read_bytes()
        begin = int((request.headers.get("Range") or "bytes=0-")[6:].partition("-")[0])
        request.send_response(206 if begin else 200)
        if begin:
            request.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        request.send_header("Content-Type", "application/octet-stream")
        request.send_header("Content-Length", str(len(data) - begin))
        request.end_headers()
        if request.command != "GET":
            return
        cut = self.breaks > 0
        self.breaks -= cut
        data = data[begin : begin + (len(data) - begin) // 2] if cut else data[begin:]
        request.wfile.write(data)
        self.sent[path.name] = self.sent.get(path.name, 0) + len(data)
        request.close_connection = True

    def _send(self, request, data, kind):
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(data)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def index():
    """Makes `Index`es; they end with the test."""
    made = []

    def make(folder, **kwargs):
        made.append(Index(folder, **kwargs))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="session")
def wheel_maker():
    """`make_wheel` and `fake_torch` for tests, which cannot import from a conftest."""

    class Maker:
        wheel = staticmethod(make_wheel)
        torch = staticmethod(fake_torch)

    return Maker


@pytest.fixture(scope="session")
def only_buildah(tmp_path_factory):
    """A PATH on which buildah builds, though docker or podman may be installed."""
    import debian

    return debian.only("buildah", tmp_path_factory.mktemp("engines"))


@pytest.fixture(scope="session")
def channel(tmp_path_factory):
    """The folder of a channel with PyTorch for the CPU and two CUDAs."""
    from condachannel import pytorch_channel

    return pytorch_channel(tmp_path_factory.mktemp("channel")).folder


@pytest.fixture(params=["mamba", "micromamba", "conda"])
def tool(request, box):
    """One of the user's own tools on PATH; what it was asked."""
    from condachannel import FAKE

    tools = box.folder / "tools"
    tools.mkdir()
    (tools / request.param).write_text(FAKE.format(python=sys.executable))
    (tools / request.param).chmod(0o755)
    box.env |= {"PATH": f"{tools}:/usr/bin:/bin", "FAKE_LOG": str(box.folder / "asked")}
    return request.param, lambda: [json.loads(line) for line in (box.folder / "asked").read_text().splitlines()]
