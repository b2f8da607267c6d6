"""Certificates and proxies that pip knows serve envsetup's own look and uv alike; too little space is seen before."""

from __future__ import annotations

import shutil
import ssl
import subprocess

import pytest
import uv

from envsetup.build.install import check_space
from envsetup.build.uv import make_uv
from envsetup.model.errors import BuildError
from envsetup.model.lock import Lock, LockedPackage

pytestmark = pytest.mark.build


@pytest.fixture
def open_box(box):
    """A box without the folder of wheels and without anybody's certificates and proxies."""
    foreign = ("PIP_", "SSL_CERT", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")
    box.env = {k: v for k, v in box.env.items() if not k.upper().startswith(foreign)} | {"PIP_CONFIG_FILE": "/dev/null"}
    return box


def test_a_private_certificate(open_box, index, wheels, tmp_path):
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    ca, cert, key = (tmp_path / name for name in ("ca.pem", "cert.pem", "key.pem"))
    new = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    ours = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
    for argv in (
        [*new, "-subj", "/CN=Our CA", "-keyout", str(tmp_path / "ca.key"), "-out", str(ca)],
        [*new, "-subj", "/CN=index", *ours, "-CA", str(ca), "-CAkey", str(tmp_path / "ca.key"),
         "-keyout", str(key), "-out", str(cert)],
    ):  # fmt: skip
        if subprocess.run(argv, check=False, capture_output=True).returncode:
            pytest.skip("this openssl cannot sign a certificate in one command")
    served = index(wheels)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    served.server.socket = context.wrap_socket(served.server.socket, server_side=True)
    url = served.url.replace("http://", "https://")
    args = ("env", "--framework", "pytorch", "--cpu")
    refused = open_box.create(*args, PIP_INDEX_URL=url)
    assert refused.returncode == 1
    assert "CERTIFICATE_VERIFY_FAILED" in refused.stdout or "certificate verify failed" in refused.stdout
    done = open_box.create(*args, PIP_INDEX_URL=url, PIP_CERT=str(ca))
    assert done.returncode == 0, done.stderr + done.stdout
    trusted = open_box.create(
        "two", *args[1:], PIP_INDEX_URL=url, PIP_TRUSTED_HOST=served.host, UV_CACHE_DIR=str(tmp_path / "cache")
    )
    assert trusted.returncode == 0, trusted.stderr + trusted.stdout


def test_a_proxy(open_box, index, wheels):
    proxy = index(wheels)  # answers for a host that nobody could find without it
    done = open_box.create(
        "env", "--framework", "pytorch", "--cpu", PIP_INDEX_URL="http://packages.invalid/simple", PIP_PROXY=proxy.host
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert {"http://packages.invalid/simple/torch/", "http://packages.invalid/simple/tiny/"} <= set(proxy.requests)


def test_a_lock_that_is_not_what_was_asked_for(box):
    planned = box.json("env", "--framework", "pytorch", "--cpu", "--dry-run")
    lock = box.folder / "my.lock"
    lock.write_text(planned["files"]["requirements.lock"])
    done = box.create("env", "--lock", lock, "--gpu")
    assert done.returncode == 2
    assert "--lock holds the cpu build, --gpu was asked for" in done.stderr
    done = box.create("env", "--lock", lock, "--framework", "pytorch==2.12.*")
    assert done.returncode == 2
    assert "--lock holds no PyTorch ==2.12.*" in done.stderr


def test_too_little_space_is_seen_before_the_download(tmp_path, wheels):
    subprocess.run([uv.find_uv_bin(), "venv", "-q", str(tmp_path / "env")], check=True)
    pins = tmp_path / "pins.txt"
    pins.write_text("tiny==1.0\n")
    lock = Lock(packages=[LockedPackage(name="tiny", version="1.0", hashes=[], size=1 << 60)])
    python = str(tmp_path / "env" / "bin" / "python")
    sync = ["pip", "sync", str(pins), "--python", python, "--find-links", str(wheels), "--no-index"]
    empty = make_uv({"UV_CACHE_DIR": str(tmp_path / "cache")})
    with pytest.raises(BuildError, match="MiB free, the packages alone need"):
        check_space(lock, tmp_path, empty, sync)
    assert empty.run(*sync, timeout=60).ok
    subprocess.run([uv.find_uv_bin(), "pip", "uninstall", "-q", "tiny", "--python", python], check=True)
    check_space(lock, tmp_path, empty, sync)  # all of it is in the cache
