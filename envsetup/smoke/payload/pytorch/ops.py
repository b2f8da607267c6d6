"""Check `op-parity`: single operations, forward and backward, against float64 in numpy.

One number per operation and direction: the relative L2 deviation. Sizes are odd where tiles could be missed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from .. import data, reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..context import Context

    Pairs = Iterator[tuple[str, Any, np.ndarray]]


def deviation(got: Any, want: np.ndarray) -> float:
    """Relative L2 deviation of a tensor, on any device, from numpy float64; NaN stays NaN, a missing tensor is one."""
    if got is None:
        return float("nan")
    difference = got.detach().to("cpu").double().numpy() - want
    return float(np.linalg.norm(difference) / np.linalg.norm(want))


class Bench:
    """Makes the same numbers twice: float64 for numpy, float32 on the device (they are exact in both)."""

    def __init__(self, context: Context) -> None:
        self._put = context.device.put
        self._key = (context.seed + 1) << 44
        self._made = 0
        self.large = 512 if context.device.kind == "cpu" else 4096

    def numbers(self, *shape: int, scale: float = 1.0) -> tuple[np.ndarray, Any]:
        self._made += 1
        array = data.uniform(shape, self._key + (self._made << 36)) * scale
        return array, self._put(torch.from_numpy(array).float()).requires_grad_()

    def put(self, array: np.ndarray) -> Any:
        return self._put(torch.from_numpy(array).float())


def run(context: Context) -> dict[str, Any]:
    bench, errors = Bench(context), {}
    for case in CASES:
        context.journal.doing(f"running {case.__name__} on {context.device.torch_name}")
        for name, got, want in case(bench):
            errors[name] = deviation(got, want)
    worst = max(errors, key=lambda name: np.inf if np.isnan(errors[name]) else errors[name])
    return {"metrics": errors, "evidence": {"worst": worst}}


def matmul(bench: Bench) -> Pairs:
    (a, at), (b, bt) = bench.numbers(257, 513), bench.numbers(513, 129)
    yield "matmul", at @ bt, a @ b


def matmul_large(bench: Bench) -> Pairs:
    """Freivalds' test: the product is right when it maps a random vector as its factors do, at n^2 instead of n^3."""
    n = bench.large
    (a, at), (b, bt), (v, _) = bench.numbers(n, n), bench.numbers(n, n), bench.numbers(n)
    product = (at @ bt).detach().to("cpu").double().numpy()
    yield "matmul.large", torch.from_numpy(product @ v), a @ (b @ v)


def batched_matmul(bench: Bench) -> Pairs:
    (a, at), (b, bt) = bench.numbers(7, 33, 65), bench.numbers(7, 65, 17)
    yield "bmm", torch.bmm(at, bt), a @ b


def linear(bench: Bench) -> Pairs:
    (x, xt), (w, wt), (b, bt), (g, gt) = (bench.numbers(*s) for s in ((33, 4096), (128, 4096), (128,), (33, 128)))
    out = F.linear(xt, wt, bt)
    out.backward(gt.detach())
    yield "linear", out, x @ w.T + b
    yield "linear.dx", xt.grad, g @ w
    yield "linear.dw", wt.grad, g.T @ x
    yield "linear.db", bt.grad, g.sum(0)


def convolution(bench: Bench) -> Pairs:
    for name, (n, c, o, size) in {"conv3": (5, 3, 32, 32), "conv32": (7, 32, 64, 16)}.items():
        (x, xt), (w, wt), (b, bt) = bench.numbers(n, c, size, size), bench.numbers(o, c, 3, 3), bench.numbers(o)
        g, gt = bench.numbers(n, o, size, size)
        out = F.conv2d(xt, wt, bt, padding=1)
        out.backward(gt.detach())
        dx, dw, db = reference.conv_backward(x, w, g)
        yield name, out, reference.conv(x, w, b)
        yield f"{name}.dx", xt.grad, dx
        yield f"{name}.dw", wt.grad, dw
        yield f"{name}.db", bt.grad, db


def pooling(bench: Bench) -> Pairs:
    for name, torch_pool, pool, back in (
        ("max_pool", F.max_pool2d, reference.max_pool, reference.max_pool_backward),
        ("avg_pool", F.avg_pool2d, reference.mean_pool, reference.mean_pool_backward),
    ):
        (x, xt), (g, gt) = bench.numbers(3, 32, 32, 32), bench.numbers(3, 32, 16, 16)
        out = torch_pool(xt, 2)
        out.backward(gt.detach())
        yield name, out, pool(x)
        yield f"{name}.dx", xt.grad, back(x, g)


def activations(bench: Bench) -> Pairs:
    for name, function, forward, back in (
        ("relu", F.relu, reference.relu, reference.relu_backward),
        ("silu", F.silu, reference.silu, reference.silu_backward),
    ):
        (x, xt), (g, gt) = bench.numbers(65, 1025, scale=4), bench.numbers(65, 1025)
        out = function(xt)
        out.backward(gt.detach())
        yield name, out, forward(x)
        yield f"{name}.dx", xt.grad, back(x, g)


def softmax_and_loss(bench: Bench) -> Pairs:
    x, xt = bench.numbers(129, 1000, scale=8)
    yield "softmax", F.softmax(xt, -1), np.exp(reference.log_softmax(x))
    logits, lt = bench.numbers(257, 10, scale=4)
    labels = (np.arange(257) * 7) % 10
    loss, grad = reference.cross_entropy(logits, labels)
    out = F.cross_entropy(lt, bench.put(labels).long())
    out.backward()
    yield "cross_entropy", out, np.array(loss)
    yield "cross_entropy.dx", lt.grad, grad


def normalisation(bench: Bench) -> Pairs:
    (x, xt), (w, wt), (b, bt) = bench.numbers(65, 257), bench.numbers(257), bench.numbers(257)
    centred = x - x.mean(-1, keepdims=True)
    want = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * w + b
    yield "layer_norm", F.layer_norm(xt, (257,), wt, bt), want


def reduction(bench: Bench) -> Pairs:
    x, xt = bench.numbers(1_000_003)
    yield "sum_of_squares", xt.square().sum(), np.array((x**2).sum())


def lstm_cell(bench: Bench) -> Pairs:
    (x, xt), (h, ht), (c, ct) = bench.numbers(17, 48), bench.numbers(17, 64), bench.numbers(17, 64)
    (wx, wxt), (wh, wht) = bench.numbers(256, 48, scale=0.2), bench.numbers(256, 64, scale=0.2)
    cell = torch.nn.LSTMCell(48, 64, bias=False).to(xt.device)
    with torch.no_grad():
        cell.weight_ih.copy_(wxt)
        cell.weight_hh.copy_(wht)
    i, f, g, o = np.split(x @ wx.T + h @ wh.T, 4, axis=1)
    state = reference.sigmoid(f) * c + reference.sigmoid(i) * np.tanh(g)
    got_h, got_c = cell(xt, (ht, ct))
    yield "lstm_cell", got_h, reference.sigmoid(o) * np.tanh(state)
    yield "lstm_cell.state", got_c, state


def attention(bench: Bench) -> Pairs:
    (q, qt), (k, kt), (v, vt) = (bench.numbers(2, 4, 65, 32) for _ in range(3))
    want = np.exp(reference.log_softmax(q @ k.transpose(0, 1, 3, 2) / np.sqrt(32))) @ v
    fused = getattr(F, "scaled_dot_product_attention", None)  # PyTorch 2.0 brought it
    got = fused(qt, kt, vt) if fused else F.softmax(qt @ kt.transpose(2, 3) / 32**0.5, -1) @ vt
    yield "attention", got, want


def embedding(bench: Bench) -> Pairs:
    (table, tt), (g, gt) = bench.numbers(100, 48), bench.numbers(300, 48)
    index = (np.arange(300) * 37) % 100
    out = F.embedding(bench.put(index).long(), tt)
    out.backward(gt.detach())
    want = np.zeros_like(table)
    np.add.at(want, index, g)
    yield "embedding", out, table[index]
    yield "embedding.dw", tt.grad, want


def optimizers(bench: Bench) -> Pairs:
    """Three steps of SGD with momentum and of Adam: how far each parameter has moved."""
    x, _ = bench.numbers(7, 129)
    gradients = [bench.numbers(7, 129)[0] for _ in range(3)]
    sgd, adam, velocity, mean, square = (np.zeros_like(x) for _ in range(5))
    for step, g in enumerate(gradients, 1):
        velocity = 0.9 * velocity + g
        sgd = sgd - 0.05 * velocity
        mean, square = 0.9 * mean + 0.1 * g, 0.999 * square + 0.001 * g**2
        adam = adam - 0.002 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    for name, want, kind, options in (
        ("sgd", sgd, torch.optim.SGD, {"lr": 0.05, "momentum": 0.9}),
        ("adam", adam, torch.optim.Adam, {"lr": 0.002}),
    ):
        # From zero, so that the rounding of the parameter itself does not hide the rounding of the step.
        parameter = torch.nn.Parameter(bench.put(np.zeros_like(x)))
        optimizer = kind([parameter], **options)
        for g in gradients:
            parameter.grad = bench.put(g)
            optimizer.step()
        yield name, parameter, want


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
