"""Other people's text in, a `Machine` out: whatever subset it tells, the rest unknown, and the error text left over."""

from __future__ import annotations

from envsetup.importers.imported import Imported, read, rest_of

__all__ = ["Imported", "read", "rest_of"]
