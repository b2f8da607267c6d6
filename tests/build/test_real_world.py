"""Proxies that open TLS, lines that break, disks that fill up, power cuts: one line, and the next run works."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import socketserver
import ssl
import subprocess
import threading
import time

import pytest

pytestmark = pytest.mark.build
ASKED = ("--framework", "pytorch", "--cpu")


def one_line(done, code):
    assert done.returncode == code, done.stderr + done.stdout
    errors = [line for line in done.stderr.splitlines() if line.startswith(("error:", "bug:", "Traceback"))]
    assert len(errors) == 1, done.stderr
    return errors[0]


@pytest.fixture
def online(box):
    """A box without the folder of wheels and without anybody's certificates and proxies."""
    foreign = ("PIP_", "SSL_CERT", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "REQUESTS_CA", "CURL_CA")
    box.env = {k: v for k, v in box.env.items() if not k.upper().startswith(foreign)} | {"PIP_CONFIG_FILE": os.devnull}
    return box


def works(env):
    done = subprocess.run([env / "bin" / "tiny"], check=False, capture_output=True, text=True, timeout=30)
    return done.stdout == f"tiny {env}\n" and (env / "envsetup.json").exists()


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """A certificate authority nobody knows, and a certificate of it for packages.invalid: (ca, cert, key)."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("ca")
    ca, cert, key = (folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
    new = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    ours = ["-addext", "subjectAltName=DNS:packages.invalid", "-addext", "basicConstraints=critical,CA:FALSE"]
    for argv in (
        [*new, "-subj", "/CN=Proxy CA", "-keyout", folder / "ca.key", "-out", ca],
        [*new, "-subj", "/CN=x", *ours, "-CA", ca, "-CAkey", folder / "ca.key", "-keyout", key, "-out", cert],
    ):
        if subprocess.run(argv, check=False, capture_output=True).returncode:
            pytest.skip("this openssl cannot sign a certificate in one command")
    return ca, cert, key


class Interceptor(socketserver.ThreadingTCPServer):
    """A proxy that answers CONNECT to anything, shows its own certificate, and reads what passes."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, authority, upstream):
        super().__init__(("127.0.0.1", 0), Interception)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*authority[1:])
        self.upstream, self.seen = upstream, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def host(self):
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, address):
        """A client that does not trust the certificate hangs up: expected."""


class Interception(socketserver.BaseRequestHandler):
    def handle(self):
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.request.recv(4096)
        self.server.seen.append(head.split(b"\r\n")[0].decode())
        self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with self.server.context.wrap_socket(self.request, server_side=True) as opened:
            host, port = self.server.upstream.split(":")
            with socket.create_connection((host, int(port))) as inner:
                threading.Thread(target=pump, args=(inner, opened), daemon=True).start()
                pump(opened, inner)


def pump(source, target):
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
    except (OSError, ValueError):
        return


def test_a_proxy_that_opens_tls(online, index, wheels, authority):
    proxy = Interceptor(authority, index(wheels).host)
    env = {"PIP_INDEX_URL": "https://packages.invalid/simple", "PIP_PROXY": proxy.host, "UV_HTTP_RETRIES": "0"}
    try:
        refused = online.create("env", *ASKED, **env)
        assert refused.returncode == 1
        assert "certificate verify failed" in refused.stdout.lower().replace("_", " ")
        done = online.create("env", *ASKED, "--ca-bundle", authority[0], **env)
        assert done.returncode == 0, done.stderr + done.stdout
        assert works(online.folder / "env")
        assert "CONNECT packages.invalid:443 HTTP/1.1" in proxy.seen
        gathered = online.run("bundle", "--wheels", "-o", "wh", *ASKED, "--ca-bundle", authority[0], **env)
        assert gathered.returncode == 0, gathered.stderr + gathered.stdout
        same = online.run("update", "env", "--yes", "--ca-bundle", authority[0], **env)
        assert same.stdout.startswith("unchanged: ")
    finally:
        proxy.shutdown()
        proxy.server_close()
    found = subprocess.run(
        ["grep", "-rl", str(authority[0]), online.folder], check=False, capture_output=True, text=True
    )
    assert found.stdout == ""


def test_a_line_that_breaks_in_the_middle(online, index, wheel_maker, tmp_path):
    folder = tmp_path / "served"
    wheel_maker.torch(folder, **{"torch/big.txt": os.urandom(1 << 18).hex()})
    wheel_maker.wheel(folder, "numpy", "2.4.0")
    tiny = {"tiny/__init__.py": "import sys\n\ndef main():\n    print('tiny', sys.prefix)\n"}
    wheel_maker.wheel(folder, "tiny", "1.0", files=tiny, scripts={"tiny": "tiny:main"})
    served = index(folder)
    lock = online.folder / "given.lock"
    planned = online.json("env", *ASKED, "--dry-run", PIP_INDEX_URL=served.url)
    lock.write_text(planned["files"]["requirements.lock"])
    served.breaks = 99
    env = {"PIP_INDEX_URL": served.url, "UV_CACHE_DIR": str(online.home / "cold"), "UV_HTTP_RETRIES": "0"}
    assert "installation: " in one_line(online.create("env", "--lock", lock, **env), 1)
    assert not (online.folder / "env").exists()
    assert online.litter() == []
    served.breaks = 0
    done = online.create("env", "--lock", lock, **env)
    assert done.returncode == 0, done.stderr
    assert works(online.folder / "env")


@pytest.mark.parametrize("fault", ["hash", "missing", "version"])
def test_a_lock_that_the_source_does_not_have(box, wheels, tmp_path, fault):
    assert box.create("env", *ASKED).returncode == 0
    before = (box.folder / "env/envsetup.json").read_bytes()
    text = (box.folder / "env/requirements.lock").read_text()
    source = tmp_path / "source"
    shutil.copytree(wheels, source)
    if fault == "hash":
        text = "".join(f"{line[:-4]}0000\n" if "--hash" in line else f"{line}\n" for line in text.splitlines())
    elif fault == "missing":
        next(source.glob("tiny-*")).unlink()
    else:
        text = text.replace("tiny==1.0", "tiny==7.0")
    (box.folder / "given.lock").write_text(text)
    env = {"PIP_FIND_LINKS": str(source), "UV_CACHE_DIR": str(box.home / "cold")}
    done = box.create("env", "--lock", "given.lock", "--yes", **env)
    error = one_line(done, 1)
    assert ("ash mismatch" in error) if fault == "hash" else "tiny" in error
    assert (box.folder / "env/envsetup.json").read_bytes() == before
    assert works(box.folder / "env")
    assert box.litter() == []


@pytest.fixture
def disk(box):
    """A small file system on which everything lies: target, cache, state, temporary files. Its size can be changed."""
    mount = box.folder / "disk"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", mount], check=False, capture_output=True).returncode:
        pytest.skip("a small file system needs a mount, which is not allowed here")

    def resize(kib):
        subprocess.run(["mount", "-o", f"remount,size={kib}k", mount], check=True)

    resize.path = mount
    yield resize
    subprocess.run(["umount", mount], check=True)


def used(place):
    return sum(path.lstat().st_blocks * 512 for path in place.rglob("*")) >> 10


def test_a_disk_that_is_full_at_any_step(box, disk):
    (disk.path / "tmp").mkdir()
    places = {"XDG_CACHE_HOME": "cache", "XDG_STATE_HOME": "state", "TMPDIR": "tmp"}
    box.env |= {name: str(disk.path / folder) for name, folder in places.items()}
    env = disk.path / "env"
    assert box.create(env, *ASKED).returncode == 0
    whole = used(disk.path)
    endings = set()
    for kib in range(0, whole + 400, max(64, whole // 12)):
        for folder in ("cache", "state", "tmp"):
            shutil.rmtree(disk.path / folder, ignore_errors=True)
        (disk.path / "tmp").mkdir()
        disk(used(disk.path) + kib + 16)
        done = box.create(env, *ASKED, "--yes")
        endings.add(done.returncode)
        if done.returncode:
            assert "space" in one_line(done, 1).lower(), done.stderr
        assert works(env), kib
        assert not list(disk.path.rglob(".envsetup-stage-*")), kib
    assert endings == {0, 1}


def test_the_plug_is_pulled(box):
    """The whole process group dies at once, without any cleanup, at random moments."""
    assert box.create("env", *ASKED).returncode == 0
    env = box.folder / "env"
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - to repeat a failure
    moments = random.Random(seed)
    for _ in range(8):
        process = subprocess.Popen(
            box.command("env", *ASKED, "--yes"), cwd=box.folder, env=box.env, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(moments.uniform(0.05, 1.5))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert works(env)
    assert box.create("env", *ASKED, "--yes").returncode == 0
    assert works(env)
    assert box.litter() == []


def test_sizes_are_asked_for_where_the_disk_is_small(box, disk, wheel_maker, tmp_path):
    """A given lock knows no sizes; on a small disk its wheels are looked up before the first byte is written."""
    wheel_maker.torch(tmp_path / "big", requires=(), **{"torch/big.txt": os.urandom(3 << 20).hex()})
    wheel_maker.wheel(tmp_path / "big", "numpy", "2.4.0")
    env = {"PIP_FIND_LINKS": str(tmp_path / "big")}
    planned = box.json("env", *ASKED, "--dry-run", **env)
    (box.folder / "given.lock").write_text(planned["files"]["requirements.lock"])
    disk(2048)
    cold = {"UV_CACHE_DIR": str(box.home / "cold")}
    error = one_line(box.create(disk.path / "env", "--lock", "given.lock", **env, **cold), 1)
    assert "MiB free, the packages alone need" in error
    error = one_line(box.create("env", "--lock", "given.lock", **env, UV_CACHE_DIR=str(disk.path / "cold")), 1)
    assert error.startswith(f"error: {disk.path / 'cold'}: 1 MiB free, the packages alone need 6 MiB")
