"""The shipped rows against what the package index and its wheels say today: `python -m envsetup.build.refresh`."""
