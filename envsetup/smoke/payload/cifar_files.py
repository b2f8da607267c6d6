"""Where the files of CIFAR-10's python layout are; needs no numpy, so the runner can look before it starts."""

from __future__ import annotations

from pathlib import Path

FOLDER = "cifar-10-batches-py"
TRAIN = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5")
TEST = ("test_batch",)


def folder(root: str) -> Path:
    """The folder that holds the batches: the published sub-folder of `root`, else `root` itself."""
    inner = Path(root) / FOLDER
    return inner if inner.is_dir() else Path(root)


def missing(root: str) -> list[str]:
    """The batch files that are not there."""
    return [name for name in (*TRAIN, *TEST) if not (folder(root) / name).is_file()]
