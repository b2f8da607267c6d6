"""Which of the faults can be planted in TensorFlow and in JAX, and those that only they can have."""

from __future__ import annotations

from . import FAULTS, SECOND, Fault

SHARED = (
    *("conv-tap-dead", "conv1-gradient-zero", "conv2-gradient-transposed", "conv2-gradient-sign"),
    *("conv2-gradient-halved", "channel-dead", "average-for-max-pool", "linear-in-bfloat16", "bit-flip"),
    *("optimizer-idle", "labels-shifted", "half-batch-zero", "silent-cpu", "wrong-bytes", "nan-late"),
    *("kernel-column-lost", "hang", "crash", "refuses", "import-broken", "child-left", "file-left", "page-lost"),
    *("checkpoint-bit", "state-forgotten", "export-wrong", "no-kernel-image", "lstm-forgets", "attention-uniform"),
    "memory-kept",
)
TENSORFLOW = {
    **{name: FAULTS[name] for name in (*SHARED, "layer-frozen")},
    "keras-file-wrong": Fault("a network read from a .keras file answers differently", ("export",), level="standard"),
}
JAX = {
    **{name: FAULTS[name] for name in SHARED},
    "export-wrong": FAULTS["export-wrong"]._replace(how="FAIL|SKIP"),  # where flatbuffers is not installed
    "stale-results": Fault("a compiled step hands out the results of its first call", ("golden-curve", "learning")),
}


def faults_of(framework: str) -> dict[str, Fault]:
    """What can be planted in a framework, by name."""
    return {"pytorch": {**FAULTS, **SECOND}, "tensorflow": TENSORFLOW, "jax": JAX}[framework]
