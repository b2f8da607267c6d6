"""Import one framework as the user's programs do, use every device once, and tell each step as a line of JSON.

Runs as a program in the interpreter that is looked at (Python 3.8 or newer), under a deadline. A step is told before
it begins: whoever reads a hang or a crash knows where it happened. Arguments: torch, tensorflow or jax, and
`no-gpu` when the devices must be left alone.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import os
import re
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAPPED = re.compile(r"lib(?:cu|nv|nccl|hip|roc|rccl|MIOpen|hsa|amd|torch|ze_|sycl|gomp|omp|iomp|stdc)[^/]*\.so[^/]*$")
SIDE = 64  # of the matrices: large enough for the library kernels, small enough for any GPU
PEER_WORDS = 1 << 20
ALL_PAIRS = 8  # up to so many GPUs every pair is tried, beyond it a ring
FIRST_LINE = 300


class Teller:
    """Lines of JSON on what was stdout; what the framework prints goes to stderr."""

    def __init__(self) -> None:
        self.fd = os.dup(1)
        os.dup2(2, 1)

    def __call__(self, **facts: object) -> None:
        os.write(self.fd, (json.dumps(facts) + "\n").encode())


def line(error: BaseException) -> str:
    """An exception as one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:FIRST_LINE]


def mapped() -> list[str] | None:
    """The GPU libraries that this process has really loaded."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
            paths = {text.split(None, 5)[5].strip() for text in file if "/" in text}
    except OSError:
        return None
    return sorted(path for path in paths if MAPPED.search(path))


def expect(what: str, got: float, wanted: float) -> None:
    """Right results only: a kernel that computes nonsense has not run."""
    if got != wanted:
        raise ArithmeticError(f"{what} gave {got} instead of {wanted}")


def use(tell: Teller, name: str, model: str, capability: str, kernel: Callable[[], None]) -> None:
    """Run the kernel on a device and tell how that went."""
    tell(step="kernel", device=name)
    started, error = time.monotonic(), ""
    try:
        kernel()
    except Exception as problem:
        error = line(problem)
    seconds = round(time.monotonic() - started, 3)
    tell(used={"name": name, "model": model, "capability": capability, "error": error or None, "seconds": seconds})


def torch_devices(torch: Any) -> Iterator[tuple[str, str, str]]:
    """Name, model and capability of each device."""
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        capability = "{}.{}".format(*torch.cuda.get_device_capability(index))
        yield f"cuda:{index}", torch.cuda.get_device_name(index), capability
    xpu: Any = getattr(torch, "xpu", None)
    for index in range(xpu.device_count() if xpu and xpu.is_available() else 0):
        yield f"xpu:{index}", xpu.get_device_name(index), ""
    mps: Any = getattr(torch.backends, "mps", None)
    if mps and mps.is_available():
        yield "mps", "Apple GPU", ""


def torch_kernel(torch: Any, device: str) -> None:
    numbers = torch.arange(1024, device=device, dtype=torch.float32)
    expect("a sum", float((numbers * 2 + 1).sum()), 1024.0 * 1024.0)
    ones = torch.ones(SIDE, SIDE, device=device)
    expect("a matrix product", float((ones @ ones).sum()), float(SIDE**3))
    image, weights = torch.ones(1, 1, 8, 8, device=device), torch.ones(1, 1, 3, 3, device=device)
    expect("a convolution", float(torch.nn.functional.conv2d(image, weights).sum()), 324.0)


def torch_peers(tell: Teller, torch: Any) -> None:
    """Copies between GPUs, compared by what arrives."""
    count = torch.cuda.device_count()
    pairs = [(a, b) for a in range(count) for b in range(count) if a != b]
    if count > ALL_PAIRS:
        pairs = [(a, (a + 1) % count) for a in range(count)]
    wanted = torch.arange(PEER_WORDS, dtype=torch.int32)
    for source, target in pairs:
        tell(step="peers", device=f"cuda:{target}")
        direct = equal = error = None
        try:
            direct = bool(torch.cuda.can_device_access_peer(source, target))
            equal = bool(torch.equal(wanted.to(source).to(target).cpu(), wanted))
        except Exception as problem:
            error = line(problem)
        tell(peer={"source": source, "target": target, "direct": direct, "equal": equal, "error": error})


def try_torch(tell: Teller, torch: Any, *, gpu: bool) -> None:
    tell(step="cpu")
    torch_kernel(torch, "cpu")
    if not gpu:
        return
    tell(step="devices")
    started = time.monotonic()
    available = bool(torch.cuda.is_available())
    names = [name for name, _, _ in torch_devices(torch)]
    told: dict[str, object] = {"available": bool(names), "available_s": round(time.monotonic() - started, 3)}
    if available:
        told["arch_list"] = list(torch.cuda.get_arch_list())
    elif not names and (torch.version.cuda or torch.version.hip):
        try:
            torch.cuda.init()
        except Exception as problem:
            told["unavailable"] = line(problem)
    tell(**told)
    for name, model, capability in torch_devices(torch):
        use(tell, name, model, capability, functools.partial(torch_kernel, torch, name))
    if available and torch.cuda.device_count() > 1:
        torch_peers(tell, torch)


def try_tensorflow(tell: Teller, tf: Any, *, gpu: bool) -> None:
    tell(step="cpu")

    def kernel(device: str) -> None:
        with tf.device(device):
            ones = tf.ones((SIDE, SIDE))
            expect("a matrix product", float(tf.reduce_sum(tf.matmul(ones, ones))), float(SIDE**3))
            image, weights = tf.ones((1, 8, 8, 1)), tf.ones((3, 3, 1, 1))
            expect("a convolution", float(tf.reduce_sum(tf.nn.conv2d(image, weights, 1, "VALID"))), 324.0)

    kernel("/CPU:0")
    if not gpu:
        return
    tell(step="devices")
    started = time.monotonic()
    devices = tf.config.list_physical_devices("GPU")
    tell(available=bool(devices), available_s=round(time.monotonic() - started, 3))
    for index, device in enumerate(devices):
        details = tf.config.experimental.get_device_details(device)
        capability = ".".join(map(str, details.get("compute_capability") or ()))
        name = f"GPU:{index}"
        use(tell, name, details.get("device_name", ""), capability, functools.partial(kernel, "/" + name))


def try_jax(tell: Teller, jax: Any, *, gpu: bool) -> None:
    numpy = importlib.import_module("jax.numpy")

    def kernel(device: Any) -> None:
        ones = jax.device_put(numpy.ones((SIDE, SIDE)), device)
        expect("a matrix product", float((ones @ ones).sum()), float(SIDE**3))

    if not gpu:
        tell(step="cpu")
        jax.config.update("jax_platforms", "cpu")
        kernel(jax.devices("cpu")[0])
        return
    tell(step="devices")
    started = time.monotonic()
    devices = jax.devices()
    others = [device for device in devices if device.platform != "cpu"]
    tell(available=bool(others), available_s=round(time.monotonic() - started, 3))
    for device in others or devices[:1]:
        name = f"{device.platform}:{device.id}"
        if device.platform == "cpu":
            tell(step="cpu")
            kernel(device)
        else:
            use(tell, name, device.device_kind, "", functools.partial(kernel, device))


TRY = {"torch": try_torch, "tensorflow": try_tensorflow, "jax": try_jax}


def main() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder or ".") != here]
    # Without these, JAX takes three quarters of every GPU and TensorFlow all of it.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    tell = Teller()
    name = sys.argv[1]
    tell(step="import")
    try:
        module = importlib.import_module(name)
        tell(version=str(getattr(module, "__version__", "")), loaded=mapped())
        TRY[name](tell, module, gpu="no-gpu" not in sys.argv)
    except BaseException as problem:  # a framework may end in SystemExit as well
        traceback.print_exc()
        tell(error=line(problem), loaded=mapped())
        os._exit(1)
    tell(loaded=mapped(), done=True)
    with contextlib.suppress(Exception):
        sys.stderr.flush()
    os._exit(0)  # what a framework does at exit is not what is asked


if __name__ == "__main__":
    main()
