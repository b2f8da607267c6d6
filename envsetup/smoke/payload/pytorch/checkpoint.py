"""Check `checkpoint`: training goes on in another process, from a file, as if nothing had happened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812

from .. import data
from .devices import exact_arithmetic
from .net import Net

if TYPE_CHECKING:
    from ..context import Context

STEPS = 3
DEADLINE_S = 240  # of the other process, which imports the framework anew


def run(context: Context) -> dict[str, Any]:
    device = context.device.torch_name
    torch.manual_seed(context.seed)
    model = Net().to(device)
    optimizer = torch.optim.Adam(model.parameters(), 0.002)
    _train(model, optimizer, device, context.seed, 0)
    path = os.path.join(context.scratch, "checkpoint.pt")  # noqa: PTH118
    context.journal.doing("writing a checkpoint")
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, path)
    size = os.path.getsize(path)  # noqa: PTH202
    expected = _train(model, optimizer, device, context.seed, STEPS)
    try:
        context.journal.doing("resuming from it in another process")
        resumed = _elsewhere(path, device, context.seed)
    finally:
        os.unlink(path)  # noqa: PTH108
    return {
        "metrics": {
            "losses_differing": sum(a != b for a, b in zip(resumed["losses"], expected)),
            "steps": len(resumed["losses"]),
            # The same without the optimizer's state must not fit: else the comparison could not fail.
            "forgetful_fits": int(resumed["forgetful"] == expected),
        },
        "evidence": {"losses": resumed["losses"], "expected": expected, "bytes": size},
    }


def _train(model: Any, optimizer: Any, device: str, seed: int, first: int) -> list[float]:
    images, labels = data.generate(2 * STEPS * 32, seed)
    losses = []
    for step in range(first, first + STEPS):
        batch = slice(32 * step, 32 * step + 32)
        x, y = torch.from_numpy(data.normalise(images[batch])), torch.from_numpy(labels[batch])
        loss = F.cross_entropy(model(x.to(device)), y.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def _elsewhere(path: str, device: str, seed: int) -> Any:
    root, package = str(Path(__file__).parents[2]), __package__
    start = f"import sys; sys.path.insert(0, {root!r}); from {package}.checkpoint import resume; resume()"
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", start, path, device, str(seed)],
        check=False,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().rsplit("\n", 1)[-1] or f"the other process ended with {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def resume() -> None:
    """The other process: PATH DEVICE SEED; prints the losses with and without the optimizer's state."""
    path, device, seed = sys.argv[1:]
    exact_arithmetic(device)
    saved = torch.load(path, map_location=device)
    runs = {}
    for name in ("losses", "forgetful"):
        model = Net().to(device)
        model.load_state_dict(saved["model"])
        optimizer = torch.optim.Adam(model.parameters(), 0.002)
        if name == "losses":
            optimizer.load_state_dict(saved["optimizer"])
        runs[name] = _train(model, optimizer, device, int(seed), STEPS)
    sys.stdout.write(json.dumps(runs) + "\n")
