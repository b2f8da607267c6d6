"""Environment variables in a text, `NAME=value`: only those of an enumerated list, never by prefix."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envsetup.importers.facts import Facts
    from envsetup.importers.page import Page

_LINE = re.compile(
    r"(?:[$!%]\s{0,2})?(?:export\s+|set\s+|ENV\s+|-e\s+|os\.environ\[['\"])?([A-Z][A-Z0-9_]{2,50})(?:['\"]\]\s?)?\s?=\s?(.*)$"
)
# `NAME= command` sets nothing for the command: behind the sign stand a blank and a program, no path or number.
_EMPTY = re.compile(r"[A-Z0-9]= +(?:python|torchrun|accelerate|deepspeed|uv|bash|sh|nvidia-smi|\./)")
# What a report prints next to them, so that it is not taken for an error text.
_SEEN = re.compile(
    r"(?:NCCL|CUDA|NVIDIA|VLLM|TORCH|PYTORCH|TORCHINDUCTOR|MKL|OMP|NV|HF|ASCEND|ATB|HIP|ROCM|RAY|TF|XLA|JAX)_[A-Z0-9_]{1,50}$"
)
_SPACED = {"XLA_FLAGS", "LD_LIBRARY_PATH", "PYTHONPATH", "CUDA_HOME", "CUDA_PATH", "TORCH_CUDA_ARCH_LIST"}
_NAMES = frozenset(
    {
        "CUDA_DEVICE_ORDER",
        "CUDA_HOME",
        "CUDA_LAUNCH_BLOCKING",
        "CUDA_MODULE_LOADING",
        "CUDA_PATH",
        "CUDA_VERSION",
        "CUDA_VISIBLE_DEVICES",
        "HIP_VISIBLE_DEVICES",
        "HSA_OVERRIDE_GFX_VERSION",
        "JAX_PLATFORMS",
        "JAX_PLATFORM_NAME",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "MKL_NUM_THREADS",
        "MKL_THREADING_LAYER",
        "NCCL_DEBUG",
        "NCCL_IB_DISABLE",
        "NCCL_P2P_DISABLE",
        "NCCL_SOCKET_IFNAME",
        "NVIDIA_DISABLE_REQUIRE",
        "NVIDIA_DRIVER_CAPABILITIES",
        "NVIDIA_VISIBLE_DEVICES",
        "OMP_NUM_THREADS",
        "ONEAPI_DEVICE_SELECTOR",
        "PYTHONPATH",
        "PYTORCH_CUDA_ALLOC_CONF",
        "PYTORCH_ENABLE_MPS_FALLBACK",
        "ROCR_VISIBLE_DEVICES",
        "TF_ENABLE_ONEDNN_OPTS",
        "TF_FORCE_GPU_ALLOW_GROWTH",
        "TORCH_CUDA_ARCH_LIST",
        "VLLM_TARGET_DEVICE",
        "XLA_FLAGS",
        "XLA_PYTHON_CLIENT_MEM_FRACTION",
        "XLA_PYTHON_CLIENT_PREALLOCATE",
        "ZE_AFFINITY_MASK",
    }
)


def read(page: Page, facts: Facts) -> bool:
    """Fill in variables; not a format of its own, so always False."""
    for number, line in enumerate(page.bare):
        match = _LINE.match(line) if "=" in line else None
        if match is None:
            continue
        name, value = match.group(1), match.group(2).strip().strip("'\"")
        if name in _NAMES:
            alone = "" if _EMPTY.search(line) else _alone(name, value)
            facts.variable(name, _secretless(alone)[:1000])
            if alone == value:  # a command that follows is part of what the user tells
                page.claim(number)
        elif _SEEN.match(name):
            page.claim(number)
    return False


def _alone(name: str, value: str) -> str:
    """The value without the command that follows it in `NAME=value command`; only paths and flags hold spaces."""
    return value if name in _SPACED else value.split(" ", maxsplit=1)[0].strip("'\"")


def _secretless(value: str) -> str:
    """Without the user and password that a URL may carry."""
    return re.sub(r"//[^/@\s]{1,200}@", "//", value) if "@" in value else value
