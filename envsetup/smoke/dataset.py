"""Which images to train on."""

from __future__ import annotations

from pathlib import Path

from envsetup.model.errors import InputError
from envsetup.smoke.payload.cifar_files import FOLDER, folder, missing


def data_root(data: str, root: str | None) -> str | None:
    """The absolute folder of CIFAR-10, None for generated images.

    Raises InputError naming the folder and what is not there.
    """
    if data != "cifar10":
        if root is not None:
            raise InputError("--data-root: only --data cifar10 reads a folder")
        return None
    if root is None:
        raise InputError(f"--data cifar10: needs --data-root DIR, the folder that holds {FOLDER}")
    path = str(Path(root).expanduser().absolute())
    absent = missing(path)
    if absent:
        raise InputError(
            f"--data-root {root}: {folder(path)} has no {', '.join(absent)}; accepted: CIFAR-10 in its python layout"
        )
    return path
