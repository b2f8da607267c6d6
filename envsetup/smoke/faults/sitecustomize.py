"""Python imports this by itself when its folder is on PYTHONPATH; it plants the fault that the environment names.

The plant waits for the module it changes: nothing is imported earlier than without it.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

PLANTS = {
    "numpy": ("plants_numpy",),
    "tensorflow": ("plants_tensorflow",),
    "jax": ("plants_jax",),
    "torch": ("plants_torch", "plants_standard", "plants_measured", "plants_second", "plants_third"),
}
FAULT = os.environ.get("ENVSETUP_SMOKE_FAULT")


class Planter:
    """A finder that lets the module be loaded as always and then changes it."""

    def __init__(self, module: str, fault: str) -> None:
        self._module, self._fault = module, fault

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        del path, target
        if name != self._module:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def load_and_plant(module: ModuleType) -> None:
            load(module)
            for plants in PLANTS[self._module]:
                plant = importlib.import_module(plants).PLANTS.get(self._fault)
                if plant is not None:
                    plant()

        spec.loader.exec_module = load_and_plant  # type: ignore[method-assign]
        return spec


if FAULT:
    for planted in ("numpy",) if FAULT == "wrong-bytes" else ("torch", "tensorflow", "jax"):
        sys.meta_path.insert(0, Planter(planted, FAULT))
