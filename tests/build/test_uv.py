"""uv for a user without a home folder: it keeps nothing, as pip does, and works."""

from __future__ import annotations

import os

import pytest

from envsetup.build.uv import make_uv


@pytest.fixture
def uv_of(monkeypatch):
    for name in ("UV_CACHE_DIR", "UV_NO_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def made(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        return make_uv({})

    return made


@pytest.mark.skipif(os.name != "posix", reason="homes of POSIX")
def test_without_a_place_for_its_cache_uv_works_without_one(uv_of, tmp_path):
    uv = uv_of(HOME=tmp_path, XDG_CACHE_HOME="/dev/null")
    assert uv.env["UV_NO_CACHE"] == "1"
    assert uv.run("pip", "compile", "-", "--emit-index-url", "--no-header", stdin="", timeout=60).ok


def test_a_home_that_is_there_gets_its_cache(uv_of, tmp_path):
    assert "UV_NO_CACHE" not in uv_of(HOME=tmp_path).env
    assert "UV_NO_CACHE" not in uv_of(HOME=tmp_path / "not" / "made" / "yet").env


def test_a_cache_that_was_asked_for_is_not_left_out_in_silence(uv_of):
    assert "UV_NO_CACHE" not in uv_of(XDG_CACHE_HOME="/dev/null", UV_CACHE_DIR="/dev/null/uv").env
