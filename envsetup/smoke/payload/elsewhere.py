"""Another process with the same framework on the same device: there only what stands in a file is known."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .ending import end

if TYPE_CHECKING:
    from .context import Context

DEADLINE_S = 240  # of the other process, which imports the framework anew
MARK = "envsetup: "  # a framework may write on stdout as well


def elsewhere(context: Context, module: str, function: str, *arguments: Any) -> Any:
    """What `MODULE.FUNCTION(backend, *arguments)` returns there, as JSON carries it.

    Raises RuntimeError with the other process's last words.
    """
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    start = f"import sys; sys.path.insert(0, {root!r}); from {__package__}.elsewhere import answer; answer()"
    words = json.dumps([context.framework, context.device.kind, module, function, *arguments])
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", start, words], check=False, capture_output=True, text=True, timeout=DEADLINE_S
    )
    said = [line[len(MARK) :] for line in done.stdout.splitlines() if line.startswith(MARK)]
    if done.returncode or not said:
        raise RuntimeError(done.stderr.strip().rsplit("\n", 1)[-1] or f"the other process ended with {done.returncode}")
    return json.loads(said[-1])


def answer() -> None:
    """The other process."""
    framework, device, module, function, *arguments = json.loads(sys.argv[1])
    devices = import_module(f".{framework}.devices", __package__)
    adapter, absent = devices.choose(device)
    if absent:
        raise RuntimeError(absent)
    devices.exact_arithmetic(adapter.kind)
    backend = import_module(f".{framework}.backend", __package__).open_backend(adapter)
    result = getattr(import_module(f".{module}", __package__), function)(backend, *arguments)
    sys.stdout.write(f"\n{MARK}{json.dumps(result)}\n")
    end()
