"""The checks for PyTorch."""

from __future__ import annotations

from ..checks import SHARED

# check id: module of this package
CHECKS = {
    **SHARED,
    "devices": "visible",
    "no-fallback": "placement",
    "dataloader": "loader",
    "onnx": "onnx",
    "aot": "aot",
    "amp": "amp",
    "compile": "compiled",
    "busy": "busy",
    "channels-last": "layout",
    "matmul": "matmul",
    "memory": "memory",
    "link": "link",
    "throughput": "throughput",
    "ranks": "ranks",
}
