"""`--ca-bundle`: as if pip had been told so, for uv, envsetup's own requests and the build of an image alike."""

from __future__ import annotations

import os


def trust(bundle: str | None) -> None:
    """Trust the certificate authorities in a PEM file. Raises InputError where it is none."""
    if bundle is None:
        return
    import ssl
    from pathlib import Path

    from envsetup.model.errors import InputError

    path = Path(bundle).expanduser().absolute()
    try:
        ssl.create_default_context(cafile=str(path))
    except ssl.SSLError:
        raise InputError(f"--ca-bundle {path}: no certificate in PEM form in it") from None
    except OSError as error:
        raise InputError(f"--ca-bundle {path}: {error.strerror}") from error
    # pip's own variable: whatever reads pip's configuration from now on sees it, and an image gets it as a secret.
    os.environ["PIP_CERT"] = str(path)
