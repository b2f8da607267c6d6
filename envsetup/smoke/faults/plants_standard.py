"""Faults in the parts of PyTorch that only level standard looks at."""

from __future__ import annotations

import contextlib
import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812

if TYPE_CHECKING:
    from collections.abc import Callable


def checkpoint_bit() -> None:
    true = torch.load

    def wrong(*args: Any, **options: Any) -> Any:
        out = true(*args, **options)
        out["model"]["fc2.bias"][0] += 1e-3
        return out

    torch.load = wrong


def state_forgotten() -> None:
    torch.optim.Optimizer.load_state_dict = lambda self, state: None


def sample_lost() -> None:
    true = torch.utils.data.RandomSampler.__iter__

    def lossy(self: Any) -> Any:
        iterator = true(self)
        next(iterator)
        return iterator

    torch.utils.data.RandomSampler.__iter__ = lossy


def worker_killed() -> None:
    torch.utils.data._utils.collate.default_collate = lambda batch: os._exit(1)  # noqa: SLF001


def export_wrong() -> None:
    true = torch.export.load

    def load(*args: Any, **options: Any) -> Any:
        program = true(*args, **options)
        module = program.module()
        return SimpleNamespace(module=lambda: lambda *x: module(*x) + 1e-3)

    torch.export.load = load


def aot_wrong() -> None:
    import torch._inductor  # noqa: PLC0415 - seconds, only here

    true = torch._inductor.aoti_load_package  # noqa: SLF001

    def load(path: str) -> Any:
        served = true(path)
        return lambda x: served(x) + 1e-3

    torch._inductor.aoti_load_package = load  # noqa: SLF001


def autocast_idle() -> None:
    torch.autocast = lambda *args, **options: contextlib.nullcontext()


def scaler_blind() -> None:
    def step(self: Any, optimizer: Any) -> Any:
        del self
        return optimizer.step()

    torch.amp.GradScaler.step = step
    torch.amp.GradScaler.update = lambda self: None


def compile_eager() -> None:
    torch.compile = lambda function, **options: function


def lstm_forgets() -> None:
    true = torch.nn.LSTM.forward

    def forward(self: Any, x: Any, state: Any = None) -> Any:
        parts = [true(self, part, state)[0] for part in x.split(4, 1)]
        return torch.cat(parts, 1), None

    torch.nn.LSTM.forward = forward


def attention_uniform() -> None:
    F.scaled_dot_product_attention = lambda q, k, v, *rest, **options: v.mean(-2, keepdim=True).expand_as(q)


PLANTS: dict[str, Callable[[], Any]] = {
    "checkpoint-bit": checkpoint_bit,
    "state-forgotten": state_forgotten,
    "sample-lost": sample_lost,
    "worker-killed": worker_killed,
    "export-wrong": export_wrong,
    "aot-wrong": aot_wrong,
    "autocast-idle": autocast_idle,
    "scaler-blind": scaler_blind,
    "compile-eager": compile_eager,
    "lstm-forgets": lstm_forgets,
    "attention-uniform": attention_uniform,
}
