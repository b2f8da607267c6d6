"""A second set of faults, written after the checks and their limits were frozen: do they meet the unexpected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812

if TYPE_CHECKING:
    from collections.abc import Callable

calls = {"n": 0}


def wrap(owner: Any, name: str, make: Callable[[Any], Any]) -> Callable[[], None]:
    """Replace `owner.name` by what `make` makes of it."""
    return lambda: setattr(owner, name, make(getattr(owner, name)))


def relu_leaks() -> None:
    F.relu = lambda x: F.leaky_relu(x, 0.01)


def edge_lost(true: Any) -> Any:
    def conv(x: Any, w: Any, *rest: Any, **options: Any) -> Any:
        out = true(x, w, *rest, **options)
        keep = torch.ones(out.shape[-1])
        keep[-1] = 0
        return out * keep if out.dtype == torch.float32 else out

    return conv


class BiasHalved(torch.autograd.Function):  # type: ignore[misc]
    """The identity with half the gradient."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        del ctx
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        del ctx
        return grad * 0.5


def bias_gradient_halved(true: Any) -> Any:
    return lambda x, w, b=None, *rest, **options: true(
        x, w, BiasHalved.apply(b) if b is not None else b, *rest, **options
    )


def ten_bits(x: Any) -> Any:
    """Rounded to the ten bits of mantissa that TF32 has."""
    if x.dtype != torch.float32:
        return x
    return x + ((x.detach().view(torch.int32) & ~0x1FFF).view(torch.float32) - x.detach())


def block_wrong(true: Any) -> Any:
    def matmul(a: Any, b: Any) -> Any:
        out = true(a, b)
        if a.dim() == 2 and a.shape[0] >= 512 and out.dtype == torch.float32:
            out = out.clone()
            out[256:272, 256:272] *= 1.001
        return out

    return matmul


def rare_sign(true: Any) -> Any:
    def linear(x: Any, w: Any, b: Any = None) -> Any:
        out = true(x, w, b)
        calls["n"] += 1
        if calls["n"] % 40 == 0:
            out = out.clone()
            out[-1, -1] *= -1
        return out

    return linear


def stuck_weight(true: Any) -> Any:
    def to(self: Any, *args: Any, **options: Any) -> Any:
        out = true(self, *args, **options)
        with torch.no_grad():
            next(out.parameters()).view(-1)[0] = 0
        return out

    return to


def decays(true: Any) -> Any:
    def step(self: Any, closure: Any = None) -> Any:
        with torch.no_grad():
            for group in self.param_groups:
                for parameter in group["params"]:
                    parameter.mul_(1 - 1e-3)
        return true(self, closure)

    return step


def faster(true: Any) -> Any:
    def init(self: Any, params: Any, lr: float = 1e-3, **options: Any) -> None:
        true(self, params, lr=lr * 1.01, **options)

    return init


def without(option: str, value: Any) -> Callable[[Any], Any]:
    def make(true: Any) -> Any:
        def init(self: Any, *args: Any, **options: Any) -> None:
            true(self, *args, **{**options, option: value})

        return init

    return make


def nine_is_eight(true: Any) -> Any:
    def to(self: Any, *args: Any, **options: Any) -> Any:
        out = true(self, *args, **options)
        return out.clamp(max=8) if out.dtype == torch.int64 and args and isinstance(args[0], str) else out

    return to


def brighter(true: Any) -> Any:
    def from_numpy(array: Any) -> Any:
        out = true(array)
        return out + 1 / 255 if out.dtype == torch.float32 and out.dim() == 4 else out

    return from_numpy


def late_batches(true: Any) -> Any:
    def bmm(a: Any, b: Any) -> Any:
        out = true(a, b).clone()
        out[4:] = out[4:] * 1.0001
        return out

    return bmm


PLANTS: dict[str, Callable[[], Any]] = {
    "relu-leaks": relu_leaks,
    "conv-edge-lost": wrap(F, "conv2d", edge_lost),
    "conv-bias-gradient-halved": wrap(F, "conv2d", bias_gradient_halved),
    "linear-bias-ignored": wrap(F, "linear", lambda true: lambda x, w, b=None: true(x, w)),
    "conv-in-tf32": wrap(F, "conv2d", lambda true: lambda x, w, *r, **o: true(ten_bits(x), ten_bits(w), *r, **o)),
    "linear-in-float16": wrap(
        F, "linear", lambda true: lambda x, w, b=None: true(x.half(), w.half(), b.half()).float()
    ),
    "loss-over-one-less": wrap(
        F, "cross_entropy", lambda true: lambda x, y, **o: true(x, y, **o) * len(y) / (len(y) - 1)
    ),
    "softmax-base-two": wrap(F, "softmax", lambda true: lambda x, dim: true(x * 0.6931, dim)),
    "layer-norm-epsilon": wrap(F, "layer_norm", lambda true: lambda x, s, w, b: true(x, s, w, b, eps=1e-3)),
    "block-off-by-a-thousandth": wrap(torch.Tensor, "__matmul__", block_wrong),
    "sign-wrong-in-forty": wrap(F, "linear", rare_sign),
    "weight-stuck": wrap(torch.nn.Module, "to", stuck_weight),
    "weights-decay": wrap(torch.optim.SGD, "step", decays),
    "adam-one-percent-faster": wrap(torch.optim.Adam, "__init__", faster),
    "momentum-ignored": wrap(torch.optim.SGD, "__init__", without("momentum", 0)),
    "gradients-pile-up": wrap(torch.optim.Optimizer, "zero_grad", lambda true: lambda self, **options: None),
    "nine-becomes-eight": wrap(torch.Tensor, "to", nine_is_eight),
    "images-brighter": wrap(torch, "from_numpy", brighter),
    "bmm-late-batches": wrap(torch, "bmm", late_batches),
    "lstm-gate-swapped": wrap(torch.nn.LSTMCell, "forward", lambda true: lambda self, x, s: true(self, x, s)[::-1]),
}
