"""Check `aot`: the trained network, compiled ahead of time, is served by another process as it answers here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks.export import compared, some_images, trained
from ..elsewhere import elsewhere
from .compiled import missing

if TYPE_CHECKING:
    from ..backend import Backend
    from ..context import Context


def run(context: Context) -> dict[str, Any]:
    absent = missing(context) or _absent()
    if absent:
        return {"skip": absent}
    import torch._inductor  # noqa: PLC0415 - seconds, only here

    trainer: Any = trained(context)
    images = some_images(context.seed)
    with context.folder("aot") as folder:
        path = os.path.join(folder, "net.pt2")  # noqa: PTH118
        context.journal.doing(f"compiling the network ahead of time for {context.device.place}")
        example = context.device.put(torch.from_numpy(images))
        with torch.no_grad():
            program = torch.export.export(trainer.model.eval(), (example,))
            torch._inductor.aoti_compile_and_package(program, package_path=path)  # noqa: SLF001 - as documented
        size = os.path.getsize(path)  # noqa: PTH202
        context.journal.doing("serving it in another process")
        served = elsewhere(context, "pytorch.aot", "serve", path, context.seed)
    return {
        "metrics": compared(trainer.logits(images), {"AOT": served}, context.backend.platform),
        "evidence": {"bytes": size, "images": len(images)},
    }


def serve(backend: Backend, path: str, seed: int) -> tuple[Any, str]:
    """In the other process: the file's answers, and the type of the device that made them."""
    import torch._inductor  # noqa: PLC0415

    images: Any = torch.from_numpy(some_images(seed)).to(backend.platform)
    out = torch._inductor.aoti_load_package(path)(images)  # noqa: SLF001
    return np.asarray(out.to("cpu")).tolist(), out.device.type


def _absent() -> str | None:
    import torch._inductor  # noqa: PLC0415

    known = hasattr(torch._inductor, "aoti_compile_and_package")  # noqa: SLF001
    return None if known else f"PyTorch {torch.__version__} cannot package what it compiles ahead of time"
