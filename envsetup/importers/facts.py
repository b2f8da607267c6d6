"""What a text says, collected: the output of a tool outweighs what a person wrote, the first mention the later ones."""

from __future__ import annotations

from typing import Any

from envsetup.model.codec import convert
from envsetup.model.hardware import Gpu
from envsetup.model.machine import Machine

TOOL = 2
SAID = 1

MAX_GPUS = 128
MAX_PACKAGES = 4000
MAX_EVENTS = 200


class Facts:
    """Facts by dotted path of the machine, each with the weight of the one who said it."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[int, Any]] = {}
        self._gpus: dict[tuple[str, int], dict[str, Any]] = {}
        self._said: list[dict[str, Any]] = []
        self._frameworks: dict[str, dict[str, tuple[int, Any]]] = {}
        self._packages: dict[str, tuple[int, str]] = {}
        self._conda: dict[str, str] = {}
        self._lists: dict[str, list[dict[str, Any]]] = {}
        self._env: dict[str, str] = {}
        self.notes: list[str] = []

    def put(self, path: str, value: Any, weight: int = TOOL) -> None:  # noqa: ANN401 - a fact's type is its field's
        """Keep a fact unless somebody of equal or greater weight has stated it already."""
        if path not in self._values or self._values[path][0] < weight:
            self._values[path] = (weight, value)

    def get(self, path: str) -> Any:  # noqa: ANN401
        """The value so far, None when there is none."""
        return self._values[path][1] if path in self._values else None

    def gpu(self, vendor: str, index: int, **fields: Any) -> None:  # noqa: ANN401
        """Facts of a GPU that a tool listed; later facts fill gaps and complete a name that was cut short."""
        if (vendor, index) not in self._gpus and len(self._gpus) >= MAX_GPUS:
            return
        gpu = self._gpus.setdefault((vendor, index), {})
        for field, value in fields.items():
            if field not in gpu or (field == "name" and str(gpu[field]).endswith("...")):
                gpu[field] = value

    def gpu_fact(self, vendor: str, index: int, field: str) -> Any:  # noqa: ANN401
        """What is known of a listed GPU, None when nothing is."""
        return self._gpus.get((vendor, index), {}).get(field)

    def set_gpu(self, vendor: str, index: int, **fields: Any) -> None:  # noqa: ANN401
        """Facts of a listed GPU that replace what was known, such as a count that grows."""
        if (vendor, index) in self._gpus:
            self._gpus[vendor, index].update(fields)

    def no_mig_instances(self) -> None:
        """A tool looked for MIG instances and found none."""
        for gpu in self._gpus.values():
            if gpu.get("mig_mode") == "enabled":
                gpu.setdefault("mig_instances", 0)

    def drop(self, path: str) -> None:
        """Forget a fact that another one has shown to be meaningless."""
        self._values.pop(path, None)

    def said_gpu(self, vendor: str, name: str, **fields: Any) -> None:  # noqa: ANN401
        """A GPU that a sentence names, without index."""
        known = next((gpu for gpu in self._said if gpu["vendor"] == vendor and same_model(gpu["name"], name)), None)
        if known is not None:
            known["name"] = max(known["name"], name, key=len)
            known.update(fields)
        elif len(self._said) < MAX_GPUS:
            self._said.append({"vendor": vendor, "name": name, **fields})

    def framework(self, name: str, weight: int = TOOL, **fields: Any) -> None:  # noqa: ANN401
        known = self._frameworks.setdefault(name, {})
        for field, value in fields.items():
            if field not in known or known[field][0] < weight:
                known[field] = (weight, value)

    def framework_fact(self, name: str, field: str) -> Any:  # noqa: ANN401
        known = self._frameworks.get(name, {})
        return known[field][1] if field in known else None

    def package(self, name: str, version: str, weight: int = TOOL) -> None:
        key = normal(name)
        room = len(self._packages) < MAX_PACKAGES
        if (key in self._packages and self._packages[key][0] < weight) or (key not in self._packages and room):
            self._packages[key] = (weight, version)

    def version(self, name: str) -> str | None:
        """The version of a package, as far as the text has named it."""
        found = self._packages.get(normal(name))
        return found[1] if found else None

    def conda_package(self, name: str, entry: str) -> None:
        if len(self._conda) < MAX_PACKAGES:
            self._conda.setdefault(name.lower(), entry)

    def variable(self, name: str, value: str) -> None:
        self._env.setdefault(name, value)

    def append(self, place: str, **fields: Any) -> None:  # noqa: ANN401
        """One more row of a list of the machine, e.g. `cuda.cudnn`; rows that are there already are not repeated."""
        rows = self._lists.setdefault(place, [])
        if len(rows) < MAX_EVENTS and fields not in rows:
            rows.append(fields)

    def amend(self, place: str, row: dict[str, Any], **fields: Any) -> None:  # noqa: ANN401
        """Add fields to a row that was appended."""
        for known in self._lists.get(place, []):
            if known == row:
                known.update(fields)
                return

    def note(self, text: str) -> None:
        if text not in self.notes and len(self.notes) < MAX_EVENTS:
            self.notes.append(text)

    def weak(self) -> list[str]:
        """Paths of the facts that rest on a sentence alone, not on the output of a tool."""
        paths = {path for path, (weight, _) in self._values.items() if weight == SAID}
        paths |= {f"packages.{name}" for name, (weight, _) in self._packages.items() if weight == SAID}
        paths |= {
            f"frameworks.{name}.{field}"
            for name, fields in self._frameworks.items()
            for field, (weight, _) in fields.items()
            if weight == SAID
        }
        if self._said and not self._gpus and not any("compute_capability" in gpu for gpu in self._said):
            paths.add("gpus")
        return sorted(paths)

    def named(self) -> list[Gpu]:
        """The GPUs that sentences name, where no tool's output lists any."""
        return [] if self._gpus else [Gpu(vendor=gpu["vendor"], name=gpu["name"]) for gpu in self._said]

    def machine(self) -> Machine:
        """The machine as far as it was described."""
        tree: dict[str, Any] = {}
        for path, (_, value) in self._values.items():
            _plant(tree, path, value)
        for path, rows in self._lists.items():
            _plant(tree, path, rows)
        self._plant_gpus(tree)
        self._plant_environment(tree)
        if self._env:
            tree["env"] = self._env
        return convert(tree, Machine)

    def _plant_gpus(self, tree: dict[str, Any]) -> None:
        listed = [{"vendor": vendor, "index": index, **gpu} for (vendor, index), gpu in sorted(self._gpus.items())]
        vendors = {gpu["vendor"] for gpu in listed}
        said = [gpu for gpu in self._said if gpu["vendor"] not in vendors]
        if listed:
            _complete(listed, self._said)
            tree["gpus"] = listed + (said if len(said) == 1 and said[0]["vendor"] not in vendors else [])
        elif said:
            proven = [gpu for gpu in said if "compute_capability" in gpu or "gfx" in gpu]
            if len(said) == 1 or proven:
                tree["gpus"] = proven or said
            else:
                reason = "the text names several GPUs: " + ", ".join(gpu["name"] for gpu in said[:8])
                self.note(reason)
                tree["unknown"] = {"gpus": reason}

    def _plant_environment(self, tree: dict[str, Any]) -> None:
        parts: dict[str, Any] = tree.setdefault("environment", {})
        if self._packages:
            parts["packages"] = {name: version for name, (_, version) in self._packages.items()}
        if self._conda:
            parts["conda_packages"] = self._conda
        if self._frameworks:
            parts["frameworks"] = [
                {"name": name, **{field: value for field, (_, value) in fields.items()}}
                for name, fields in sorted(self._frameworks.items())
            ]
        if not parts:
            del tree["environment"]
            return
        parts.setdefault("kind", "conda" if self._conda else "unknown")


def normal(name: str) -> str:
    """A distribution's name as indexes normalise it."""
    return name.strip().lower().replace("_", "-").replace(".", "-")


def same_model(one: str, other: str) -> bool:
    """Whether two spellings name one model: RTX 5090, GeForce RTX 5090, NVIDIA GeForce RTX 5090."""
    return _core(one) == _core(other)


def _core(name: str) -> str:
    words = name.lower().replace("-", " ").split()
    return "".join(
        word for word in words if word not in {"nvidia", "geforce", "amd", "intel(r)", "intel", "tesla", "gpu"}
    )


def _complete(listed: list[dict[str, Any]], said: list[dict[str, Any]]) -> None:
    """A capability that a message states belongs to every listed card of that name."""
    for gpu in listed:
        for other in said:
            if gpu["vendor"] == other["vendor"] and same_model(str(gpu.get("name", "")), other["name"]):
                gpu.update(
                    {
                        field: other[field]
                        for field in ("compute_capability", "gfx")
                        if field in other and field not in gpu
                    }
                )


def _plant(tree: dict[str, Any], path: str, value: Any) -> None:  # noqa: ANN401
    *groups, field = path.split(".")
    for group in groups:
        tree = tree.setdefault(group, {})
    tree.setdefault(field, value)
