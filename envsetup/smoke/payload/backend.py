"""What a framework must offer so that the checks, which are written once, can run on it.

Numbers go in and come out as numpy arrays in PyTorch's layouts: images [n, channels, height, width], convolution
weights [out, in, 3, 3], linear weights [out, in]. What the framework likes better is its backend's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

# What `forward` and `backward` can be asked for, with the shapes of their arguments.
FUNCTIONS = (
    "matmul",  # [n, k], [k, m]
    "bmm",  # [b, n, k], [b, k, m]
    "linear",  # x [n, in], weight [out, in], bias [out]
    "conv",  # x [n, in, h, w], weight [out, in, 3, 3], bias [out]; padding 1
    "max_pool",  # x [n, c, h, w], by tiles of 2 x 2
    "avg_pool",
    "relu",
    "silu",
    "softmax",  # along the last axis
    "cross_entropy",  # logits [n, classes], labels [n]: the mean
    "layer_norm",  # x [n, d], weight [d], bias [d]; epsilon 1e-5
    "sum_of_squares",  # x [n]
    "lstm_cell",  # x [n, in], h [n, d], c [n, d], weights [4 d, in] and [4 d, d]: new h and c
    "attention",  # q, k, v [n, heads, tokens, d]
    "embedding",  # index [m], table [n, d]
    "relu_pool",  # x [n, c, h, w]: max_pool of relu
)


class Trainer(Protocol):
    """One network with its optimizer on the device."""

    def step(self, x: np.ndarray, labels: np.ndarray) -> float:
        """Take one training step; the loss before it."""
        ...

    def gradients(self, x: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray, dict[str, np.ndarray]]:
        """Loss, logits and the gradient of every parameter, without a step; a missing gradient is NaN."""
        ...

    def logits(self, x: np.ndarray) -> np.ndarray:
        """The network's answers [n, classes]."""
        ...

    def parameters(self) -> dict[str, np.ndarray]:
        """A copy of every parameter by the name that `networks` gives it."""
        ...

    def placed(self) -> dict[str, str]:
        """Kind of device of every parameter and of every state of the optimizer; `missing` for one that is not."""
        ...

    def save(self, path: str) -> str:
        """Write network and optimizer the framework's own way; the path to `load`."""
        ...

    def load(self, path: str, *, optimizer: bool) -> None:
        """Read what `save` wrote; without the optimizer's state when it is not wanted."""
        ...


class Backend(Protocol):
    """A framework on one device."""

    platform: str  # what `Trainer.placed` says of a tensor on the asked device
    adam_as_keras: bool  # Adam adds epsilon before it corrects the bias, and corrects with float32 betas

    def forward(self, name: str, *arrays: np.ndarray) -> Callable[[], list[np.ndarray]]:
        """A call of the function, with its arguments on the device already: the results."""
        ...

    def backward(self, name: str, *arrays: np.ndarray, grad: np.ndarray | None) -> Callable[[], list[np.ndarray]]:
        """As `forward`; its call gives the result and the gradient of every argument of real numbers.

        `grad` is the gradient that arrives at the result; None for a scalar result.
        """
        ...

    def optimise(self, optimizer: dict[str, Any], gradients: list[np.ndarray]) -> np.ndarray:
        """A parameter that starts at zero, after a step for each gradient."""
        ...

    def trainer(self, network: str, weights: dict[str, np.ndarray], optimizer: dict[str, Any]) -> Trainer:
        """One of `networks.SHAPES` with these weights.

        The optimizer is {"kind": "sgd", "rate", "momentum"} or {"kind": "adam", "rate"}.
        """
        ...

    def copies(self, words: np.ndarray) -> dict[str, np.ndarray]:
        """The words, brought to the device and back by each way there is."""
        ...

    def held(self) -> tuple[int, int]:
        """Bytes and number of the tensors that are alive."""
        ...
