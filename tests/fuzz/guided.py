"""Fuzzing led by coverage, with atheris: python tests/fuzz/guided.py TARGET SECONDS.

atheris is no dependency of the tests: it has wheels for few Pythons. Install it beside envsetup to run this.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["envsetup"]):
    import targets


def main():
    name, seconds = sys.argv[1], sys.argv[2]
    samples = targets.seeds(name)

    def one(data):
        provider = atheris.FuzzedDataProvider(data)
        text = samples[provider.ConsumeIntInRange(0, len(samples) - 1)]
        start = provider.ConsumeIntInRange(0, len(text))
        spoiled = provider.ConsumeUnicode(200)
        targets.TARGETS[name](text[:start] + spoiled + text[start + provider.ConsumeIntInRange(0, 60) :])

    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048"], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
