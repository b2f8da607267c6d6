"""Programs that run in the environment that was built: standard library only, Python 3.8 and newer."""

from __future__ import annotations
