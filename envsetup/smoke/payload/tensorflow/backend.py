"""TensorFlow with Keras as `payload/backend.py` describes it."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from .net import LAYOUTS, network

if TYPE_CHECKING:
    from collections.abc import Callable


def _last(x: Any) -> Any:
    """[n, c, h, w] to TensorFlow's [n, h, w, c]."""
    return tf.transpose(x, (0, 2, 3, 1))


def _first(x: Any) -> Any:
    return tf.transpose(x, (0, 3, 1, 2))


def lstm_cell(x: Any, h: Any, c: Any, wx: Any, wh: Any) -> Any:
    cell = tf.keras.layers.LSTMCell(h.shape[1], use_bias=False)
    cell.build(x.shape)
    cell.set_weights([tf.transpose(wx), tf.transpose(wh)])
    return tuple(cell(x, [h, c])[1])


def layer_norm(x: Any, w: Any, b: Any) -> Any:
    layer = tf.keras.layers.LayerNormalization(epsilon=1e-5)
    layer.build(x.shape)
    layer.set_weights([w, b])
    return layer(x)


def attention(q: Any, k: Any, v: Any) -> Any:
    scores = tf.matmul(q, k, transpose_b=True) / tf.sqrt(tf.cast(q.shape[-1], q.dtype))
    return tf.matmul(tf.nn.softmax(scores), v)


# Looked up when called: a fault that replaces an operation must be met.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "matmul": lambda a, b: tf.matmul(a, b),  # noqa: PLW0108
    "bmm": lambda a, b: tf.matmul(a, b),  # noqa: PLW0108
    "linear": lambda x, w, b: tf.matmul(x, w, transpose_b=True) + b,
    "conv": lambda x, w, b: _first(tf.nn.conv2d(_last(x), tf.transpose(w, (2, 3, 1, 0)), 1, "SAME") + b),
    "max_pool": lambda x: _first(tf.nn.max_pool2d(_last(x), 2, 2, "VALID")),
    "avg_pool": lambda x: _first(tf.nn.avg_pool2d(_last(x), 2, 2, "VALID")),
    "relu": lambda x: tf.nn.relu(x),  # noqa: PLW0108
    "silu": lambda x: tf.nn.silu(x),  # noqa: PLW0108
    "softmax": lambda x: tf.nn.softmax(x),  # noqa: PLW0108
    "cross_entropy": lambda x, y: tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, x)),
    "layer_norm": layer_norm,
    "sum_of_squares": lambda x: tf.reduce_sum(tf.square(x)),
    "lstm_cell": lstm_cell,
    "attention": attention,
    "embedding": lambda index, table: tf.nn.embedding_lookup(table, index),
    "relu_pool": lambda x: _first(tf.nn.max_pool2d(tf.nn.relu(_last(x)), 2, 2, "VALID")),
}


def make_optimizer(options: dict[str, Any]) -> Any:
    if options["kind"] == "sgd":
        return tf.keras.optimizers.SGD(options["rate"], momentum=options["momentum"])
    return tf.keras.optimizers.Adam(options["rate"], epsilon=1e-8)


def kind_of(tensor: Any) -> str:
    """CPU, GPU or XPU: the kind in a tensor's or variable's device string."""
    device = getattr(tensor, "device", None) or getattr(getattr(tensor, "value", None), "device", "")
    return str(device).rsplit(":", 2)[-2] if ":" in str(device) else "missing"


class TensorFlowBackend:
    """TensorFlow on one device."""

    adam_as_keras = True

    def __init__(self, device: Any) -> None:
        self._device = device
        self.platform = device.type

    def _put(self, array: np.ndarray) -> Any:
        with tf.device(self._device.place):
            return tf.identity(array)

    def forward(self, name: str, *arrays: np.ndarray) -> Callable[[], list[np.ndarray]]:
        tensors = [self._put(array) for array in arrays]

        def call() -> list[np.ndarray]:
            with tf.device(self._device.place):
                out = FUNCTIONS[name](*tensors)
            return [part.numpy() for part in (out if isinstance(out, tuple) else (out,))]

        return call

    def backward(self, name: str, *arrays: np.ndarray, grad: np.ndarray | None) -> Callable[[], list[np.ndarray]]:
        tensors = [self._put(array) for array in arrays]
        real = [tensor for tensor in tensors if tensor.dtype.is_floating]
        arriving = None if grad is None else self._put(grad)

        def call() -> list[np.ndarray]:
            with tf.device(self._device.place), tf.GradientTape() as tape:
                tape.watch(real)
                out = FUNCTIONS[name](*tensors)
            with tf.device(self._device.place):
                gradients = [tf.convert_to_tensor(g) for g in tape.gradient(out, real, arriving)]
            return [part.numpy() for part in (out, *gradients)]

        return call

    def optimise(self, optimizer: dict[str, Any], gradients: list[np.ndarray]) -> np.ndarray:
        with tf.device(self._device.place):
            parameter = tf.Variable(np.zeros_like(gradients[0]))
            steps = make_optimizer(optimizer)
            for gradient in gradients:
                steps.apply_gradients([(self._put(gradient), parameter)])
        return np.array(parameter.numpy())

    def trainer(self, name: str, weights: dict[str, np.ndarray], optimizer: dict[str, Any]) -> KerasTrainer:
        return KerasTrainer(self._device, name, weights, optimizer)

    def copies(self, words: np.ndarray) -> dict[str, np.ndarray]:
        there = self._put(words)
        with tf.device(self._device.place):
            return {"pageable": there.numpy(), "on the device": tf.identity(there).numpy()}

    def held(self) -> tuple[int, int]:
        alive = [thing for thing in gc.get_objects() if isinstance(thing, (tf.Tensor, tf.Variable))]
        eager = [thing for thing in alive if hasattr(thing, "numpy")]
        return sum(int(np.prod(t.shape)) * t.dtype.size for t in eager if None not in t.shape), len(eager)


class KerasTrainer:
    """A Keras model and a Keras optimizer; the step is a tf.function, as in Keras's own `fit`."""

    def __init__(self, device: Any, name: str, weights: dict[str, np.ndarray], optimizer: dict[str, Any]) -> None:
        self._device = device
        with tf.device(device.place):
            self.model, self._table = network(name)
            for parameter, (variable, layout) in self._table.items():
                variable.assign(LAYOUTS[layout][0](np.asarray(weights[parameter], np.float32)))
            self.optimizer = make_optimizer(optimizer)
            self.optimizer.build(self.model.trainable_variables)
        self._loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        # Without autograph, which has nothing to do here and leaves generated files behind.
        self._step = tf.function(self.eager_step, autograph=False)
        self._answer = tf.function(lambda x: self.model(x, training=False), autograph=False)

    def eager_step(self, x: Any, labels: Any) -> Any:
        """One training step, operation by operation."""
        loss, _, gradients = self.eager_gradients(x, labels)
        self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables))
        return loss

    def eager_gradients(self, x: Any, labels: Any) -> tuple[Any, Any, list[Any]]:
        """Loss, logits and gradients as tensors."""
        with tf.GradientTape() as tape:
            logits = self.model(x, training=True)
            loss = self._loss(labels, logits)
        return loss, logits, tape.gradient(loss, self.model.trainable_variables)

    def put(self, array: np.ndarray) -> Any:
        """Images channels last, everything else as it is, on the device."""
        with tf.device(self._device.place):
            return tf.identity(array.transpose(0, 2, 3, 1) if array.ndim == 4 else array)

    def step(self, x: np.ndarray, labels: np.ndarray) -> float:
        with tf.device(self._device.place):
            return float(self._step(self.put(x), self.put(labels)))

    def gradients(self, x: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray, dict[str, np.ndarray]]:
        with tf.device(self._device.place):
            loss, logits, found = self.eager_gradients(self.put(x), self.put(labels))
        by_variable = {id(v): g for v, g in zip(self.model.trainable_variables, found)}
        gradients = {}
        for name, (variable, layout) in self._table.items():
            gradient = by_variable.get(id(variable))
            known = np.full((), np.nan) if gradient is None else tf.convert_to_tensor(gradient).numpy()
            gradients[name] = known if gradient is None else LAYOUTS[layout][1](known)
        return float(loss), logits.numpy(), gradients

    def logits(self, x: np.ndarray) -> np.ndarray:
        with tf.device(self._device.place):
            return np.array(self._answer(self.put(x)).numpy())

    def parameters(self) -> dict[str, np.ndarray]:
        return {name: np.array(LAYOUTS[layout][1](v.numpy())) for name, (v, layout) in self._table.items()}

    def states(self) -> dict[str, Any]:
        """The optimizer's variables that belong to parameters; counters may stay home."""
        found = self.optimizer.variables
        variables = found() if callable(found) else found
        return {f"state {i}": v for i, v in enumerate(variables) if len(v.shape)}

    def placed(self) -> dict[str, str]:
        named = {name: variable for name, (variable, _) in self._table.items()}
        return {name: kind_of(variable) for name, variable in {**named, **self.states()}.items()}

    def _checkpoint(self, *, optimizer: bool) -> Any:
        return tf.train.Checkpoint(model=self.model, **({"optimizer": self.optimizer} if optimizer else {}))

    def save(self, path: str) -> str:
        return str(self._checkpoint(optimizer=True).write(path))

    def load(self, path: str, *, optimizer: bool) -> None:
        with tf.device(self._device.place):
            self._checkpoint(optimizer=optimizer).read(path).expect_partial().assert_existing_objects_matched()


def open_backend(device: Any) -> TensorFlowBackend:
    """TensorFlow on this adapter's device."""
    return TensorFlowBackend(device)
