"""envsetup takes a machine from bare metal to proven deep learning, or says in one line why it cannot.

The public names (typed in `__init__.pyi`, documented in docs/api.md) load on first use: `import envsetup` and
`envsetup --help` load nothing.
"""

from __future__ import annotations

import sys

__version__ = "0.1.0"
__all__ = [
    "Diagnosis",
    "DoctorReport",
    "Evidence",
    "Finding",
    "InputError",
    "Machine",
    "Remedy",
    "Verdict",
    "__version__",
    "diagnose",
    "doctor",
    "probe",
]
_Module = type(sys)


def _public(name: str) -> object:
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module("envsetup.api"), name)


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _public(name)


def __dir__() -> list[str]:
    """Tell a notebook's completion what there is; the names themselves are not here until they are used."""
    return sorted({*globals(), *__all__})


class _Callable(_Module):  # type: ignore[valid-type, misc]
    """The packages `doctor` and `probe`, which are functions of the API as well."""

    def __call__(self, *args: object, **options: object) -> object:
        function = _public(self.__name__.rpartition(".")[2])
        return function(*args, **options)  # type: ignore[operator]


class _Package(_Module):  # type: ignore[valid-type, misc]
    """Importing `envsetup.doctor` makes it an attribute here, in the place of the function: both must work."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in ("doctor", "probe") and type(value) is _Module:
            value.__class__ = _Callable  # type: ignore[assignment]
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
