"""envsetup takes a machine from bare metal to proven deep learning, or says in one line why it cannot."""

from __future__ import annotations

__version__ = "0.1.0"
