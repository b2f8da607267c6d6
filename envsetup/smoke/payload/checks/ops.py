"""Check `op-parity`: single operations, forward and backward, against float64 in numpy.

One number per operation and direction: the relative L2 deviation. Sizes are odd where tiles could be missed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import data, reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..context import Context

    Pairs = Iterator[tuple[str, np.ndarray, np.ndarray]]


def deviation(got: np.ndarray, want: np.ndarray) -> float:
    """Relative L2 deviation from numpy float64; NaN stays NaN."""
    return float(np.linalg.norm(np.asarray(got, np.float64) - want) / np.linalg.norm(want))


def worst(errors: dict[str, float]) -> str:
    """The name of the largest; NaN is larger than anything."""
    return max(errors, key=lambda name: np.inf if np.isnan(errors[name]) else errors[name])


class Bench:
    """Makes numbers that are exact in float32 and float64, and hands them to the framework."""

    def __init__(self, context: Context) -> None:
        self._backend = context.backend
        self._key = (context.seed + 1) << 44
        self._made = 0
        self.large = 512 if context.device.kind == "cpu" else 4096
        self.optimise = self._backend.optimise
        self.adam_as_keras = self._backend.adam_as_keras

    def numbers(self, *shapes: tuple[int, ...], scale: float = 1.0) -> list[np.ndarray]:
        made = []
        for shape in shapes:
            self._made += 1
            made.append((data.uniform(shape, self._key + (self._made << 36)) * scale).astype(np.float32))
        return [array.astype(np.float64) for array in made]

    def forward(self, name: str, *arrays: np.ndarray) -> list[np.ndarray]:
        return self._backend.forward(name, *map(_single, arrays))()

    def backward(self, name: str, *arrays: np.ndarray, grad: np.ndarray | None = None) -> list[np.ndarray]:
        grad = None if grad is None else _single(grad)
        return self._backend.backward(name, *map(_single, arrays), grad=grad)()


def _single(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype == np.float64 else array


def run(context: Context) -> dict[str, Any]:
    bench, errors = Bench(context), {}
    for case in CASES:
        context.journal.doing(f"running {case.__name__} on {context.device.place}")
        for name, got, want in case(bench):
            errors[name] = deviation(got, want)
    return {"metrics": errors, "evidence": {"worst": worst(errors)}}


def matmul(bench: Bench) -> Pairs:
    a, b = bench.numbers((257, 513), (513, 129))
    yield "matmul", bench.forward("matmul", a, b)[0], a @ b


def matmul_large(bench: Bench) -> Pairs:
    """Freivalds' test: the product is right when it maps a random vector as its factors do, at n^2 instead of n^3."""
    n = bench.large
    a, b, v = bench.numbers((n, n), (n, n), (n,))
    product = bench.forward("matmul", a, b)[0].astype(np.float64)
    yield "matmul.large", product @ v, a @ (b @ v)


def batched_matmul(bench: Bench) -> Pairs:
    a, b = bench.numbers((7, 33, 65), (7, 65, 17))
    yield "bmm", bench.forward("bmm", a, b)[0], a @ b


def linear(bench: Bench) -> Pairs:
    x, w, b, g = bench.numbers((33, 4096), (128, 4096), (128,), (33, 128))
    got = bench.backward("linear", x, w, b, grad=g)
    want = (x @ w.T + b, g @ w, g.T @ x, g.sum(0))
    yield from zip(("linear", "linear.dx", "linear.dw", "linear.db"), got, want)


def convolution(bench: Bench) -> Pairs:
    for name, (n, c, o, size) in {"conv3": (5, 3, 32, 32), "conv32": (7, 32, 64, 16)}.items():
        x, w, b, g = bench.numbers((n, c, size, size), (o, c, 3, 3), (o,), (n, o, size, size))
        got = bench.backward("conv", x, w, b, grad=g)
        want = (reference.conv(x, w, b), *reference.conv_backward(x, w, g))
        yield from zip((name, f"{name}.dx", f"{name}.dw", f"{name}.db"), got, want)


def pooling(bench: Bench) -> Pairs:
    for name, pool, back in (
        ("max_pool", reference.max_pool, reference.max_pool_backward),
        ("avg_pool", reference.mean_pool, reference.mean_pool_backward),
    ):
        x, g = bench.numbers((3, 32, 32, 32), (3, 32, 16, 16))
        yield from zip((name, f"{name}.dx"), bench.backward(name, x, grad=g), (pool(x), back(x, g)))


def activations(bench: Bench) -> Pairs:
    for name, function, back in (
        ("relu", reference.relu, reference.relu_backward),
        ("silu", reference.silu, reference.silu_backward),
    ):
        (x,), (g,) = bench.numbers((65, 1025), scale=4), bench.numbers((65, 1025))
        yield from zip((name, f"{name}.dx"), bench.backward(name, x, grad=g), (function(x), back(x, g)))


def softmax_and_loss(bench: Bench) -> Pairs:
    (x,) = bench.numbers((129, 1000), scale=8)
    yield "softmax", bench.forward("softmax", x)[0], np.exp(reference.log_softmax(x))
    (logits,), labels = bench.numbers((257, 10), scale=4), (np.arange(257) * 7) % 10
    loss, grad = reference.cross_entropy(logits, labels)
    got = bench.backward("cross_entropy", logits, labels)
    yield from zip(("cross_entropy", "cross_entropy.dx"), got, (np.array(loss), grad))


def normalisation(bench: Bench) -> Pairs:
    x, w, b = bench.numbers((65, 257), (257,), (257,))
    centred = x - x.mean(-1, keepdims=True)
    want = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * w + b
    yield "layer_norm", bench.forward("layer_norm", x, w, b)[0], want


def reduction(bench: Bench) -> Pairs:
    (x,) = bench.numbers((1_000_003,))
    yield "sum_of_squares", bench.forward("sum_of_squares", x)[0], np.array((x**2).sum())


def lstm_cell(bench: Bench) -> Pairs:
    x, h, c = bench.numbers((17, 48), (17, 64), (17, 64))
    wx, wh = bench.numbers((256, 48), (256, 64), scale=0.2)
    i, f, g, o = np.split(x @ wx.T + h @ wh.T, 4, axis=1)
    state = reference.sigmoid(f) * c + reference.sigmoid(i) * np.tanh(g)
    want = reference.sigmoid(o) * np.tanh(state), state
    yield from zip(("lstm_cell", "lstm_cell.state"), bench.forward("lstm_cell", x, h, c, wx, wh), want)


def attention(bench: Bench) -> Pairs:
    q, k, v = bench.numbers(*[(2, 4, 65, 32)] * 3)
    want = np.exp(reference.log_softmax(q @ k.transpose(0, 1, 3, 2) / np.sqrt(32))) @ v
    yield "attention", bench.forward("attention", q, k, v)[0], want


def embedding(bench: Bench) -> Pairs:
    table, g = bench.numbers((100, 48), (300, 48))
    index = (np.arange(300) * 37) % 100
    want = np.zeros_like(table)
    np.add.at(want, index, g)
    got = bench.backward("embedding", index, table, grad=g)
    yield from zip(("embedding", "embedding.dw"), got, (table[index], want))


def optimizers(bench: Bench) -> Pairs:
    """Three steps of SGD with momentum and of Adam, from zero: a parameter's rounding must not hide the step's."""
    gradients = bench.numbers(*[(7, 129)] * 3)
    sgd, adam, velocity, mean, square = (np.zeros((7, 129)) for _ in range(5))
    beta1, beta2 = 0.9, 0.999
    first, second = (float(np.float32(b)) if bench.adam_as_keras else b for b in (beta1, beta2))
    for step, g in enumerate(gradients, 1):
        velocity = 0.9 * velocity + g
        sgd = sgd - 0.05 * velocity
        mean, square = beta1 * mean + (1 - beta1) * g, beta2 * square + (1 - beta2) * g**2
        corrected = np.sqrt(1 - second**step)
        epsilon = 1e-8 / corrected if bench.adam_as_keras else 1e-8
        adam = adam - 0.002 * (mean / (1 - first**step)) / (np.sqrt(square) / corrected + epsilon)
    got = bench.optimise({"kind": "sgd", "rate": 0.05, "momentum": 0.9}, [_single(g) for g in gradients])
    yield "sgd", got, sgd
    got = bench.optimise({"kind": "adam", "rate": 0.002}, [_single(g) for g in gradients])
    yield "adam", got, adam


CASES: tuple[Callable[[Bench], Pairs], ...] = (
    matmul,
    matmul_large,
    batched_matmul,
    linear,
    convolution,
    pooling,
    activations,
    softmax_and_loss,
    normalisation,
    reduction,
    lstm_cell,
    attention,
    embedding,
    optimizers,
)
