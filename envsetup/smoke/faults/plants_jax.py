"""Faults in JAX, by name. Each changes what the checks reach through public names, before anything is traced."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

calls = {"n": 0}


def changed_gradient(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The identity, whose gradient is changed."""
    identity = jax.custom_vjp(lambda x: x)
    identity.defvjp(lambda x: (x, None), lambda _, g: (change(g),))
    return lambda x: identity(x)  # noqa: PLW0108


def around_conv(
    channels: int,
    *,
    weight: Callable[[Any], Any] = lambda w: w,
    out: Callable[[Any], Any] = lambda o: o,
) -> None:
    """Change weight and result of every convolution with so many input channels."""
    true = jax.lax.conv_general_dilated

    def wrong(x: Any, w: Any, *rest: Any, **options: Any) -> Any:
        if w.shape[1] != channels:
            return true(x, w, *rest, **options)
        return out(true(x, weight(w), *rest, **options))

    jax.lax.conv_general_dilated = wrong


def conv_gradient(channels: int, change: Callable[[Any], Any]) -> Callable[[], None]:
    return lambda: around_conv(channels, weight=changed_gradient(change))


def around_matmul(change: Callable[[Any], Any], inputs: Callable[[Any], Any] = lambda x: x) -> None:
    true = jnp.matmul
    jnp.matmul = lambda a, b, **options: change(true(inputs(a), inputs(b), **options))


def around_calls(name: str, change: Callable[[tuple[Any, ...], Any, int], Any]) -> None:
    """Change what compiled functions of this name return, given their arguments and how often one was called."""
    true = jax.jit

    def jit(function: Any, **options: Any) -> Any:
        compiled = true(function, **options)
        if getattr(function, "__name__", "") != name:
            return compiled

        def call(*args: Any) -> Any:
            calls["n"] += 1
            return change(args, compiled(*args), calls["n"])

        return call

    jax.jit = jit


def bit_flip() -> None:
    around_calls("conv", lambda _, out, n: out.at[(0,) * out.ndim].multiply(1e4) if n % 7 == 0 else out)


def training_step(change: Callable[[tuple[Any, ...], Any, int], Any]) -> None:
    """Change what a training step returns: parameters, the optimizer's state, the loss."""
    around_calls("step", lambda args, out, n: change(args, out, n) if len(out) == 3 else out)


def stale_results() -> None:
    """A cache of compiled programs that hands out old results."""
    first: dict[Any, Any] = {}  # by the names of the optimizer's states
    training_step(lambda args, out, n: first.setdefault(tuple(args[1]), out))


def nan_late() -> None:
    # Ten of the calls are golden steps.
    training_step(lambda _, out, n: (*out[:2], out[2] * float("nan")) if n >= 130 else out)


def memory_kept() -> None:
    kept: dict[int, Any] = {}
    training_step(lambda _, out, n: (kept.setdefault(n, jnp.zeros(1 << 22)), out)[1])


def optimizer_idle() -> None:
    """The program that XLA makes of a step, or of an optimizer alone, loses what was updated."""
    around_calls("step", lambda args, out, n: (args[0], *out[1:]))


def average_pool() -> None:
    true = jax.lax.reduce_window

    def pool(x: Any, start: Any, combine: Any, *shapes: Any) -> Any:
        if combine is jax.lax.max:
            return true(x, 0.0, jax.lax.add, *shapes) / 4
        return true(x, start, combine, *shapes)

    jax.lax.reduce_window = pool


def around_copy(change: Callable[[Any], Any]) -> None:
    """Change what arrives on a device."""
    true = jax.device_put
    jax.device_put = lambda array, *rest, **options: true(
        change(array) if isinstance(array, np.ndarray) else array, *rest, **options
    )


def labels_shifted() -> None:
    around_copy(lambda a: np.roll(a, 1) if a.dtype == np.int32 and a.ndim == 1 and len(a) <= 1000 else a)


def half_batch_zero() -> None:
    def half(a: Any) -> Any:
        if a.shape[:2] != (64, 3):
            return a
        a = a.copy()
        a[32:] = 0
        return a

    around_copy(half)


def silent_cpu() -> None:
    """A platform that calls itself cuda and is the CPU."""
    true = jax.local_devices
    jax.local_devices = lambda backend=None: true(backend="cpu" if backend == "cuda" else backend)


def no_kernel_image() -> None:
    silent_cpu()
    jnp.ones = lambda *args, **options: refuse()


def page_lost() -> None:
    silent_cpu()

    def lossy(a: Any) -> Any:
        if a.size > 1 << 20:
            a = a.copy()
            a[4096:4608] = 0
        return a

    around_copy(lossy)


def refuse() -> None:
    raise jax.errors.JaxRuntimeError("CUDA error: no kernel image is available for execution on the device")


def in_golden(act: Callable[[], Any]) -> Callable[[], None]:
    """Act when the reference CNN's first batch of 64 meets the second convolution: during the golden curve."""

    def plant() -> None:
        true = jax.lax.conv_general_dilated

        def wrong(x: Any, w: Any, *rest: Any, **options: Any) -> Any:
            if x.shape[0] == 64 and w.shape[1] == 32:
                act()
            return true(x, w, *rest, **options)

        jax.lax.conv_general_dilated = wrong

    return plant


def import_broken() -> None:
    raise ImportError("libcudart.so.13: cannot open shared object file: No such file or directory")


def leave(act: Callable[[], Any]) -> Callable[[], None]:
    """Act once, at the first softmax."""

    def plant() -> None:
        true = jax.nn.softmax

        def wrong(*args: Any, **options: Any) -> Any:
            if not calls["n"]:
                act()
            calls["n"] += 1
            return true(*args, **options)

        jax.nn.softmax = wrong

    return plant


class Read:
    """A file of arrays, some of which are read wrongly."""

    def __init__(self, file: Any, change: Callable[[str, Any], Any]) -> None:
        self._file, self._change = file, change

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getitem__(self, name: str) -> Any:
        return self._change(name, self._file[name])


def around_read(change: Callable[[str, Any], Any]) -> Callable[[], None]:
    def plant() -> None:
        true = np.load
        np.load = lambda path: Read(true(path), change)

    return plant


def export_wrong() -> None:
    from jax import export  # noqa: PLC0415 - older versions have none

    true = export.deserialize

    def deserialize(blob: Any) -> Any:
        program = true(blob)
        return SimpleNamespace(call=lambda x: program.call(x) + 1e-3)

    export.deserialize = deserialize


def lstm_forgets() -> None:
    true = jax.lax.scan
    jax.lax.scan = lambda step, start, xs, **options: true(step, start, xs[-4:], **options)


def attention_uniform() -> None:
    jax.nn.softmax = lambda x, *args, **options: jnp.ones_like(x) / x.shape[-1]


PLANTS: dict[str, Callable[[], Any]] = {
    "conv-tap-dead": lambda: around_conv(32, weight=lambda w: w.at[:, :, 2, 2].set(0.0)),
    "conv1-gradient-zero": conv_gradient(3, lambda g: g * 0),
    "conv2-gradient-transposed": conv_gradient(32, lambda g: jnp.swapaxes(g, 2, 3)),
    "conv2-gradient-sign": conv_gradient(32, lambda g: -g),
    "conv2-gradient-halved": conv_gradient(32, lambda g: g * 0.5),
    "channel-dead": lambda: around_conv(3, out=lambda o: o.at[:, 0].set(0.0)),
    "average-for-max-pool": average_pool,
    "linear-in-bfloat16": lambda: around_matmul(lambda o: o.astype("float32"), lambda x: x.astype("bfloat16")),
    "bit-flip": bit_flip,
    "stale-results": stale_results,
    "optimizer-idle": optimizer_idle,
    "labels-shifted": labels_shifted,
    "half-batch-zero": half_batch_zero,
    "silent-cpu": silent_cpu,
    "nan-late": nan_late,
    "kernel-column-lost": lambda: around_matmul(lambda o: o.at[..., 0].set(0.0)),
    "hang": in_golden(lambda: time.sleep(3600)),
    "crash": in_golden(lambda: os.kill(os.getpid(), 11)),
    "refuses": in_golden(refuse),
    "import-broken": import_broken,
    "child-left": leave(lambda: subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])),
    "file-left": leave(tempfile.mkstemp),
    "page-lost": page_lost,
    "no-kernel-image": no_kernel_image,
    "memory-kept": memory_kept,
    "checkpoint-bit": around_read(
        lambda name, a: a + np.float32(1e-3) * (np.arange(10) == 0) if name == "fc2.bias" else a
    ),
    "state-forgotten": around_read(lambda name, a: a * 0 if name.startswith("state/") else a),
    "export-wrong": export_wrong,
    "lstm-forgets": lstm_forgets,
    "attention-uniform": attention_uniform,
}
