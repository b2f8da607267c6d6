"""Make the first call of CUDA and print one JSON object. Runs as a program, in its own process, under a deadline.

Keys are those of the model's CuInit: `status` (ok, error, missing), `code`, `name`, `devices`, `library`, `seconds`.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from pathlib import Path
from typing import Any

LIBRARY = "libcuda.so.1"


def mapped() -> str | None:
    """The file that the loader took."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((line.split(None, 5)[5] for line in lines if "/libcuda.so" in line), None)


def ask() -> dict[str, Any]:
    """The first call, and how many devices there are after it."""
    try:
        cuda = ctypes.CDLL(LIBRARY)
    except OSError as error:
        return {"status": "missing", "name": str(error)}
    facts: dict[str, Any] = {"library": mapped()}
    started = time.monotonic()
    code = cuda.cuInit(0)
    facts["seconds"] = round(time.monotonic() - started, 3)
    if code:
        text = ctypes.c_char_p()
        known = cuda.cuGetErrorName(code, ctypes.byref(text)) == 0 and text.value
        return {**facts, "status": "error", "code": code, "name": text.value.decode() if known and text.value else ""}
    count = ctypes.c_int()
    cuda.cuDeviceGetCount(ctypes.byref(count))
    return {**facts, "status": "ok", "devices": count.value}


if __name__ == "__main__":
    sys.stdout.write(json.dumps({key: value for key, value in ask().items() if value is not None}))
