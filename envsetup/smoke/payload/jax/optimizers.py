"""SGD with momentum and Adam, as functions: JAX itself has no optimizer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

if TYPE_CHECKING:
    from collections.abc import Callable

    State = dict[str, Any]

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def start(options: dict[str, Any], parameters: Any) -> State:
    """The optimizer's state before the first step."""
    zeros = jax.tree_util.tree_map(jnp.zeros_like, parameters)
    if options["kind"] == "sgd":
        return {"velocity": zeros}
    return {"mean": zeros, "square": zeros, "steps": jnp.zeros(())}


def update(options: dict[str, Any]) -> Callable[[Any, Any, State], tuple[Any, State]]:
    """A function of parameters, gradients and state that gives the next parameters and state."""
    step: Callable[[Any, Any, State], tuple[Any, State]]
    step = _sgd(options["rate"], options["momentum"]) if options["kind"] == "sgd" else _adam(options["rate"])
    return step


def _sgd(rate: float, momentum: float) -> Any:
    def step(parameters: Any, gradients: Any, state: State) -> tuple[Any, State]:
        velocity = jax.tree_util.tree_map(lambda v, g: momentum * v + g, state["velocity"], gradients)
        return jax.tree_util.tree_map(lambda p, v: p - rate * v, parameters, velocity), {"velocity": velocity}

    return step


def _adam(rate: float) -> Any:
    def step(parameters: Any, gradients: Any, state: State) -> tuple[Any, State]:
        steps = state["steps"] + 1
        each = jax.tree_util.tree_map
        mean = each(lambda m, g: BETA1 * m + (1 - BETA1) * g, state["mean"], gradients)
        square = each(lambda s, g: BETA2 * s + (1 - BETA2) * g * g, state["square"], gradients)
        # expm1 keeps the digits that 1 - beta**steps loses in float32, and so does a logarithm taken in float64.
        first, second = (-jnp.expm1(steps * math.log(beta)) for beta in (BETA1, BETA2))

        def moved(p: Any, m: Any, s: Any) -> Any:
            return p - rate * (m / first) / (jnp.sqrt(s / second) + EPSILON)

        return each(moved, parameters, mean, square), {"mean": mean, "square": square, "steps": steps}

    return step
