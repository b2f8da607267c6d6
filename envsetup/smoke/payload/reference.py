"""The reference network in plain numpy, float64, forward and backward: what every framework is compared with.

It shares no code with any framework, so a wrong kernel cannot be wrong on both sides. Layout is PyTorch's:
images [n, channels, height, width], convolution weights [out, in, 3, 3], linear weights [out, in].
"""

from __future__ import annotations

import numpy as np

from . import data

SHAPES = {
    "conv1.weight": (32, 3, 3, 3),
    "conv1.bias": (32,),
    "conv2.weight": (64, 32, 3, 3),
    "conv2.bias": (64,),
    "fc1.weight": (128, 4096),
    "fc1.bias": (128,),
    "fc2.weight": (10, 128),
    "fc2.bias": (10,),
}
WEIGHTS_SEED = 7
BATCH = 64
GOLDEN_STEPS = 10
GOLDEN_RATE = 0.05
GOLDEN_MOMENTUM = 0.9


def weights() -> dict[str, np.ndarray]:
    """Weights made from integers: zero biases, matrices uniform in +-2^-k with 2^k near the square root of fan-in."""
    made = {}
    for number, (name, shape) in enumerate(SHAPES.items()):
        if len(shape) == 1:
            made[name] = np.zeros(shape)
        else:
            scale = 2.0 ** -round(float(np.log2(np.sqrt(np.prod(shape[1:])))))
            made[name] = data.uniform(shape, (WEIGHTS_SEED << 48) + (number << 40)) * scale
    return made


def _columns(x: np.ndarray) -> np.ndarray:
    """The 3x3 neighbourhoods of a zero-padded image as rows [n*h*w, channels*9]."""
    n, channels, height, width = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * height * width, channels * 9)


def conv(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
    """3x3 convolution (cross-correlation), padding 1, stride 1."""
    n, _, height, width = x.shape
    out = _columns(x) @ weight.reshape(len(weight), -1).T
    out = out.reshape(n, height, width, len(weight)).transpose(0, 3, 1, 2)
    return out if bias is None else out + bias[:, None, None]


def conv_backward(x: np.ndarray, weight: np.ndarray, grad: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of the input, the weight and the bias."""
    rows = grad.transpose(0, 2, 3, 1).reshape(-1, len(weight))
    mirrored = weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
    return conv(grad, mirrored), (rows.T @ _columns(x)).reshape(weight.shape), rows.sum(0)


def _tiles(x: np.ndarray) -> np.ndarray:
    """2x2 tiles in row order: [n, c, h/2, w/2, 4]."""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h // 2, w // 2, 4)


def _untile(tiles: np.ndarray) -> np.ndarray:
    n, c, h, w, _ = tiles.shape
    return tiles.reshape(n, c, h, w, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, 2 * h, 2 * w)


def max_pool(x: np.ndarray) -> np.ndarray:
    """The largest of each 2x2 tile."""
    return _tiles(x).max(-1)


def max_pool_backward(x: np.ndarray, grad: np.ndarray) -> np.ndarray:
    """The gradient goes to the first largest of each tile."""
    tiles = _tiles(x)
    return _untile((np.arange(4) == tiles.argmax(-1)[..., None]) * grad[..., None])


def mean_pool(x: np.ndarray) -> np.ndarray:
    """The mean of each 2x2 tile."""
    return _tiles(x).mean(-1)


def mean_pool_backward(x: np.ndarray, grad: np.ndarray) -> np.ndarray:
    """The gradient is shared by the four."""
    del x
    return _untile(np.repeat(grad[..., None] / 4, 4, axis=-1))


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def relu_backward(x: np.ndarray, grad: np.ndarray) -> np.ndarray:
    return grad * (x > 0)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def silu(x: np.ndarray) -> np.ndarray:
    return x * sigmoid(x)


def silu_backward(x: np.ndarray, grad: np.ndarray) -> np.ndarray:
    s = sigmoid(x)
    return grad * (s + x * s * (1 - s))


def log_softmax(x: np.ndarray) -> np.ndarray:
    """Along the last axis."""
    shifted = x - x.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean loss over the batch and its gradient."""
    log_p = log_softmax(logits)
    picked = np.arange(len(labels)), labels
    grad = np.exp(log_p)
    grad[picked] -= 1
    return float(-log_p[picked].mean()), grad / len(labels)


def run(
    parameters: dict[str, np.ndarray], x: np.ndarray, labels: np.ndarray, *, smooth: bool
) -> tuple[float, np.ndarray, dict[str, np.ndarray]]:
    """Loss, logits and the gradient of every parameter.

    `smooth` swaps ReLU and max-pool for SiLU and mean-pool: without kinks a rounding error stays a rounding error,
    so its gradients can be compared tightly.
    """
    act, act_back = (silu, silu_backward) if smooth else (relu, relu_backward)
    pool, pool_back = (mean_pool, mean_pool_backward) if smooth else (max_pool, max_pool_backward)
    p = parameters
    c1 = conv(x, p["conv1.weight"], p["conv1.bias"])
    a1 = act(c1)
    s1 = pool(a1)
    c2 = conv(s1, p["conv2.weight"], p["conv2.bias"])
    a2 = act(c2)
    s2 = pool(a2)
    flat = s2.reshape(len(x), -1)
    h = flat @ p["fc1.weight"].T + p["fc1.bias"]
    a3 = act(h)
    logits = a3 @ p["fc2.weight"].T + p["fc2.bias"]
    loss, d = cross_entropy(logits, labels)
    g = {"fc2.weight": d.T @ a3, "fc2.bias": d.sum(0)}
    d = act_back(h, d @ p["fc2.weight"])
    g["fc1.weight"], g["fc1.bias"] = d.T @ flat, d.sum(0)
    d = act_back(c2, pool_back(a2, (d @ p["fc1.weight"]).reshape(s2.shape)))
    d, g["conv2.weight"], g["conv2.bias"] = conv_backward(s1, p["conv2.weight"], d)
    d = act_back(c1, pool_back(a1, d))
    _, g["conv1.weight"], g["conv1.bias"] = conv_backward(x, p["conv1.weight"], d)
    return loss, logits, g


def golden_losses(steps: int = GOLDEN_STEPS) -> list[float]:
    """The losses, each before its step, of SGD with momentum from `weights()` over the golden images in order."""
    count, split = data.SPLITS["golden"]
    images, labels = data.generate(count, data.SEED, split)
    images = (images.astype(np.float64) - 127.5) / 127.5
    parameters, losses = weights(), []
    velocity: dict[str, np.ndarray] = {}
    for step in range(steps):
        batch = slice(step * BATCH, (step + 1) * BATCH)
        loss, _, gradients = run(parameters, images[batch], labels[batch], smooth=False)
        losses.append(loss)
        for name, gradient in gradients.items():
            velocity[name] = GOLDEN_MOMENTUM * velocity.get(name, 0) + gradient
            parameters[name] = parameters[name] - GOLDEN_RATE * velocity[name]
    return losses
