"""A project's own files in, what it asks for out. Every file is read as text; nothing of it is run."""

from __future__ import annotations

from envsetup.importers.project.collect import read_project

__all__ = ["read_project"]
