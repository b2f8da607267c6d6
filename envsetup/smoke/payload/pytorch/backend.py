"""PyTorch as `payload/backend.py` describes it. Every operation goes through PyTorch's public names."""

from __future__ import annotations

import gc
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from .net import network
from .placement import tensors_of

if TYPE_CHECKING:
    from collections.abc import Callable


def lstm_cell(x: Any, h: Any, c: Any, wx: Any, wh: Any) -> Any:
    cell = torch.nn.LSTMCell(x.shape[1], h.shape[1], bias=False).to(x.device)
    with torch.no_grad():
        cell.weight_ih.copy_(wx)
        cell.weight_hh.copy_(wh)
    return cell(x, (h, c))


def attention(q: Any, k: Any, v: Any) -> Any:
    fused = getattr(F, "scaled_dot_product_attention", None)  # PyTorch 2.0 brought it
    return fused(q, k, v) if fused else F.softmax(q @ k.transpose(2, 3) / q.shape[-1] ** 0.5, -1) @ v


# Looked up when called: a fault that replaces an operation must be met.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "matmul": lambda a, b: a @ b,
    "bmm": lambda a, b: torch.bmm(a, b),  # noqa: PLW0108
    "linear": lambda x, w, b: F.linear(x, w, b),  # noqa: PLW0108
    "conv": lambda x, w, b: F.conv2d(x, w, b, padding=1),
    "max_pool": lambda x: F.max_pool2d(x, 2),
    "avg_pool": lambda x: F.avg_pool2d(x, 2),
    "relu": lambda x: F.relu(x),  # noqa: PLW0108
    "silu": lambda x: F.silu(x),  # noqa: PLW0108
    "softmax": lambda x: F.softmax(x, -1),
    "cross_entropy": lambda x, y: F.cross_entropy(x, y),  # noqa: PLW0108
    "layer_norm": lambda x, w, b: F.layer_norm(x, w.shape, w, b),
    "sum_of_squares": lambda x: x.square().sum(),
    "lstm_cell": lstm_cell,
    "attention": attention,
    "embedding": lambda index, table: F.embedding(index, table),  # noqa: PLW0108
    "relu_pool": lambda x: F.max_pool2d(F.relu(x), 2),
}


def make_optimizer(parameters: Any, options: dict[str, Any]) -> Any:
    if options["kind"] == "sgd":
        return torch.optim.SGD(parameters, options["rate"], momentum=options["momentum"])
    return torch.optim.Adam(parameters, options["rate"])


def as_array(tensor: Any) -> Any:
    return tensor.detach().to("cpu").numpy()


class TorchBackend:
    """PyTorch on one device."""

    adam_as_keras = False

    def __init__(self, device: Any) -> None:
        self._device = device
        self.platform = torch.device(device.torch_name).type

    def _put(self, array: np.ndarray) -> Any:
        return self._device.put(torch.from_numpy(array))

    def forward(self, name: str, *arrays: np.ndarray) -> Callable[[], list[np.ndarray]]:
        tensors = [self._put(array) for array in arrays]

        def call() -> list[np.ndarray]:
            out = FUNCTIONS[name](*tensors)
            return [as_array(part) for part in (out if isinstance(out, tuple) else (out,))]

        return call

    def backward(self, name: str, *arrays: np.ndarray, grad: np.ndarray | None) -> Callable[[], list[np.ndarray]]:
        tensors = [self._put(array) for array in arrays]
        real = [tensor.requires_grad_() for tensor in tensors if tensor.is_floating_point()]
        arriving = None if grad is None else self._put(grad)

        def call() -> list[np.ndarray]:
            out = FUNCTIONS[name](*tensors)
            return [as_array(part) for part in (out, *torch.autograd.grad(out, real, arriving))]

        return call

    def optimise(self, optimizer: dict[str, Any], gradients: list[np.ndarray]) -> np.ndarray:
        parameter = torch.nn.Parameter(self._put(np.zeros_like(gradients[0])))
        steps = make_optimizer([parameter], optimizer)
        for gradient in gradients:
            parameter.grad = self._put(gradient)
            steps.step()
        return np.array(as_array(parameter))

    def trainer(self, name: str, weights: dict[str, np.ndarray], optimizer: dict[str, Any]) -> TorchTrainer:
        return TorchTrainer(self._device, name, weights, optimizer)

    def copies(self, words: np.ndarray) -> dict[str, np.ndarray]:
        device, pageable, back = self._device.torch_name, torch.from_numpy(words), {}
        for way in ("pageable", "pinned", "pinned, not blocking"):
            source = pageable.pin_memory() if way.startswith("pinned") and self._device.pins else pageable
            there = source.to(device, non_blocking=way.endswith("not blocking"))
            self._device.synchronize()
            back[way] = as_array(there)
        back["on the device"] = as_array(pageable.to(device).clone())
        return back

    def held(self) -> tuple[int, int]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # asking every object its type wakes deprecated lazy attributes
            alive = [thing for thing in gc.get_objects() if type(thing) in (torch.Tensor, torch.nn.Parameter)]
            held = {t.data_ptr(): t.numel() * t.element_size() for t in alive if t.device.type != "meta"}
        return sum(held.values()), len(alive)


class TorchTrainer:
    """A network and its optimizer."""

    def __init__(self, device: Any, name: str, weights: dict[str, np.ndarray], optimizer: dict[str, Any]) -> None:
        self._device = device
        self.model = network(name, weights).to(device.torch_name)
        self._optimizer = make_optimizer(self.model.parameters(), optimizer)

    def _loss(self, x: np.ndarray, labels: np.ndarray) -> tuple[Any, Any]:
        out = self.model(self._device.put(torch.from_numpy(x)))
        return F.cross_entropy(out, self._device.put(torch.from_numpy(labels))), out

    def step(self, x: np.ndarray, labels: np.ndarray) -> float:
        loss, _ = self._loss(x, labels)
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        return float(loss.item())

    def gradients(self, x: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray, dict[str, np.ndarray]]:
        loss, out = self._loss(x, labels)
        loss.backward()
        missing = np.full((), np.nan, np.float32)
        found = {n: missing if p.grad is None else as_array(p.grad) for n, p in self.model.named_parameters()}
        return float(loss.item()), as_array(out), found

    def logits(self, x: np.ndarray) -> np.ndarray:
        self.model.eval()
        with torch.no_grad():
            out = as_array(self.model(self._device.put(torch.from_numpy(x))))
        self.model.train()
        return np.array(out)

    def parameters(self) -> dict[str, np.ndarray]:
        return {name: np.array(as_array(p)) for name, p in self.model.named_parameters()}

    def placed(self) -> dict[str, str]:
        tensors = tensors_of(self.model, self._optimizer)
        return {name: "missing" if tensor is None else tensor.device.type for name, tensor in tensors.items()}

    def save(self, path: str) -> str:
        torch.save({"model": self.model.state_dict(), "optimizer": self._optimizer.state_dict()}, path)
        return path

    def load(self, path: str, *, optimizer: bool) -> None:
        saved = torch.load(path, map_location=self._device.torch_name)
        self.model.load_state_dict(saved["model"])
        if optimizer:
            self._optimizer.load_state_dict(saved["optimizer"])


def open_backend(device: Any) -> TorchBackend:
    """PyTorch on this adapter's device."""
    return TorchBackend(device)
