"""Runs checks in this interpreter, one after the other, and writes what they measured into the journal.

    python -c 'from PACKAGE.main import main; main()' REQUEST.json

The request: {"framework", "checks": {id: [kinds of device, empty for all]}, "device", "seed", "golden": [loss],
"training": {...}, "digests": {split: sha}, "data_root": folder or null, "scratch": folder, "journal": file}.
"""

from __future__ import annotations

import json
import platform
import sys
import time
import traceback
import warnings
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from .ending import end
from .journal import Journal, finite

# name: the module that proves it is installed
FRAMEWORKS = {"pytorch": "torch", "tensorflow": "tensorflow", "jax": "jax"}


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123
        request = json.load(file)
    journal = Journal(request["journal"])
    warnings.simplefilter("ignore")  # a framework's advice is not evidence; its errors are
    session = _open(request, journal)
    if session is not None:
        context, modules = session
        for check, kinds in request["checks"].items():
            if not kinds or context.device.kind in kinds:
                _run(check, modules[check], context, request["framework"])
    journal.emit("done")
    end()


def _open(request: dict[str, Any], journal: Journal) -> Any:
    """Import the framework and take the device; None, with an `unusable` event, when that is impossible."""
    name = FRAMEWORKS[request["framework"]]
    began = time.monotonic()
    journal.emit("start", check="import")
    try:
        for module in ("numpy", name):
            journal.doing(f"importing {module}")
            import_module(module)
        package = import_module(f".{request['framework']}", __package__)
        devices = import_module(f".{request['framework']}.devices", __package__)
        context_module = import_module(".context", __package__)
    except ModuleNotFoundError as error:
        if error.name in ("numpy", name):
            missing = error.name if find_spec(name) else name  # with neither, numpy is not what the user misses
            journal.emit("unusable", reason=f"{sys.executable} has no {missing}: nothing to prove there")
            return None
        _refused(journal, "import", error)
        return None
    except Exception as error:  # noqa: BLE001 - whatever a broken wheel raises is the finding
        _refused(journal, "import", error)
        return None
    framework = sys.modules[name]
    journal.doing(f"asking {name} for {request['device']}")
    try:
        adapter, absent = devices.choose(request["device"])
        devices.exact_arithmetic(adapter.kind)
        facts = {**_facts(framework, request["framework"]), **devices.build()}
        device = {"kind": adapter.kind, "absent": absent, "name": None if absent else adapter.name()}
    except Exception as error:  # noqa: BLE001 - a framework that breaks when it looks for devices does not load
        _refused(journal, "import", error)
        return None
    journal.emit("ready", framework=facts, device=device)
    journal.emit(
        "result",
        check="import",
        metrics={"imported": 1, "seconds": time.monotonic() - began},
        evidence={},
        duration_s=time.monotonic() - began,
    )
    if absent:
        return None
    return context_module.Context(request, journal, adapter), package.CHECKS


def _facts(framework: Any, name: str) -> dict[str, Any]:
    """What is under test."""
    return {
        "name": name,
        "version": str(framework.__version__),
        "numpy": sys.modules["numpy"].__version__,
        "python": platform.python_version(),
        "executable": sys.executable,
    }


def _run(check: str, module: str, context: Any, framework: str) -> None:
    journal = context.journal
    journal.emit("start", check=check)
    began = time.monotonic()
    try:
        found = import_module(f".{module}", f"{__package__}.{framework}").run(context)
    except Exception as error:  # noqa: BLE001 - every ending of a check is an answer
        if type(error).__name__ == "DataError":
            journal.emit("unusable", reason=str(error))
            return
        _refused(journal, check, error)
        return
    if "skip" in found:
        journal.emit("skip", check=check, reason=found["skip"])
        return
    journal.emit(
        "result",
        check=check,
        metrics={name: finite(value) for name, value in found["metrics"].items()},
        evidence=_clean(found["evidence"]),
        duration_s=time.monotonic() - began,
    )


def _refused(journal: Journal, check: str, error: BaseException) -> None:
    """A RuntimeError or its like is the framework saying no: a finding; anything else may be our own mistake."""
    journal.emit(
        "error",
        check=check,
        reason=f"{type(error).__name__}: {error}".strip().splitlines()[0],
        refused=isinstance(error, (RuntimeError, ImportError, OSError, MemoryError)) or _theirs(error),
        traceback=traceback.format_exc(limit=-4),
    )


def _theirs(error: BaseException) -> bool:
    """TensorFlow's errors are of its own making."""
    return type(error).__module__.split(".")[0] == "tensorflow"


def _clean(value: Any) -> Any:
    """Evidence without NaN and infinity."""
    if isinstance(value, float):
        return finite(value)
    if isinstance(value, dict):
        return {str(key): _clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    return value
