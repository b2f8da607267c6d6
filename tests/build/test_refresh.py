"""Wheels read by ranges from a server here, and the difference between rows, told and written."""

from __future__ import annotations

import http.server
import json
import re
import struct
import threading
import time
import zipfile

import pytest

from envsetup.build.pipconfig import PipConfig
from envsetup.build.refresh import compare, live
from envsetup.build.refresh.wheels import Inside, listed, required
from envsetup.build.simple import Fetcher, UnreachableError
from envsetup.build.sources import Source

NAME = "torch-2.15.0-cp312-cp312-manylinux_2_28_x86_64.whl"
FLAGS = b"\0sm_75 sm_80 sm_120\0"


def fatbin(*entries):
    """Compiled GPU code as a library holds it: a header, then one piece per (kind, architecture)."""
    pieces = b"".join(
        struct.pack("<HHIQ", kind, 0x101, 64, 16) + b"\0" * 12 + struct.pack("<I", arch) + b"\0" * 32 + b"\x01" * 16
        for kind, arch in entries
    )
    return b"\x50\xed\x55\xba" + struct.pack("<HHQ", 1, 16, len(pieces)) + pieces


@pytest.fixture
def index(tmp_path):
    """A wheel of 3 MB behind a server that counts the bytes it sends; `ranges` False: it knows no ranges."""
    path = tmp_path / NAME
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as wheel:
        wheel.writestr("torch/version.py", "__version__ = '2.15.0'\ncuda: Optional[str] = '13.2'\n")
        wheel.writestr("torch/lib/filler.bin", b"\0" * 3_000_000)
        wheel.writestr("torch/lib/libtorch_python.so", b"\x7fELF" + FLAGS)
        wheel.writestr("torch-2.15.0.dist-info/METADATA", "Name: torch\nRequires-Dist: nvidia-cudnn-cu13==9.24 ; x\n\n")
    whole = path.read_bytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        sent = 0
        ranges = True

        def do_GET(self):
            if self.path.endswith("/torch/"):
                row = {"filename": NAME, "url": f"{base}/{NAME}", "size": len(whole), "upload-time": "2026-10-28T1:2"}
                odd = {"filename": "torch-2.16.0.dev1-cp312-cp312-win_amd64.whl", "url": base, "size": 1}
                body, status = json.dumps({"files": [row, odd]}).encode(), 200
            else:
                span = re.match(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
                body, status = whole, 200
                if span and Handler.ranges:
                    body, status = whole[int(span[1]) : int(span[2]) + 1], 206
            Handler.sent += len(body)
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.pypi.simple.v1+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None
    base = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Source(name="here", url=base, kind="index"), Handler
    server.shutdown()
    server.server_close()


def fetcher():
    return Fetcher(pip=PipConfig(), deadline=time.monotonic() + 20)


def test_a_wheel_is_read_without_its_bulk(index):
    place, handler = index
    (wheel,) = listed(place, "torch", fetcher())
    assert (wheel.version, wheel.python, wheel.platforms) == ("2.15.0", "3.12", {"linux-x86_64": "2.28"})
    assert wheel.uploaded == "2026-10-28"
    said = live.torch_headers([wheel], fetcher())
    assert said == {"pypi": "cu132", "cudnn": "9.24", "archs": "sm_75 sm_80 sm_120"}
    assert handler.sent < 1_200_000


def test_a_server_without_ranges_is_named(index):
    place, handler = index
    handler.ranges = False
    (wheel,) = listed(place, "torch", fetcher())
    with pytest.raises(UnreachableError, match="no range requests"):
        Inside(wheel, fetcher())


def test_gpu_code_is_read_from_a_library():
    library = b"\x7fELF" + b"\0" * 99 + fatbin((2, 75), (2, 120), (1, 120)) + b"\0" * 50 + fatbin((2, 90)) + b"\0" * 80
    assert live.compiled(library) == ["sm_75", "sm_90", "sm_120", "compute_120"]
    assert live.compiled(b"\x50\xed\x55\xba" + b"\xff" * 40) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("Requires-Dist: numpy<2.2.0,>=1.26.0", "<2.2.0,>=1.26.0"),
        ("Requires-Dist: numpy (>=1.20) ; python_version < '3.12'", ">=1.20"),
        ("Requires-Dist: numpy", ""),
        ("Requires-Dist: numpydoc>=1", None),
    ],
)
def test_what_metadata_asks_for(line, found):
    assert required([line], "numpy") == (found if found is not None else required([], "numpy"))


ROW = {"version": "1.0", "python": {"linux-x86_64": "3.11 3.12"}, "glibc": "2.17"}


def text():
    return f'{{"releases": [\n    {json.dumps({**ROW, "version": "1.1"})},\n    {json.dumps(ROW)}\n]}}\n'


def test_only_the_named_field_of_the_named_release_is_written():
    change = compare.Difference(table="jax.json", release="1.0", field="glibc", shipped="2.17", live="2.27")
    new, left = compare.written(text(), [change])
    assert left == []
    assert [row["glibc"] for row in json.loads(new)["releases"]] == ["2.17", "2.27"]
    assert len(new.splitlines()) == len(text().splitlines())


def test_what_cannot_be_written_is_left_to_a_person():
    missing = compare.Difference(table="jax.json", release="2.0", field="version", shipped=None, live="linux 3.12")
    other = compare.Difference(table="jax.json", release="1.0", field="glibc", shipped="2.99", live="2.27")
    new, left = compare.written(text(), [missing, other])
    assert (new, left) == (text(), [missing, other])
    assert "not in the table" in str(missing)


def test_the_order_of_words_is_no_difference():
    assert compare.headers("jax.json", {"version": "x", "archs": "sm_80 sm_90"}, {"archs": "sm_90 sm_80"}) == []
    assert compare.headers("jax.json", {"version": "x", "archs": "sm_80"}, {"archs": "sm_90"})
