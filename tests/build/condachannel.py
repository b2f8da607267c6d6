"""Conda channels in folders, and a stand-in for conda's tools: what the tests of conda environments are made in."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import io
import json
import sys
import tarfile
import threading

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
SITE = f"lib/python{PYTHON}/site-packages"


class Channel:
    """A channel in a folder; `add` packs files (text, or a link as a one-tuple) into a package."""

    def __init__(self, folder):
        self.folder = folder
        there = {subdir: folder / subdir / "repodata.json" for subdir in ("linux-64", "noarch")}
        self.index = {
            subdir: json.loads(path.read_text())["packages"] if path.exists() else {} for subdir, path in there.items()
        }

    def add(
        self, name, version, build, files, depends=(), *, number=0, constrains=(), subdir="linux-64", noarch="generic"
    ):
        meta = {
            "name": name, "version": version, "build": build, "build_number": number, "subdir": subdir,
            "depends": list(depends), "constrains": list(constrains), "timestamp": 1700000000000,
        }  # fmt: skip
        if subdir == "noarch":
            meta["noarch"] = noarch
        paths = [
            {"_path": path, "path_type": "softlink" if isinstance(content, tuple) else "hardlink",
             "sha256": hashlib.sha256(b"" if isinstance(content, tuple) else content.encode()).hexdigest(),
             "size_in_bytes": 0 if isinstance(content, tuple) else len(content.encode()),
             **({"file_mode": "text", "prefix_placeholder": "/placeholder"} if "/placeholder" in content else {})}
            for path, content in files.items()
        ]  # fmt: skip
        info = {"info/index.json": json.dumps(meta), "info/files": "\n".join(files) + "\n",
                "info/paths.json": json.dumps({"paths": paths, "paths_version": 1})}  # fmt: skip
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:bz2") as archive:
            for path, content in (info | files).items():
                member = tarfile.TarInfo(path)
                member.mode = 0o755
                if isinstance(content, tuple):
                    member.type, member.linkname = tarfile.SYMTYPE, content[0]
                    archive.addfile(member)
                else:
                    member.size = len(content.encode())
                    archive.addfile(member, io.BytesIO(content.encode()))
        data = packed.getvalue()
        file = f"{name}-{version}-{build}.tar.bz2"
        place = self.folder / subdir
        place.mkdir(parents=True, exist_ok=True)
        (place / file).write_bytes(data)
        self.index[subdir][file] = meta | {
            "sha256": hashlib.sha256(data).hexdigest(), "md5": hashlib.md5(data).hexdigest(), "size": len(data),
        }  # fmt: skip
        for folder, packages in self.index.items():
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
            repodata = {"info": {"subdir": folder}, "packages": packages, "packages.conda": {}, "repodata_version": 1}
            (self.folder / folder / "repodata.json").write_text(json.dumps(repodata))


def torch_files(cuda, arch="", version="2.13.0"):
    return {
        f"{SITE}/torch/__init__.py": "from torch import version\n__version__ = version.__version__\n"
        f"class _C:\n    _cuda_getArchFlags = staticmethod(lambda: {arch!r})\n",
        f"{SITE}/torch/version.py": f"__version__ = {version!r}\ncuda = {cuda!r}\nhip = None\n",
        f"{SITE}/torch-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n",
        f"{SITE}/torch-{version}.dist-info/RECORD": "torch/__init__.py,,\ntorch/version.py,,\n",
    }


def pytorch_channel(folder):
    """The interpreter of this machine as conda's python, and PyTorch as conda-forge cuts it."""
    made = Channel(folder)
    real = getattr(sys, "_base_executable", sys.executable)
    python = {
        "bin/python": (f"python{PYTHON}",), f"bin/python{PYTHON}": (real,),
        # What makes a linked interpreter at home in the environment.
        "pyvenv.cfg": f"home = {real.rpartition('/')[0]}\ninclude-system-site-packages = false\n",
        "bin/where": "#!/bin/sh\necho /placeholder\n",
    }  # fmt: skip
    made.add("python", ".".join(map(str, sys.version_info[:3])), "0_cpython", python)
    for cuda, archs in (("12.9", "sm_80 sm_89 sm_90"), ("11.8", "sm_80 sm_90")):
        made.add(
            "cuda-version", cuda, "0", {f"share/cuda-{cuda}": "x"}, constrains=[f"__cuda >={cuda[:2]}"], subdir="noarch"
        )
        build = f"cuda{cuda.replace('.', '')}_0"
        needs = [f"python {PYTHON}.*", "__cuda", f"cuda-version {cuda}.*"]
        made.add("pytorch", "2.13.0", build, torch_files(cuda, archs), needs, number=200 if cuda == "12.9" else 199)
    made.add("pytorch", "2.13.0", "cpu_0", torch_files(None), [f"python {PYTHON}.*"])
    made.add("pytorch-gpu", "2.13.0", "cuda_0", {"share/gpu": "x"}, ["pytorch 2.13.0 *cuda*"])
    made.add("pytorch-cpu", "2.13.0", "cpu_0", {"share/cpu": "x"}, ["pytorch 2.13.0 *cpu*"])
    return made


@contextlib.contextmanager
def served(folder):
    """The address of a channel over HTTP."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def asked(channel, *more):
    return ("--framework", "pytorch", "--target", "conda", "--python", PYTHON, "--source", channel, *more)


# What conda, mamba and micromamba do with the words that they are given, noted, and done by py-rattler: none is here.
FAKE = """#!{python}
import asyncio, hashlib, json, os, pathlib, re, sys, urllib.request
import rattler
name, log = pathlib.Path(sys.argv[0]).name, pathlib.Path(os.environ["FAKE_LOG"])
if sys.argv[1:] == ["--version"]:
    sys.exit(print({{"conda": "conda 25.9.1", "mamba": "2.3.2", "micromamba": "2.3.2"}}[name]))
with log.open("a") as file:
    print(json.dumps([name, os.environ.get("CONDA_OVERRIDE_CUDA"), sys.argv[1:]]), file=file)
words, options = sys.argv[1:], {{}}
for option in {{"--prefix", "--channel", "--file"}} & set(words):
    at = words.index(option)
    options[option] = words[at + 1]
    del words[at : at + 2]
# conda's name=version=build, in the form that py-rattler reads.
specs = [re.sub("^([^=<> ]+)=([^=]+)=([^=]+)$", r"\\1 ==\\2 \\3", word) for word in words[1:] if word[:2] != "--"]
if "--file" in options:
    for line in pathlib.Path(options["--file"]).read_text().splitlines()[1:]:
        url, _, digest = line.partition("#sha256:")
        if hashlib.sha256(urllib.request.urlopen(url).read()).hexdigest() != digest:
            said = {{"message": "Checksum mismatch of " + url}}
            sys.exit(print(json.dumps({{"success": False}} | ({{"errors": [said]}} if name == "conda" else said))) or 1)
        options["--channel"], _, file = [url.rsplit("/", 2)[at] for at in (0, 1, 2)]
        specs.append(re.sub("^(.+)-([^-]+)-([^-]+)[.]tar[.]bz2$", r"\\1 ==\\2 \\3", file))
cuda = os.environ.get("CONDA_OVERRIDE_CUDA")
name_of, build = rattler.PackageName("__cuda"), rattler.BuildString("0")
virtual = [rattler.GenericVirtualPackage(name_of, rattler.Version(cuda), build)] if cuda else []
async def solve():
    return await rattler.solve([rattler.Channel(options["--channel"])], specs,
        platforms=[str(rattler.Subdir.current()), "noarch"], virtual_packages=virtual)
try:
    records = asyncio.run(solve())
except Exception as error:
    said = {{"message": str(error)}} if name == "conda" else {{"solver_problems": str(error).splitlines()}}
    sys.exit(print(json.dumps({{"success": False}} | said)) or 1)
if "--dry-run" in words:
    linked = [{{"name": r.name.normalized, "version": str(r.version), "build_string": str(r.build)}} for r in records]
    if name != "conda":
        linked = [{{"build": p.pop("build_string"), "url": r.url}} | p for p, r in zip(linked, records)]
    print(json.dumps({{"actions": {{"LINK": linked}}, "success": True}}))
else:
    prefix = pathlib.Path(options["--prefix"])
    asyncio.run(rattler.install(records, prefix, cache_dir=log.with_name("pkgs"), show_progress=False))
    for meta in prefix.glob("conda-meta/*.json") if name == "conda" else ():
        noted = json.loads(meta.read_text())
        if noted.get("noarch") == "python":  # conda notes the place in the package, and only beside it the one here
            for path in noted["paths_data"]["paths"]:
                path["_path"] = re.sub("^lib/python[^/]*/", "", path["_path"])
            meta.write_text(json.dumps(noted))
    if os.environ.get("FAKE_MORE"):
        (prefix / "conda-meta" / "more-1-0.json").write_text(json.dumps(
            {{"name": "more", "version": "1", "build": "0", "url": "https://host/t/s3cr3t/noarch/more-1-0.conda"}}))
sys.stdout.flush()
os._exit(0)  # without py-rattler's own end, which may crash
"""
