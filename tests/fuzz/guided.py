"""Fuzzing led by coverage, with atheris: python tests/fuzz/guided.py TARGET SECONDS [planted].

atheris has wheels for few Pythons, so only `make fuzz` installs it, where there is one.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["envsetup"]):
    import targets


def planted(text):
    """A target with a fault, to see that faults are found."""
    version = targets.read(text).machine.driver
    assert "5" not in str(version), "planted: a five in a driver's version"


def main():
    name, seconds = sys.argv[1], sys.argv[2]
    target = planted if sys.argv[3:] else targets.TARGETS[name]
    samples = targets.seeds(name)

    def one(data):
        provider = atheris.FuzzedDataProvider(data)
        text = samples[provider.ConsumeIntInRange(0, len(samples) - 1)]
        start = provider.ConsumeIntInRange(0, len(text))
        spoiled = provider.ConsumeUnicode(200)
        target(text[:start] + spoiled + text[start + provider.ConsumeIntInRange(0, 60) :])

    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048"], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
