"""Which PyTorch each tool would install on machines that people have, and whether that would run: all in one run.

python benchmarks/wheels.py [--scratch DIR] [--profiles FILE] [-v]

envsetup     `envsetup plan --offline --json --gpu --machine FILE`
uv           `uv pip compile --torch-backend=auto`, really run, with its override variables for driver and AMD target,
             against a loopback stand-in of the PyTorch index that is filled from envsetup's own table of builds
env-doctor   `env-doctor install torch`, really run, behind a fake nvidia-smi that prints the machine's driver
pip          the newest release with a wheel for the machine's tags: what `pip install torch` takes, by the table

All are asked for PyTorch, which is all that uv and env-doctor know. On a machine without a GPU the CPU build is right.
A pick runs when the machine's driver reaches the toolkit's floor and still drives the GPU, the build has code for every
GPU, and a wheel exists for Python, system and libc. Where nothing runs, the right answer is a refusal. FILE holds a
list of {"id", "machine"} in the shape of `--machine`; without it, generations x drivers x systems are crossed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

from uv import find_uv_bin

from envsetup.compat import arch, drivers, gpus, torch
from envsetup.compat.tables import at_least, key
from envsetup.model.codec import from_json
from envsetup.model.machine import Machine
from envsetup.resolve import facts

HOST = "download.pytorch.org"
UV = find_uv_bin()  # the one that envsetup depends on, whatever PATH has
PLAIN = "pip install torch"  # what env-doctor says where it finds no driver
ANSWERS: dict[str, object] = {}
GPUS = [
    "Tesla K80",
    "GTX 980 Ti",
    "GTX 1080 Ti",
    "Tesla V100",
    "Tesla T4",
    "A100",
    "RTX 4090",
    "H100",
    "B200",
    "RTX 5090",
]
DRIVERS = ["470.256.02", "535.183.01", "550.54.14", "570.124.06", "580.95.05", "595.58.03"]


def profiles():
    def one(name, gpus, driver, **facts_):
        described = {
            "os": {"system": "linux"},
            "arch": "x86_64",
            "libc": {"name": "glibc", "version": "2.39"},
            "python": {"version": "3.12"},
            "driver": {"nvidia": driver},
            "gpus": [{"vendor": "nvidia", "name": gpu} for gpu in gpus],
        }
        return {"id": name, "machine": described | facts_}

    crossed = [one(f"{gpu}, {driver.partition('.')[0]}", [gpu], driver) for gpu in GPUS for driver in DRIVERS]
    windows = {"os": {"system": "windows"}, "libc": {}}
    return [
        *crossed,
        one("GTX 1080 Ti + RTX 4090, 550", ["GTX 1080 Ti", "RTX 4090"], "550.54.14"),
        one("V100 + RTX 5090, 580", ["V100", "RTX 5090"], "580.95.05"),
        one("GTX 1080 Ti + RTX 5090, 580", ["GTX 1080 Ti", "RTX 5090"], "580.95.05"),
        one("RTX 4090, 550, Python 3.9", ["RTX 4090"], "550.54.14", python={"version": "3.9"}),
        one("RTX 4090, 580, Python 3.15", ["RTX 4090"], "580.95.05", python={"version": "3.15"}),
        one("A100, 550, glibc 2.17", ["A100"], "550.54.14", libc={"name": "glibc", "version": "2.17"}),
        one("RTX 4090, 580, musl", ["RTX 4090"], "580.95.05", libc={"name": "musl", "version": "1.2"}),
        one("GH200, 550", ["GH200"], "550.54.14", arch="aarch64"),
        one("GB10, 580", ["GB10"], "580.95.05", arch="aarch64"),
        one("TITAN V, Windows 581", ["TITAN V"], "581.29", **windows),
        one("RTX 5070, Windows 572", ["RTX 5070"], "572.61", **windows),
    ]


def runs(version, variant, here):
    """Whether this build runs on these facts: "yes", or the first thing that stops it."""
    row = torch.variant(version, variant or "")
    maker = next((device.vendor for device in here.devices), None)
    if here.os != "macos" and (row is None or row.archs(here.os, here.arch) is None):
        return "no such build" if variant != "cpu" else "CPU build"
    if variant == "cpu" and maker:
        return "CPU build"
    if variant not in {"cpu", None} and not maker:
        return "a GPU build without a GPU"
    if maker and not variant.startswith({"nvidia": "cu", "amd": "rocm"}.get(maker, "none")):
        return "for another maker"
    tag = here.python or ""
    if tag.rstrip("t") not in torch.pythons(version, here.os, here.arch, free_threaded=tag.endswith("t")):
        return "no wheel for this Python"
    floor = torch.libc_floor(version, variant, here.arch)
    if here.os == "linux" and (here.libc == "musl" or not at_least(here.libc_version, floor)):
        return "libc"
    return {"nvidia": on_nvidia, "amd": on_amd}[maker](version, row, here) if maker else "yes"


def on_amd(version, row, here):
    """By the targets that were read; a channel newer than those is taken to hold what the newest of them holds."""
    del version
    read = gpus.rocm_channels()
    channel = row.name if row.name in read else max(read, key=key)
    served = all((gpu := gpus.amd_by_gfx(d.gfx or "")) and channel in gpu.wheels for d in here.devices)
    return "yes" if served else "no code for the GPU"


def on_nvidia(version, row, here):
    driver, variant = here.driver_version, row.name
    need = drivers.minimum_driver(torch.cuda_of(variant), here.driver_os)
    if not at_least(driver, need.minor_compat):
        return "driver too old"
    native = need.native is not None and at_least(driver, need.native)
    for device in here.devices:
        if not drivers.drives(driver, device.cc).ok:
            return "driver does not drive the GPU"
        archs = row.archs(here.os, here.arch).split()
        if not arch.covers(archs, device.cc, native_driver=native) or torch.cudnn_floor(version, device.cc):
            return "no code for the GPU"
    return "yes"


def possible(here):
    builds = ((r.version, v) for r in torch.releases() for v in [*(v.name for v in r.variants), None])
    return any(runs(version, variant, here) == "yes" for version, variant in builds)


# --- the tools: each answers (version, variant), or a text when it refuses


def ask_envsetup(path, here, scratch):
    del scratch
    argv = [sys.executable, "-m", "envsetup", "plan", "--offline", "--json", "--machine", str(path)]
    argv += ["--gpu"] if here.devices else []
    plan = json.loads(subprocess.run(argv, check=False, capture_output=True, text=True).stdout)
    if plan["status"] == "impossible":
        return f"refused: {plan['impossible']['constraint']}"
    return plan["packages"][0]["version"], plan["packages"][0]["variant"]


def ask_pip(path, here, scratch):
    del path, scratch
    for release in torch.releases():
        floor = torch.libc_floor(release.version, None, here.arch)
        fits = here.os != "linux" or (here.libc == "glibc" and at_least(here.libc_version, floor))
        free = here.python.endswith("t")
        if fits and here.python.rstrip("t") in torch.pythons(release.version, here.os, here.arch, free_threaded=free):
            return release.version, torch.default_variant(release.version, here.os, here.arch)
    return "refused: no wheel"


# The glibc versions that uv has a platform for; a machine's own is rounded down to one, as its wheels are.
UV_GLIBC = [17, 28, *range(31, 41)]


def uv_platform(here):
    if here.os == "windows":
        return "x86_64-pc-windows-msvc"
    arch_ = "aarch64" if here.arch == "arm64" else here.arch
    if here.os == "macos":
        return f"{arch_}-apple-darwin"
    if here.libc == "musl":
        return f"{arch_}-unknown-linux-musl"
    minor = key(here.libc_version)[1]
    return f"{arch_}-manylinux_2_{max(known for known in UV_GLIBC if known <= minor)}"


def ask_uv(path, here, scratch):
    del path
    gfx = next((device.gfx for device in here.devices if device.gfx), None)
    env = os.environ | {
        **({"UV_CUDA_DRIVER_VERSION": here.driver_version} if here.driver_version else {}),
        **({"UV_AMD_GPU_ARCHITECTURE": gfx} if gfx else {}),
        "UV_CACHE_DIR": str(scratch / "cache"),
        "HTTPS_PROXY": f"http://127.0.0.1:{scratch.port}",
        "SSL_CERT_FILE": str(scratch / "bundle.pem"),
        "UV_NO_CONFIG": "1",
        "UV_PYTHON_DOWNLOADS": "never",
    }
    argv = [UV, "pip", "compile", "-", "--torch-backend=auto", "--no-header", "--no-annotate", "-q", "--no-deps"]
    argv += ["--python-version", here.python, "--python-platform", uv_platform(here)]
    done = subprocess.run(argv, check=False, input="torch\n", capture_output=True, text=True, env=env, timeout=120)
    found = re.search(r"torch==([\d.]+)(?:\+(\w[\w.]*))?", done.stdout)
    if not found:
        return "refused: " + " ".join(done.stderr.split())[:60]
    return found[1], found[2] or torch.default_variant(found[1], here.os, here.arch)


def ask_env_doctor(path, here, scratch):
    """Run once for each driver: the driver is all that it looks at."""
    if here.driver_version not in ANSWERS:
        ANSWERS[here.driver_version] = run_env_doctor(here, scratch)
    answer = ANSWERS[here.driver_version]
    return ask_pip(path, here, scratch) if answer == PLAIN else answer


def run_env_doctor(here, scratch):
    smi = scratch / "smi"
    smi.mkdir(exist_ok=True)
    (smi / "nvidia-smi").unlink(missing_ok=True)
    if here.driver_version:
        stand_in(smi, here)
    argv = [str(scratch / "env-doctor/bin/env-doctor"), "install", "torch"]
    env = os.environ | {"PATH": f"{smi}:{os.environ['PATH']}", "HOME": str(scratch)}
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env=env, timeout=120)
    found = re.search(r"torch==([\d.]+).*?/whl/(\w+)", done.stdout)
    if re.search(rf"^\s*{PLAIN}\s*$", done.stdout, re.MULTILINE):
        return PLAIN
    return (found[1], found[2]) if found else "refused: " + " ".join(done.stdout.split())[-60:]


def stand_in(smi, here):
    ceiling = drivers.cuda_ceiling(here.driver_version, here.driver_os)
    line = f"| NVIDIA-SMI {here.driver_version}   Driver Version: {here.driver_version}   CUDA Version: {ceiling} |"
    (smi / "nvidia-smi").write_text(f"#!/bin/sh\necho '{line}'\n")
    (smi / "nvidia-smi").chmod(0o755)


# --- a stand-in of the PyTorch index on the loopback, reached as a proxy reaches a host


def serve(scratch):
    def sh(*argv):
        subprocess.run(argv, check=True, capture_output=True, cwd=scratch)

    (scratch / "names.cnf").write_text(f"subjectAltName=DNS:{HOST}\nbasicConstraints=CA:FALSE\n")
    new = "openssl req -newkey rsa:2048 -nodes"
    sh(*f"{new} -x509 -keyout ca.key -out ca.pem -days 2 -subj /CN=stand-in".split())
    sh(*f"{new} -keyout key.pem -out req.pem -subj /CN={HOST}".split())
    sign = "openssl x509 -req -in req.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
    sh(*f"{sign} -out cert.pem -extfile names.cnf".split())
    system = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    (scratch / "bundle.pem").write_bytes((scratch / "ca.pem").read_bytes() + Path(system).read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(scratch / "cert.pem", scratch / "key.pem")
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, args=(listener, context), daemon=True).start()
    return listener.getsockname()[1]


def accept(listener, context):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection, context), daemon=True).start()


def answer(connection, context):
    try:
        head = read_head(connection)
        host, _, port = head.split()[1].rpartition(":")
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        if host == HOST:
            with context.wrap_socket(connection, server_side=True) as secure:
                secure.sendall(page(read_head(secure).split()[1]))
            return
        with socket.create_connection((host, int(port)), 30) as upstream:
            pump = threading.Thread(target=copy, args=(upstream, connection), daemon=True)
            pump.start()
            copy(connection, upstream)
            pump.join(60)
    except (OSError, IndexError):
        return  # the client went away


def read_head(connection):
    data = b""
    while b"\r\n\r\n" not in data and (chunk := connection.recv(65536)):
        data += chunk
    return data.decode("latin-1")


def copy(source, target):
    try:
        while chunk := source.recv(65536):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


def page(path):
    parts = path.strip("/").split("/")
    if path.endswith(".metadata"):
        name, version = parts[-1].replace("%2B", "+").split("-")[:2]
        return response(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "application/octet-stream")
    if len(parts) != 3 or parts[2] != "torch":
        return response("", "text/plain", status="404 Not Found")
    links = "".join(
        f'<a href="/whl/{parts[1]}/{name.replace("+", "%2B")}" data-core-metadata="true">{name}</a><br>'
        for name in wheel_names(parts[1])
    )
    return response(f"<!DOCTYPE html><html><body>{links}</body></html>", "text/html")


def wheel_names(channel):
    for release in torch.releases():
        row = torch.variant(release.version, channel)
        for wheel in release.wheels if row else []:
            if wheel.os == "macos" and channel == "cpu":
                for python in wheel.python.split():
                    cp = "cp" + python.rstrip("t").replace(".", "")
                    abi = f"{cp}t" if python.endswith("t") else "none"
                    tag = f"macosx_{wheel.floor.replace('.', '_')}_{wheel.arch}"
                    yield f"torch-{release.version}-{cp}-{abi}-{tag}.whl"
            if row.archs(wheel.os, wheel.arch) is None:
                continue
            floor = row.floor if row.floor and wheel.arch == "x86_64" else wheel.floor
            tag = "win_amd64" if wheel.os == "windows" else f"manylinux_{(floor or '').replace('.', '_')}_{wheel.arch}"
            for python in wheel.python.split():
                cp = "cp" + python.rstrip("t").replace(".", "")
                yield f"torch-{release.version}+{channel}-{cp}-{cp}{'t' if python.endswith('t') else ''}-{tag}.whl"


def response(body, kind, status="200 OK"):
    data = body.encode()
    head = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(data)}", "Connection: close"]
    return "\r\n".join([*head, "", ""]).encode() + data


class Scratch(type(Path())):
    """A folder that also knows the stand-in's port."""

    port = 0


TOOLS = {"envsetup": ask_envsetup, "uv auto": ask_uv, "env-doctor": ask_env_doctor, "pip": ask_pip}


def judged(pick, here, able):
    """(right, how it ended in a word)."""
    if isinstance(pick, str):
        return not able, pick
    verdict = runs(*pick, here)
    return verdict == "yes", f"{pick[0]}+{pick[1]}: {'runs' if verdict == 'yes' else verdict}"


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--scratch", type=Path)
    options.add_argument("--profiles", type=Path)
    options.add_argument("-v", action="store_true", help="every answer, not only the wrong ones")
    args = options.parse_args()
    scratch = Scratch(args.scratch or tempfile.mkdtemp(prefix="envsetup-wheels-"))
    scratch.mkdir(parents=True, exist_ok=True)
    port = serve(scratch)
    type(scratch).port = port
    if not (scratch / "env-doctor").exists():
        subprocess.run([UV, "venv", "-q", str(scratch / "env-doctor")], check=True)
        python = str(scratch / "env-doctor/bin/python")
        subprocess.run([UV, "pip", "install", "-q", "--python", python, "env-doctor"], check=True)
    rows = json.loads(args.profiles.read_text()) if args.profiles else profiles()
    score, silent = Counter(), Counter()
    asked = 0
    for row in rows:
        path = scratch / "machine.json"
        path.write_text(json.dumps(row["machine"]))
        here = facts.read(from_json(path.read_text(), Machine, name=row["id"]))
        if any((d.cc if d.vendor == "nvidia" else d.gfx) is None for d in here.devices):
            print("-    ", f"{row['id']:30} nobody knows what this GPU is: not judged", flush=True)
            continue
        asked += 1
        able = possible(here)
        for tool, ask in TOOLS.items():
            right, how = judged(ask(path, here, scratch), here, able)
            score[tool] += right
            silent[tool] += "CPU build" in how
            if args.v or not right:
                end = "" if able else "   (nothing can run)"
                print("ok   " if right else "WRONG", f"{row['id']:30} {tool:11} {how}{end}", flush=True)
    print(f"\n{asked} machines   right   of which a CPU build without a word")
    for tool in TOOLS:
        print(f"{tool:30} {score[tool]:5}   {silent[tool]}")
    print("newest release in the data:", torch.releases()[0].version)


if __name__ == "__main__":
    main()
