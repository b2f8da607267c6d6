"""(request, machine, what is known) to a plan with its reasons, or to the constraint that makes it impossible."""

from __future__ import annotations

from envsetup.resolve.solve import resolve

__all__ = ["resolve"]
