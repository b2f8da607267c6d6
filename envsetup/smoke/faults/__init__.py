"""Faults to plant in a framework, and the checks that must catch each.

They change the framework (or numpy) inside one child process, through `sitecustomize.py` on its PYTHONPATH.
The checks themselves run unmodified: what is tested is what ships.
"""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """A fault. `caught_by` are the checks that must end with the status `how`; `needs` others that bring it about.

    `how` PASS makes it a control: something unusual that is no fault. `driver` is what is wrong with the imagined GPU's
    driver (faults/driver/pynvml.py); `baseline` holds the run against one without the fault.
    """

    what: str
    caught_by: tuple[str, ...]
    how: str = "FAIL"
    device: str = "cpu"
    needs: tuple[str, ...] = ()
    level: str = "quick"
    driver: str | None = None
    baseline: bool = False


def _gpu(what: str, driver: str, *caught_by: str, how: str = "FAIL", needs: tuple[str, ...] = ()) -> Fault:
    """A fault that only the driver of the imagined GPU shows."""
    return Fault(what, caught_by, how, "cuda", needs, "standard", driver)


def _measured(what: str, *caught_by: str, how: str = "FAIL", baseline: bool = False) -> Fault:
    return Fault(what, caught_by, how, level="standard", baseline=baseline)


# Written after the checks and limits were frozen; nobody promised to catch them. See plants_second.py.
SECOND = {
    name: Fault(what, ())
    for name, what in {
        "relu-leaks": "ReLU lets a hundredth of what is negative through",
        "conv-edge-lost": "a convolution loses its last column",
        "conv-bias-gradient-halved": "the gradient of a convolution's bias is halved",
        "linear-bias-ignored": "linear layers ignore their bias",
        "conv-in-tf32": "convolutions round their inputs as TF32 does",
        "linear-in-float16": "linear layers work in float16",
        "loss-over-one-less": "the loss is divided by one less than the batch",
        "softmax-base-two": "softmax takes powers of two",
        "layer-norm-epsilon": "layer normalisation has a larger epsilon",
        "block-off-by-a-thousandth": "one 16 x 16 block of a 512 x 512 product is off by a thousandth",
        "sign-wrong-in-forty": "every fortieth linear layer has one wrong sign",
        "weight-stuck": "one weight of nearly a thousand arrives as zero",
        "weights-decay": "SGD shrinks the weights by a thousandth per step",
        "adam-one-percent-faster": "Adam steps one per cent too far",
        "momentum-ignored": "SGD ignores its momentum",
        "gradients-pile-up": "gradients are not zeroed",
        "nine-becomes-eight": "label nine arrives as eight",
        "images-brighter": "images are one step too bright",
        "bmm-late-batches": "batched products are off by 1e-4 from the fifth on",
        "lstm-gate-swapped": "an LSTM cell swaps its results",
    }.items()
}

# As SECOND, for the checks that measure; `needs` says which check is run, and nobody promised to catch anything.
SECOND |= {
    name: Fault(what, (), needs=(check,), level="standard")
    for name, (what, check) in {
        "product-one-value": ("one number of a product of a million is wrong", "matmul"),
        "bfloat16-in-float8": ("bfloat16 products round a factor to float8", "matmul"),
        "product-transposed": ("a large product arrives transposed", "matmul"),
        "memory-blocks-alias": ("all blocks of memory are one", "memory"),
        "memory-page-unwritten": ("the last page of a copy is never written", "memory"),
        "nhwc-gradient-percent": ("a weight's gradient in channels_last is a hundredth short", "channels-last"),
        "nhwc-bias-ignored": ("a convolution in channels_last ignores its bias", "channels-last"),
        "sum-becomes-mean": ("an all-reduce averages", "ranks"),
        "rank-counts-double": ("one rank's losses count twice", "ranks"),
        "rank-ignores-broadcast": ("one rank keeps its own instead of a broadcast", "ranks"),
        "gathered-in-reverse": ("what is gathered comes in reverse order", "ranks"),
        "rank-learns-alone": ("one rank's gradients are half too large from some step on", "ranks"),
        "rank-dies-late": ("one rank dies in training", "ranks"),
    }.items()
}

FAULTS = {
    "conv-tap-dead": Fault(
        "one of nine taps of a convolution is lost", ("op-parity", "gradient-parity", "golden-curve")
    ),
    "conv1-gradient-zero": Fault(
        "the first convolution's weight gradient is zero", ("op-parity", "gradient-parity", "golden-curve")
    ),
    "conv2-gradient-transposed": Fault(
        "the second convolution's weight gradient is transposed", ("op-parity", "gradient-parity", "golden-curve")
    ),
    "conv2-gradient-sign": Fault(
        "the second convolution's weight gradient has the wrong sign", ("op-parity", "gradient-parity", "golden-curve")
    ),
    "conv2-gradient-halved": Fault(
        "the second convolution's weight gradient is halved", ("op-parity", "gradient-parity", "golden-curve")
    ),
    "channel-dead": Fault("one of 32 channels is always zero", ("op-parity", "gradient-parity", "golden-curve")),
    "average-for-max-pool": Fault("max-pooling averages", ("op-parity", "golden-curve")),
    "linear-in-bfloat16": Fault(
        "a linear layer accumulates in bfloat16", ("op-parity", "gradient-parity", "golden-curve")
    ),
    "linear-three-bits": Fault(
        "a linear layer keeps three bits of mantissa", ("op-parity", "gradient-parity", "golden-curve")
    ),
    "bit-flip": Fault("every seventh convolution has one wrong value", ("repeatability",)),
    "nan-after-30": Fault("from the 31st call on one logit is NaN", ("learning",)),
    "optimizer-idle": Fault("the optimizer does nothing", ("op-parity", "golden-curve", "learning")),
    "labels-shifted": Fault("labels arrive one place late", ("golden-curve",)),
    "half-batch-zero": Fault("half of every batch arrives as zeros", ("golden-curve",)),
    "silent-cpu": Fault("a GPU is announced and everything runs on the CPU", ("no-fallback",), device="cuda"),
    "wrong-bytes": Fault("numpy clips one pixel wrongly", ("data",)),
    "layer-frozen": Fault("the optimizer forgets the first layer", ("op-parity", "golden-curve", "learning")),
    "nan-late": Fault("the loss becomes NaN at training step 120", ("learning",)),
    "kernel-column-lost": Fault("the dispatcher's float32 matmul loses a column", ("op-parity",)),
    "hang": Fault("a convolution never returns", ("golden-curve",), how="TIMEOUT"),
    "crash": Fault("a convolution kills the process", ("golden-curve",), how="ERROR"),
    "refuses": Fault("a convolution raises", ("golden-curve",)),
    "import-broken": Fault("the framework's libraries do not load", ("import",)),
    "child-left": Fault("a process is left behind", ("cleanup",), needs=("op-parity",)),
    "file-left": Fault("a temporary file is left behind", ("cleanup",), needs=("op-parity",)),
    "page-lost": Fault("copies to a GPU lose a page", ("transfer",), device="cuda"),
    "checkpoint-bit": Fault("a checkpoint is read with one wrong weight", ("checkpoint",), level="standard"),
    "state-forgotten": Fault("the optimizer's state is not restored", ("checkpoint",), level="standard"),
    "sample-lost": Fault("a sampler loses a sample", ("dataloader",), level="standard"),
    "worker-killed": Fault("DataLoader workers are killed", ("dataloader",), level="standard"),
    "export-wrong": Fault("the exported network answers differently", ("export",), level="standard"),
    # Skipped where the environment has no onnxruntime, or the machine no compiler.
    "onnx-on-cpu": Fault(
        "onnxruntime is asked for CUDA and takes the CPU", ("onnx",), how="FAIL|SKIP", device="cuda", level="standard"
    ),
    "aot-wrong": Fault(
        "what was compiled ahead of time answers differently", ("aot",), how="FAIL|SKIP", level="standard"
    ),
    "no-kernel-image": Fault("a GPU is announced that no kernel runs on", ("devices",), device="cuda"),
    "autocast-idle": Fault("autocast does nothing", ("amp",), level="standard"),
    "scaler-blind": Fault("the gradient scaler does not see infinity", ("amp",), level="standard"),
    "compile-eager": Fault("torch.compile silently runs eagerly", ("compile",), level="standard"),
    "lstm-forgets": Fault("an LSTM loses its state every fourth step", ("lstm",), level="standard"),
    "attention-uniform": Fault("attention weighs every token the same", ("op-parity", "transformer"), level="standard"),
    "memory-kept": Fault("every batch is kept in memory", ("cleanup",), needs=("golden-curve",)),
    "imagined-gpu": _gpu(
        "control: a GPU that the processor plays, with a healthy driver",
        "healthy",
        *("devices", "busy", "link", "clocks", "counters"),
        how="PASS",
    ),
    "gpu-no-faster": _gpu("a GPU is no faster than the processor", "healthy", "busy"),
    "gpu-idle": _gpu("the driver sees no work on the GPU", "idle", "busy"),
    "gpu-unpowered": _gpu("the GPU's power does not rise", "unpowered", "busy"),
    "gpu-empty": _gpu("the GPU's memory does not fill", "empty", "busy"),
    "gpu-elsewhere": _gpu("another process is on the GPU", "elsewhere", "busy", how="FAIL|WARN"),
    "gpu-locked": _gpu("the GPU's clock does not move", "locked", "busy", how="WARN"),
    "gpu-silent": _gpu("the driver does not answer", "silent", "busy", "clocks", how="SKIP"),
    "gpu-hanging": _gpu("the driver hangs", "hanging", "busy", "clocks", how="SKIP"),
    "gpu-slowed": _gpu("the hardware slows the GPU down", "slowed", "clocks", needs=("busy",)),
    "gpu-hot": _gpu("the GPU is too hot", "hot", "clocks", needs=("busy",)),
    "gpu-braked": _gpu("the power supply brakes the GPU", "braked", "clocks", needs=("busy",)),
    "gpu-warm": _gpu("the driver slows a warm GPU down", "warm", "clocks", needs=("busy",)),
    "gpu-capped": _gpu("a power cap holds below the limit", "capped", "clocks", how="WARN", needs=("busy",)),
    "slot-slow": _gpu("copies reach little of what the slot carries", "fast-slot", "link"),
    "slot-narrow": _gpu("the slot has half its lanes", "narrow", "link", how="WARN"),
    "ecc-error": _gpu("the driver counts a memory error meanwhile", "healthy", "counters", needs=("data",)),
    "xid": _gpu("the kernel logs an Xid meanwhile", "healthy", "counters", needs=("data",)),
    "gpu-lost": _gpu("the GPU falls off the bus meanwhile", "healthy", "counters", needs=("data",)),
    "nhwc-wrong": _measured("convolutions in channels_last are off by a thousandth", "channels-last"),
    "product-row-lost": _measured("a large product loses its last row", "matmul"),
    "bfloat16-refused": _measured("bfloat16 is refused", "matmul"),
    "products-slow": _measured("products take ten times as long", "matmul", how="WARN", baseline=True),
    "memory-refused": _measured("half of the memory cannot be had", "memory"),
    "memory-bit-stuck": _measured("one bit of the memory is stuck", "memory"),
    "memory-sum-wrong": _measured("a sum over memory loses its last number", "memory"),
    "batches-useless": _measured("a batch takes as long as its images one by one", "throughput", how="WARN"),
    "rank-lies": _measured("one rank adds zeros up", "ranks"),
    "rank-garbles": _measured("one rank sends wrong bits", "ranks"),
    "rank-sleeps": _measured("one rank never answers", "ranks"),
    "rank-dies": _measured("one rank dies", "ranks"),
    "rank-alone": _measured("gradients are not averaged over the ranks", "ranks"),
    "rank-slow": _measured("one rank is slow", "ranks"),
    "compiler-hidden": _measured("there is no compiler", "compile", how="SKIP"),
    "shm-starved": _measured("shared memory is almost full", "dataloader", how="WARN"),
    "shm-missing": _measured("there is no shared memory", "dataloader", how="SKIP"),
}
