"""How a process of the test ends: at once. Frameworks may hang while they unload, and all has been said by then."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import tempfile
from typing import NoReturn


def end() -> NoReturn:
    """Leave without the interpreter's own ending, and without what that would have removed.

    PyTorch up to 2.8 keeps a temporary folder for as long as it is loaded: that is no leak.
    """
    for thing in gc.get_objects():
        if type(thing) is tempfile.TemporaryDirectory:
            with contextlib.suppress(OSError):
                thing.cleanup()
    sys.stdout.flush()
    os._exit(0)
