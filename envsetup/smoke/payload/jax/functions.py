"""The operations in JAX, and the networks made of them: functions of their parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from .. import networks

if TYPE_CHECKING:
    from collections.abc import Callable


def conv(x: Any, w: Any, b: Any) -> Any:
    return jax.lax.conv_general_dilated(x, w, (1, 1), "SAME") + b[:, None, None]


def max_pool(x: Any) -> Any:
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def avg_pool(x: Any) -> Any:
    return jax.lax.reduce_window(x, 0.0, jax.lax.add, (1, 1, 2, 2), (1, 1, 2, 2), "VALID") / 4


def linear(x: Any, w: Any, b: Any) -> Any:
    return jnp.matmul(x, w.T) + b


def cross_entropy(logits: Any, labels: Any) -> Any:
    picked = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)
    return -picked.mean()


def layer_norm(x: Any, w: Any, b: Any) -> Any:
    centred = x - x.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * w + b


def lstm_cell(x: Any, h: Any, c: Any, wx: Any, wh: Any) -> Any:
    return gated(jnp.matmul(x, wx.T) + jnp.matmul(h, wh.T), c)


def gated(gates: Any, c: Any) -> Any:
    """What the gates [n, 4 d] make of the cell's state: the new h and c."""
    i, f, g, o = jnp.split(gates, 4, axis=1)
    state = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(state), state


def attention(q: Any, k: Any, v: Any) -> Any:
    scores = jnp.matmul(q, jnp.swapaxes(k, -1, -2)) / jnp.sqrt(jnp.float32(q.shape[-1]))
    return jnp.matmul(jax.nn.softmax(scores), v)


# Looked up when called: a fault that replaces an operation must be met.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "matmul": lambda a, b: jnp.matmul(a, b),  # noqa: PLW0108
    "bmm": lambda a, b: jnp.matmul(a, b),  # noqa: PLW0108
    "linear": linear,
    "conv": conv,
    "max_pool": max_pool,
    "avg_pool": avg_pool,
    "relu": lambda x: jax.nn.relu(x),  # noqa: PLW0108
    "silu": lambda x: jax.nn.silu(x),  # noqa: PLW0108
    "softmax": lambda x: jax.nn.softmax(x),  # noqa: PLW0108
    "cross_entropy": cross_entropy,
    "layer_norm": layer_norm,
    "sum_of_squares": lambda x: jnp.sum(jnp.square(x)),
    "lstm_cell": lstm_cell,
    "attention": attention,
    "embedding": lambda index, table: jnp.take(table, index, axis=0),
    "relu_pool": lambda x: max_pool(jax.nn.relu(x)),
}


def _cnn(p: dict[str, Any], x: Any, act: Any, pool: Any) -> Any:
    x = pool(act(conv(x, p["conv1.weight"], p["conv1.bias"])))
    x = pool(act(conv(x, p["conv2.weight"], p["conv2.bias"])))
    x = act(linear(x.reshape(len(x), -1), p["fc1.weight"], p["fc1.bias"]))
    return linear(x, p["fc2.weight"], p["fc2.bias"])


def _lstm(p: dict[str, Any], tokens: Any) -> Any:
    embedded = jnp.take(p["embed.weight"], tokens, axis=0)
    start = jnp.zeros((len(tokens), networks.MEMORY))

    def read(state: Any, x: Any) -> Any:
        h, c = state
        gates = jnp.matmul(x, p["lstm.input"].T) + jnp.matmul(h, p["lstm.hidden"].T) + p["lstm.bias"]
        return gated(gates, c), None

    (h, _), _ = jax.lax.scan(read, (start, start), jnp.swapaxes(embedded, 0, 1))
    return linear(h, p["out.weight"], p["out.bias"])


def _heads(x: Any) -> Any:
    """[n, tokens, width] to [n, heads, tokens, d]."""
    return jnp.swapaxes(x.reshape(*x.shape[:2], networks.HEADS, -1), 1, 2)


def _transformer(p: dict[str, Any], tokens: Any) -> Any:
    x = jnp.take(p["key.weight"], tokens[..., 0], axis=0) + jnp.take(p["value.weight"], tokens[..., 1], axis=0)
    for n in range(networks.LAYERS):
        seen = layer_norm(x, p[f"{n}.norm1.weight"], p[f"{n}.norm1.bias"])
        q, k, v = (_heads(linear(seen, p[f"{n}.{name}.weight"], p[f"{n}.{name}.bias"])) for name in "qkv")
        answers = jnp.swapaxes(attention(q, k, v), 1, 2).reshape(x.shape)
        x = x + linear(answers, p[f"{n}.o.weight"], p[f"{n}.o.bias"])
        seen = layer_norm(x, p[f"{n}.norm2.weight"], p[f"{n}.norm2.bias"])
        inner = jax.nn.relu(linear(seen, p[f"{n}.up.weight"], p[f"{n}.up.bias"]))
        x = x + linear(inner, p[f"{n}.down.weight"], p[f"{n}.down.bias"])
    return linear(x[:, -1], p["out.weight"], p["out.bias"])


NETWORKS: dict[str, Callable[[dict[str, Any], Any], Any]] = {
    "cnn": lambda p, x: _cnn(p, x, jax.nn.relu, max_pool),
    "smooth": lambda p, x: _cnn(p, x, jax.nn.silu, avg_pool),
    "lstm": _lstm,
    "transformer": _transformer,
}
