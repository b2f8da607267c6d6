"""JAX as `payload/backend.py` describes it: every call and every training step is compiled by XLA."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from . import optimizers
from .functions import FUNCTIONS, NETWORKS, cross_entropy

if TYPE_CHECKING:
    from collections.abc import Callable


def kind_of(array: Any) -> str:
    """Platform of the device that holds an array."""
    devices = array.devices() if hasattr(array, "devices") else set()
    return "+".join(sorted({device.platform for device in devices})) or "missing"


class JaxBackend:
    """JAX on one device."""

    adam_as_keras = False

    def __init__(self, device: Any) -> None:
        self._device = device
        known = device.platforms  # a device of another platform under this name is an imitation
        self.platform = device.device.platform if device.device.platform in known else known[0]

    def _put(self, array: np.ndarray) -> Any:
        return jax.device_put(array.astype(np.int32) if array.dtype == np.int64 else array, self._device.device)

    def forward(self, name: str, *arrays: np.ndarray) -> Callable[[], list[np.ndarray]]:
        tensors, function = [self._put(array) for array in arrays], jax.jit(FUNCTIONS[name])

        def call() -> list[np.ndarray]:
            out = function(*tensors)
            return [np.asarray(part) for part in (out if isinstance(out, tuple) else (out,))]

        return call

    def backward(self, name: str, *arrays: np.ndarray, grad: np.ndarray | None) -> Callable[[], list[np.ndarray]]:
        real = [i for i, array in enumerate(arrays) if array.dtype.kind == "f"]
        tensors = [self._put(array) for array in arrays]

        def pull(arriving: Any, *inputs: Any) -> Any:
            def of_real(*some: Any) -> Any:
                whole = list(inputs)
                for place, value in zip(real, some):
                    whole[place] = value
                return FUNCTIONS[name](*whole)

            out, back = jax.vjp(of_real, *(inputs[i] for i in real))
            return (out, *back(arriving))

        compiled = jax.jit(pull)
        arriving = self._put(np.ones((), np.float32) if grad is None else grad)
        return lambda: [np.asarray(part) for part in compiled(arriving, *tensors)]

    def optimise(self, optimizer: dict[str, Any], gradients: list[np.ndarray]) -> np.ndarray:
        parameter = self._put(np.zeros_like(gradients[0]))
        state, step = optimizers.start(optimizer, parameter), jax.jit(optimizers.update(optimizer))
        for gradient in gradients:
            parameter, state = step(parameter, self._put(gradient), state)
        return np.asarray(parameter)

    def trainer(self, name: str, weights: dict[str, np.ndarray], optimizer: dict[str, Any]) -> JaxTrainer:
        return JaxTrainer(self._put, name, weights, optimizer)

    def copies(self, words: np.ndarray) -> dict[str, np.ndarray]:
        there = self._put(words)
        return {"pageable": np.asarray(there), "on the device": np.asarray(there.copy())}

    def held(self) -> tuple[int, int]:
        alive = jax.live_arrays()
        return sum(array.nbytes for array in alive), len(alive)


class JaxTrainer:
    """Parameters, the optimizer's state, and a compiled step."""

    def __init__(self, put: Any, name: str, weights: dict[str, np.ndarray], optimizer: dict[str, Any]) -> None:
        self.put = put
        self.values = {key: put(np.asarray(value, np.float32)) for key, value in weights.items()}
        self.state = jax.tree_util.tree_map(lambda a: put(np.asarray(a)), optimizers.start(optimizer, self.values))
        self.network = NETWORKS[name]
        advance = optimizers.update(optimizer)

        def loss(parameters: Any, x: Any, labels: Any) -> Any:
            logits = self.network(parameters, x)
            return cross_entropy(logits, labels), logits

        def step(parameters: Any, state: Any, x: Any, labels: Any) -> Any:
            (value, _), gradients = jax.value_and_grad(loss, has_aux=True)(parameters, x, labels)
            return (*advance(parameters, gradients, state), value)

        self.raw_step = step  # before compilation, to be looked into
        self.compiled_step = jax.jit(step)
        self._pull = jax.jit(jax.value_and_grad(loss, has_aux=True))
        self._answer = jax.jit(self.network)

    def step(self, x: np.ndarray, labels: np.ndarray) -> float:
        self.values, self.state, loss = self.compiled_step(self.values, self.state, self.put(x), self.put(labels))
        return float(loss)

    def compiled_gradients(self, x: Any, labels: Any) -> Any:
        """Loss and logits, and the gradients, as they lie on the device."""
        return self._pull(self.values, x, labels)

    def gradients(self, x: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray, dict[str, np.ndarray]]:
        (loss, logits), found = self.compiled_gradients(self.put(x), self.put(labels))
        return float(loss), np.asarray(logits), {name: np.asarray(gradient) for name, gradient in found.items()}

    def logits(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self._answer(self.values, self.put(x)))

    def parameters(self) -> dict[str, np.ndarray]:
        return {name: np.array(value) for name, value in self.values.items()}

    def placed(self) -> dict[str, str]:
        found = {name: kind_of(value) for name, value in self.values.items()}
        for kind, values in self.state.items():
            if isinstance(values, dict):
                found.update({f"{name}.{kind}": kind_of(value) for name, value in values.items()})
        return found

    def save(self, path: str) -> str:
        leaves = jax.tree_util.tree_leaves(self.state)
        state = {f"state/{number}": np.asarray(leaf) for number, leaf in enumerate(leaves)}
        np.savez(path + ".npz", **self.parameters(), **state)
        return path + ".npz"

    def load(self, path: str, *, optimizer: bool) -> None:
        with np.load(path) as saved:
            self.values = {name: self.put(saved[name]) for name in self.values}
            if optimizer:
                leaves, shape = jax.tree_util.tree_flatten(self.state)
                read = [self.put(saved[f"state/{number}"]) for number in range(len(leaves))]
                self.state = jax.tree_util.tree_unflatten(shape, read)


def open_backend(device: Any) -> JaxBackend:
    """JAX on this adapter's device."""
    return JaxBackend(device)
