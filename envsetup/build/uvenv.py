"""Sources as uv's variables: an environment and not arguments, because everybody can read a process list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envsetup.build.sources import Sources


def uv_settings(sources: Sources) -> dict[str, str]:
    """The variables that make uv take packages from where pip would, with pip's certificates, proxy and limits.

    See https://docs.astral.sh/uv/reference/environment/.
    """
    pip = sources.pip
    indexes = [s.url for s in sources.all if s.kind == "index" and s.url and s.url != pip.index_url]
    links = [s.url for s in sources.all if s.kind == "links" and s.url]
    certificates = "SSL_CERT_DIR" if pip.cert and Path(pip.cert).is_dir() else "SSL_CERT_FILE"
    values = {
        # pip compares all places and takes the best version; uv would stop at the first place that knows the name.
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_DEFAULT_INDEX": pip.index_url,
        "UV_INDEX": " ".join(indexes),
        "UV_FIND_LINKS": ",".join(links),
        "UV_CONSTRAINT": " ".join(pip.constraints),
        certificates: pip.cert,
        "SSL_CLIENT_CERT": pip.client_cert,
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), _with_scheme(pip.proxy) if pip.proxy else None),
        "UV_INSECURE_HOST": " ".join(pip.trusted_hosts),
        "UV_HTTP_TIMEOUT": str(max(1, int(pip.timeout))) if pip.timeout else None,
        "UV_KEYRING_PROVIDER": pip.keyring_provider if pip.keyring_provider in {"subprocess", "disabled"} else None,
        "UV_PRERELEASE": "allow" if pip.prereleases else None,
    }
    return {name: value for name, value in values.items() if value}


def uv_flags(sources: Sources) -> list[str]:
    """What uv takes from no variable."""
    indexes = any(source.kind == "index" for source in sources.all)
    return ["--no-index"] if sources.pip.no_index and not indexes else []


def _with_scheme(proxy: str) -> str:
    return proxy if "://" in proxy else f"http://{proxy}"
