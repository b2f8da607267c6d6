"""Check `onnx`: onnxruntime, on the provider that was asked for, answers as the trained network does.

onnxruntime goes on with the CPU when a provider does not load, and says so in a warning only.
"""

from __future__ import annotations

import inspect
import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..checks.export import compared, some_images, trained
from ..elsewhere import elsewhere

if TYPE_CHECKING:
    from ..backend import Backend
    from ..context import Context

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "rocm": "ROCMExecutionProvider",
    "mps": "CoreMLExecutionProvider",
    "xpu": "OpenVINOExecutionProvider",
}


def run(context: Context) -> dict[str, Any]:
    absent = _absent()
    if absent:
        return {"skip": absent}
    trainer: Any = trained(context)
    images, asked = some_images(context.seed), PROVIDERS[context.device.kind]
    with context.folder("onnx") as folder:
        path = os.path.join(folder, "net.onnx")  # noqa: PTH118
        context.journal.doing("exporting to ONNX")
        example = context.device.put(torch.from_numpy(images))
        torch.onnx.export(trainer.model.eval(), (example,), path, dynamo=True, verbose=False)
        context.journal.doing(f"running onnxruntime with {asked} in another process")
        logits, used, version = elsewhere(context, "pytorch.onnx", "serve", path, asked, context.seed)
    return {
        "metrics": compared(trainer.logits(images), {"ONNX": (logits, used)}, asked),
        "evidence": {"provider": used, "asked": asked, "onnxruntime": version},
    }


def serve(backend: Backend, path: str, asked: str, seed: int) -> tuple[Any, str, str]:
    """In the other process: the file's answers, the provider in use, and onnxruntime's version."""
    del backend
    import onnxruntime  # noqa: PLC0415 - it may not be there

    getattr(onnxruntime, "disable_telemetry_events", lambda: None)()  # a test talks to nobody
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what it would say of a missing provider is judged here
    session = onnxruntime.InferenceSession(path, options, providers=[asked])
    (out,) = session.run(None, {session.get_inputs()[0].name: some_images(seed)})
    return np.asarray(out).tolist(), session.get_providers()[0], onnxruntime.__version__


def _absent() -> str | None:
    """Why nothing can be exported, or nobody is there to run it."""
    if "dynamo" not in inspect.signature(torch.onnx.export).parameters:
        return f"PyTorch {torch.__version__} exports to ONNX through TorchScript only"
    lacking = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    return f"not installed: {', '.join(lacking)}" if lacking else None
