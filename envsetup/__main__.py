"""`python -m envsetup`."""

from __future__ import annotations

from envsetup.cli import main

main()
