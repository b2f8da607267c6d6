"""Real interpreters with planted frameworks: a venv without pip, and a package that misbehaves in a given way."""

from __future__ import annotations

import subprocess
import sys
import textwrap

RAISES = "raise ImportError('libcudnn.so.9: cannot open shared object file: No such file or directory')"
SEGFAULTS = "import ctypes; ctypes.string_at(0)"
ABORTS = "import os; os.abort()"
ILLEGAL = "import os, signal; os.kill(os.getpid(), signal.SIGILL)"
KILLED = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
HANGS = "import time; time.sleep(600)"
EXITS = "import sys; sys.exit(3)"
NOISY = "import os; os.write(1, b'\\x1b[31mnoise on stdout\\n{\"step\":'); raise ImportError('\\x1b[2Jred')"
WITH_VARIABLE = "import os\nif os.environ.get({name!r}): raise ImportError('undefined symbol: cublasLtGetVersion')\n"
# As much of PyTorch as is used: computes on the CPU, and its first CUDA call never comes back.
COMPUTES = """
__version__ = "2.13.0+cu130"
float32 = int32 = None
class Numbers:
    def __init__(self, total): self.total = total
    def __mul__(self, other): return self
    def __add__(self, other): return self
    def __matmul__(self, other): return Numbers(64.0**3)
    def sum(self): return self.total
def arange(*a, **k): return Numbers(1024.0 * 1024.0)
def ones(*a, **k): return Numbers(0.0)
class nn:
    class functional:
        @staticmethod
        def conv2d(a, b): return Numbers(324.0)
class version: cuda, hip = "13.0", None
class backends: mps = None
class cuda:
    @staticmethod
    def is_available():
        {is_available}
    @staticmethod
    def device_count(): return {count}
    @staticmethod
    def get_device_capability(index): return (8, 9)
    @staticmethod
    def get_device_name(index): return "NVIDIA GeForce RTX 4090"
    @staticmethod
    def get_arch_list(): return ["sm_80", "sm_90"]
    @staticmethod
    def init(): raise RuntimeError("Found no NVIDIA driver on your system")
"""


def computes(is_available="return True", count=1):
    return COMPUTES.replace("{is_available}", is_available).replace("{count}", str(count))


def environment(folder, code, name="torch", version="2.13.0", cuda="None"):
    """A venv in `folder` in which the package `name` is this code."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=60)
    site = folder / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    (site / name).mkdir()
    (site / name / "__init__.py").write_text(textwrap.dedent(code))
    (site / name / "version.py").write_text(f"__version__ = '{version}'\ncuda = {cuda}\n")
    (site / f"{name}-{version}.dist-info").mkdir()
    (site / f"{name}-{version}.dist-info/METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
    return folder
