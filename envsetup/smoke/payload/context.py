"""What a check is given."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import cifar, data

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from .backend import Backend
    from .journal import Journal

    Split = tuple[np.ndarray, np.ndarray]


class Context:
    """The request, the device, the journal, and the data once they are made."""

    def __init__(self, request: dict[str, Any], journal: Journal, device: Any) -> None:
        self.framework: str = request["framework"]
        self.seed: int = request["seed"]
        self.golden: list[float] = request["golden"]
        self.training: dict[str, Any] = request["training"]
        self.expected_digests: dict[str, str] = request["digests"]
        self.checksums: dict[str, str] = {}
        self.scratch: str = request["scratch"]
        self.place: dict[str, Any] | None = request.get("place")  # of this process among ranks that others started
        self.patience_s: float = request.get("patience_s", 60.0)  # how long a rank waits for the others
        self.journal = journal
        self.device = device
        self._root: str | None = request["data_root"]
        self._splits: dict[str, Split] | None = None
        self._backend: Backend | None = None

    @property
    def backend(self) -> Backend:
        """The framework on the device, made on first use."""
        if self._backend is None:
            self._backend = import_module(f".{self.framework}.backend", __package__).open_backend(self.device)
        return self._backend

    @contextmanager
    def folder(self, name: str) -> Iterator[str]:
        """A folder that is gone afterwards, with what compilers and exporters put among temporary files meanwhile."""
        path, before = os.path.join(self.scratch, name), tempfile.gettempdir()  # noqa: PTH118
        os.mkdir(path)  # noqa: PTH102
        tempfile.tempdir = os.environ["TMPDIR"] = path
        try:
            yield path
        finally:
            tempfile.tempdir = os.environ["TMPDIR"] = before
            shutil.rmtree(path)

    def splits(self) -> dict[str, Split]:
        """Images and labels by split name; made or read on first use."""
        if self._splits is None:
            self.journal.doing("reading CIFAR-10" if self._root else "generating the images")
            if self._root:
                self._splits, self.checksums = cifar.load(self._root)
            else:
                self._splits = {
                    name: data.generate(count, data.SEED, split) for name, (count, split) in data.SPLITS.items()
                }
        return self._splits
