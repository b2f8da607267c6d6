"""Faults in TensorFlow and Keras, by name. Each changes what the checks reach through public names."""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
import tempfile
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Callable

calls = {"n": 0}


def changed_gradient(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The identity, whose gradient is changed."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def identity(x: Any) -> Any:
        return tf.identity(x), change

    return lambda x: identity(tf.convert_to_tensor(x))


def around_conv(
    channels: int,
    *,
    weight: Callable[[Any], Any] = lambda w: w,
    out: Callable[[Any], Any] = lambda o: o,
) -> None:
    """Change weight and result of every convolution with so many input channels: Keras's and TensorFlow's own."""
    for name in ("conv2d", "convolution"):
        true = getattr(tf.nn, name)

        def wrong(x: Any, w: Any, *rest: Any, true: Any = true, **options: Any) -> Any:
            if w.shape[2] != channels:
                return true(x, w, *rest, **options)
            return out(true(x, weight(w), *rest, **options))

        setattr(tf.nn, name, wrong)


def conv_gradient(channels: int, change: Callable[[Any], Any]) -> Callable[[], None]:
    return lambda: around_conv(channels, weight=changed_gradient(change))


def tap_dead() -> None:
    mask = [[[[0.0 if (i, j) == (2, 2) else 1.0]] for j in range(3)] for i in range(3)]
    around_conv(32, weight=lambda w: w * tf.constant(mask))


def channel_dead() -> None:
    around_conv(3, out=lambda o: o * tf.one_hot(0, o.shape[-1], 0.0, 1.0))


def bit_flip() -> None:
    def flip(o: Any) -> Any:
        calls["n"] += 1
        spike = tf.one_hot(0, o.shape[-1], 1e4, 1.0) if calls["n"] % 7 == 0 else 1.0
        return o * spike

    around_conv(32, out=flip)


def around_matmul(change: Callable[..., Any]) -> None:
    true = tf.matmul
    tf.matmul = tf.linalg.matmul = lambda a, b, **options: change(true, a, b, **options)


def column_lost() -> None:
    def lossy(true: Any, a: Any, b: Any, **options: Any) -> Any:
        out = true(a, b, **options)
        return out * tf.one_hot(0, out.shape[-1], 0.0, 1.0)

    around_matmul(lossy)


def linear_bfloat16() -> None:
    def coarse(true: Any, a: Any, b: Any, **options: Any) -> Any:
        return tf.cast(true(tf.cast(a, tf.bfloat16), tf.cast(b, tf.bfloat16), **options), tf.float32)

    around_matmul(coarse)


def average_pool() -> None:
    tf.nn.max_pool2d = tf.nn.avg_pool2d
    true = tf.nn.max_pool
    tf.nn.max_pool = lambda *args, **options: tf.nn.avg_pool(*args, **options) if args else true(*args, **options)


def optimizer_idle() -> None:
    for kind in (tf.keras.optimizers.SGD, tf.keras.optimizers.Adam):
        kind.apply_gradients = lambda self, pairs, **options: list(pairs)


def layer_frozen() -> None:
    for kind in (tf.keras.optimizers.SGD, tf.keras.optimizers.Adam):
        true = kind.apply_gradients

        def forgetful(self: Any, pairs: Any, *rest: Any, true: Any = true, **options: Any) -> Any:
            (gradient, variable), *others = pairs
            return true(self, [(tf.zeros_like(gradient), variable), *others], *rest, **options)

        kind.apply_gradients = forgetful


def around_steps(change: Callable[[Any, int], Any]) -> None:
    """Change what the compiled training step returns; the second argument counts its calls."""
    true = tf.function

    def function(python: Any = None, **options: Any) -> Any:
        compiled = true(python, **options)
        if getattr(python, "__name__", "") != "eager_step":
            return compiled

        def step(*args: Any) -> Any:
            calls["n"] += 1
            return change(compiled(*args), calls["n"])

        return step

    tf.function = function


def nan_late() -> None:
    around_steps(lambda loss, n: loss * float("nan") if n >= 130 else loss)  # ten of them are golden steps


def memory_kept() -> None:
    kept: dict[int, Any] = {}
    around_steps(lambda loss, n: (kept.setdefault(n, tf.zeros(1 << 22)), loss)[1])


def around_copy(change: Callable[[Any], Any]) -> None:
    """Change what arrives on a device."""
    true = tf.identity
    tf.identity = lambda array, **options: true(change(array), **options)


def labels_shifted() -> None:
    around_copy(lambda a: a[[-1, *range(len(a) - 1)]] if a.dtype == "int64" and a.ndim == 1 else a)


def half_batch_zero() -> None:
    def half(a: Any) -> Any:
        if a.ndim != 4 or len(a) != 64 or a.shape[-1] != 3:
            return a
        a = a.copy()
        a[32:] = 0
        return a

    around_copy(half)


def silent_cpu() -> None:
    """What soft placement does to a program that names a GPU."""
    true = tf.config.list_physical_devices
    gpu = SimpleNamespace(name="/physical_device:GPU:0", device_type="GPU")
    tf.sysconfig.get_build_info = lambda: {"is_cuda_build": True, "cuda_version": "12.9"}
    tf.config.list_physical_devices = lambda kind=None: [gpu] if kind == "GPU" else true(kind)
    tf.config.experimental.get_device_details = lambda _: {"device_name": "an imagined GPU"}
    tf.config.experimental.get_memory_info = lambda _: {"current": 0}
    tf.test.experimental.sync_devices = lambda: None
    tf.config.experimental.enable_op_determinism = lambda: None
    tf.device = lambda _: contextlib.nullcontext()


def no_kernel_image() -> None:
    silent_cpu()
    tf.ones = lambda *args, **options: refuse()


def page_lost() -> None:
    silent_cpu()

    def lossy(a: Any) -> Any:
        if getattr(a, "size", 0) > 1 << 20:
            a = a.copy()
            a[4096:4608] = 0
        return a

    around_copy(lambda a: lossy(a) if hasattr(a, "copy") else a)


def refuse() -> None:
    raise tf.errors.InternalError(None, None, "CUDA error: no kernel image is available for execution on the device")


def in_golden(act: Callable[[], Any]) -> Callable[[], None]:
    """Act when the reference CNN's first batch of 64 meets the second convolution: during the golden curve."""

    def plant() -> None:
        true = tf.nn.convolution

        def wrong(x: Any, w: Any, *rest: Any, **options: Any) -> Any:
            if x.shape[0] == 64 and w.shape[2] == 32:
                act()
            return true(x, w, *rest, **options)

        tf.nn.convolution = wrong

    return plant


def import_broken() -> None:
    raise ImportError("libcudart.so.13: cannot open shared object file: No such file or directory")


def leave(act: Callable[[], Any]) -> Callable[[], None]:
    """Act once, at the first softmax."""

    def plant() -> None:
        true = tf.nn.softmax

        def wrong(*args: Any, **options: Any) -> Any:
            if not calls["n"]:
                act()
            calls["n"] += 1
            return true(*args, **options)

        tf.nn.softmax = wrong

    return plant


def checkpoint_bit() -> None:
    true = tf.train.Checkpoint.read

    def read(self: Any, *args: Any, **options: Any) -> Any:
        status = true(self, *args, **options)
        variable = self.model.trainable_variables[-1]
        variable.assign(variable + tf.one_hot(0, 10, 1e-3, 0.0))  # the same for all classes would change nothing
        return status

    tf.train.Checkpoint.read = read


def state_forgotten() -> None:
    true = tf.train.Checkpoint.read

    def read(self: Any, *args: Any, **options: Any) -> Any:
        whole = hasattr(self, "optimizer")
        before = [v.numpy() for v in self.optimizer.variables] if whole else []
        status = true(self, *args, **options)
        for variable, value in zip(self.optimizer.variables if whole else [], before):  # noqa: B905 - Python 3.9
            variable.assign(value)
        return status

    tf.train.Checkpoint.read = read


def export_wrong() -> None:
    true = tf.saved_model.load
    tf.saved_model.load = lambda path: SimpleNamespace(kept=(m := true(path)), serve=lambda x: m.serve(x) + 1e-3)


def keras_file_wrong() -> None:
    true = tf.keras.models.load_model
    tf.keras.models.load_model = lambda path: (m := true(path)) and (lambda x: m(x) + 1e-3)


def lstm_forgets() -> None:
    true = tf.keras.layers.LSTM.call

    @functools.wraps(true)  # Keras reads the signature
    def call(self: Any, x: Any, *rest: Any, **options: Any) -> Any:
        return true(self, x[:, -4:], *rest, **options)

    tf.keras.layers.LSTM.call = call


def attention_uniform() -> None:
    tf.nn.softmax = lambda x, *args, **options: tf.ones_like(x) / tf.cast(tf.shape(x)[-1], x.dtype)


PLANTS: dict[str, Callable[[], Any]] = {
    "conv-tap-dead": tap_dead,
    "conv1-gradient-zero": conv_gradient(3, tf.zeros_like),
    "conv2-gradient-transposed": conv_gradient(32, lambda g: tf.transpose(g, (1, 0, 2, 3))),
    "conv2-gradient-sign": conv_gradient(32, lambda g: -g),
    "conv2-gradient-halved": conv_gradient(32, lambda g: g * 0.5),
    "channel-dead": channel_dead,
    "average-for-max-pool": average_pool,
    "linear-in-bfloat16": linear_bfloat16,
    "bit-flip": bit_flip,
    "optimizer-idle": optimizer_idle,
    "layer-frozen": layer_frozen,
    "labels-shifted": labels_shifted,
    "half-batch-zero": half_batch_zero,
    "silent-cpu": silent_cpu,
    "nan-late": nan_late,
    "kernel-column-lost": column_lost,
    "hang": in_golden(lambda: time.sleep(3600)),
    "crash": in_golden(lambda: os.kill(os.getpid(), 11)),
    "refuses": in_golden(refuse),
    "import-broken": import_broken,
    "child-left": leave(lambda: subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])),
    "file-left": leave(tempfile.mkstemp),
    "page-lost": page_lost,
    "no-kernel-image": no_kernel_image,
    "memory-kept": memory_kept,
    "checkpoint-bit": checkpoint_bit,
    "state-forgotten": state_forgotten,
    "export-wrong": export_wrong,
    "keras-file-wrong": keras_file_wrong,
    "lstm-forgets": lstm_forgets,
    "attention-uniform": attention_uniform,
}
