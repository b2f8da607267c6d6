"""Sources: what they are called, what uv is told, what the places really offer."""

from __future__ import annotations

import time

import msgspec
import pytest

from envsetup.build.limits import limits
from envsetup.build.offers import ask
from envsetup.build.pipconfig import PipConfig
from envsetup.build.sources import Source, as_url, check, for_plan, gather, label
from envsetup.build.uv import make_uv
from envsetup.build.uvenv import uv_flags, uv_settings
from envsetup.build.wanted import full_version, requirements
from envsetup.model.errors import InputError
from envsetup.model.offers import Offer, Offers
from envsetup.model.plan import Plan, PlannedPackage
from envsetup.model.redact import redact, secrets_of

SECRET = PipConfig(index_url="https://me:pass%40word@host/simple", extra_index_urls=["https://t0ken@other/simple"])


def test_uv_is_told_everything_that_pip_knows(tmp_path):
    pip = PipConfig(
        index_url="https://i/simple",
        extra_index_urls=["https://e/simple", str(tmp_path)],
        find_links=[str(tmp_path / "a,b c")],
        cert="/ca.pem",
        client_cert="/me.pem",
        proxy="proxy:3128",
        trusted_hosts=["h1", "h2:8080"],
        constraints=["/c.txt"],
        timeout=42.5,
        keyring_provider="subprocess",
        prereleases=True,
    )
    assert uv_settings(gather(pip, None, [])) == {
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_DEFAULT_INDEX": "https://i/simple",
        "UV_INDEX": f"https://e/simple file://{tmp_path}",
        "UV_FIND_LINKS": f"file://{tmp_path}/a%2Cb%20c",
        "UV_CONSTRAINT": "/c.txt",
        "SSL_CERT_FILE": "/ca.pem",
        "SSL_CLIENT_CERT": "/me.pem",
        "HTTP_PROXY": "http://proxy:3128",
        "HTTPS_PROXY": "http://proxy:3128",
        "ALL_PROXY": "http://proxy:3128",
        "UV_INSECURE_HOST": "h1 h2:8080",
        "UV_HTTP_TIMEOUT": "42",
        "UV_KEYRING_PROVIDER": "subprocess",
        "UV_PRERELEASE": "allow",
    }
    assert uv_flags(gather(PipConfig(no_index=True, find_links=["/x"]), None, [])) == ["--no-index"]
    assert uv_flags(gather(pip, None, [])) == []


def test_names_and_digests_hold_no_secret():
    sources = gather(SECRET, None, [])
    assert sources.secrets == {"pass%40word", "pass@word", "t0ken"}
    assert not [s for s in sources.all if "pass" in s.name or "t0ken" in s.name]
    changed = gather(
        PipConfig(index_url="https://me:other@host/simple", extra_index_urls=["https://new@other/simple"]), None, []
    )
    assert changed.digest() == sources.digest()
    assert gather(PipConfig(index_url="https://else/simple"), None, []).digest() != sources.digest()


def test_redaction():
    text = "see https://u:p%40w@h/simple?token=abc&x=1 and p@w"
    assert redact(text, secrets_of("https://u:p%40w@h/s")) == "see https://****@h/simple?token=****&x=**** and ****"


def test_what_source_accepts(tmp_path):
    assert [s.name for s in gather(PipConfig(), "official", []).frameworks] == ["pytorch"]
    assert [s.name for s in gather(PipConfig(extra_index_urls=["https://e/s"]), "pypi", []).frameworks] == ["pypi"]
    mirror = gather(PipConfig(), "aliyun", ["cu126"])
    assert [s.kind for s in mirror.frameworks] == ["index", "links"]
    assert mirror.frameworks[1].url.endswith("/cu126/")
    assert uv_settings(mirror)["UV_DEFAULT_INDEX"] == mirror.frameworks[0].url
    (tmp_path / "x-1-py3-none-any.whl").touch()
    assert gather(PipConfig(), str(tmp_path), []).frameworks == [
        Source(name=str(tmp_path), kind="links", url=tmp_path.as_uri())
    ]
    assert gather(PipConfig(), "https://u:p@h/simple", []).frameworks[0].name == "https://h/simple"
    with pytest.raises(InputError, match="names are official, pypi, tuna"):
        gather(PipConfig(), "tunaa", [])
    assert label("file:///a b") == "file:///a b"
    assert as_url("/a b") == "file:///a%20b"


def test_a_folder_asks_nothing_of_a_network(tmp_path):
    wheels, more = tmp_path / "w", tmp_path / "more"
    wheels.mkdir()
    more.mkdir()
    (wheels / "x-1-py3-none-any.whl").touch()
    pip = PipConfig(
        index_url="https://i/simple", extra_index_urls=["https://e/s"], find_links=["https://page/x.html", str(more)]
    )
    for choice in (str(wheels), wheels.as_uri()):
        sources = gather(pip, choice, ["cu126"])
        assert [s.url for s in sources.frameworks] == [wheels.as_uri()]
        # What pip's configuration has on this machine needs no network either, and stays.
        assert [s.url for s in sources.all] == [wheels.as_uri(), more.as_uri()]
        assert uv_flags(sources) == ["--no-index"]
        assert "UV_INDEX" not in uv_settings(sources)
        assert "UV_DEFAULT_INDEX" not in uv_settings(sources)


def test_a_folder_that_is_an_index_takes_the_place_of_the_default_one(tmp_path):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "index.html").touch()
    sources = gather(PipConfig(), str(tmp_path), [])
    assert uv_settings(sources)["UV_DEFAULT_INDEX"] == tmp_path.as_uri()
    assert uv_flags(sources) == []


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("/not/there", "neither a folder nor a known name"),
        ("file:///not/there", "neither a folder nor a known name"),
        ("gopher:x", "neither a folder nor a known name"),
        ("gopher://x/y", "http, https and file URLs"),
        ("https://", "names no host"),
    ],
)
def test_what_is_no_source_is_said_before_anything_is_asked(choice, said):
    with pytest.raises(InputError, match=said):
        check(choice)
    for name in ("official", "pypi", "tuna", "https://h/simple"):
        check(name)


def test_the_official_index_joins_only_where_the_plan_takes_from_it():
    sources = gather(PipConfig(), None, [])
    package = PlannedPackage(name="torch", version="2.14.1", variant="cu126", index="pytorch")
    joined = for_plan(sources, Plan(status="ok", device="cuda", packages=[package]))
    assert joined.all[-1].url == "https://download.pytorch.org/whl/cu126"
    other = msgspec.structs.replace(package, index="pypi")
    assert for_plan(sources, Plan(status="ok", device="cuda", packages=[other])) == sources


def offers_of(url, packages=("torch",), *, deadline=5.0, **pip):
    sources = gather(PipConfig(index_url=url, no_index=False, **pip), "pypi", [])
    return ask(sources, list(packages), make_uv({}), deadline=deadline)


@pytest.mark.parametrize("as_json", [False, True])
def test_an_index_is_read(index, wheels, as_json):
    found = offers_of(index(wheels, as_json=as_json).url, ["torch", "nothing"])
    assert found.offers == [
        Offer(name="torch", version="2.13.0", local="cpu", python="py3", platform="any", index="pypi")
    ]
    assert found.asked == ["torch", "nothing"]
    assert found.sources == ["pypi"]


def test_credentials_come_from_the_url(index, wheels):
    guarded = index(wheels, password="p@ss")
    url = f"http://user:p%40ss@{guarded.host}/simple"
    assert offers_of(url).of("torch")
    refused = offers_of(guarded.url)
    assert refused.unreachable == {"pypi": "answered 401 Unauthorized"}


def test_a_source_that_hangs_costs_its_deadline_and_is_recorded(index, wheels):
    started = time.monotonic()
    found = offers_of(index(wheels, delay=30).url, deadline=0.5)
    assert time.monotonic() - started < 2.5
    assert "timed out" in found.unreachable["pypi"]
    assert found.sources == []


def test_a_dead_source_does_not_hide_a_living_one(wheels):
    pip = PipConfig(index_url="http://127.0.0.1:9/simple", find_links=[str(wheels), "/not/there"])
    found = ask(gather(pip, None, []), ["torch"], make_uv({}), deadline=5.0)
    assert found.sources == [str(wheels)]
    assert found.of("torch")
    assert found.unreachable["pypi"] == "Connection refused"
    assert found.unreachable["/not/there"] == "no such file or folder"


def test_a_page_of_links_is_read(tmp_path, wheel_maker):
    wheel_maker.torch(tmp_path / "w", local="cu126")
    page = tmp_path / "page.html"
    page.write_text(
        '<a href="w/torch-2.13.0%2Bcu126-cp312-cp312-linux_x86_64.whl">x</a>'
        '<a data-yanked="" href="torch-9.9-py3-none-any.whl">y</a><a href="torchvision-1-py3-none-any.whl">z</a>'
    )
    found = ask(gather(PipConfig(no_index=True, find_links=[str(page)]), None, []), ["torch"], make_uv({}))
    assert [(o.version, o.local, o.python) for o in found.offers] == [("2.13.0", "cu126", "cp312")]


def test_constraints_bound_what_is_offered(tmp_path, wheel_maker):
    wheel_maker.torch(tmp_path / "w", version="2.15.0")
    wheel_maker.torch(tmp_path / "w", version="2.14.1")
    constraints = tmp_path / "c.txt"
    constraints.write_text("# why\ntorch<=2.14.1  # because\n-r other.txt\nTorch-Vision<1; python_version < '3'\n")
    pip = PipConfig(no_index=True, find_links=[str(tmp_path / "w")], constraints=[str(constraints)])
    found = ask(gather(pip, None, []), ["torch"], make_uv({}))
    assert [o.version for o in found.offers] == ["2.14.1"]
    assert limits([str(constraints)]).admits("torchvision", "5")


def test_a_plain_version_is_not_mistaken_for_a_build_with_a_local_one():
    plain = PlannedPackage(name="torch", version="2.13.0", variant="cu130", index="pypi")
    local = PlannedPackage(name="torch", version="2.13.0", variant="cpu", index="/w")
    offers = Offers(
        offers=[
            Offer(name="torch", version="2.13.0", python="cp311", platform="any", index="pypi"),
            Offer(name="torch", version="2.13.0", local="cpu", python="cp311", platform="any", index="/w"),
        ]
    )
    assert full_version(plain, offers) == "2.13.0"
    assert full_version(local, offers) == "2.13.0+cpu"
    plan = Plan(status="ok", device="cuda", packages=[plain])
    assert requirements(plan, offers, []) == ["numpy", "torch===2.13.0"]
    old = PlannedPackage(name="torch", version="2.1.0", variant="cu121", index="pytorch")
    assert requirements(Plan(status="ok", device="cuda", packages=[old]), None, []) == ["numpy<2", "torch==2.1.0+cu121"]


def test_a_package_without_builds_has_no_local_version():
    offers = Offers(offers=[Offer(name="tensorflow", version="2.21.0", python="cp311", platform="any", index="pypi")])
    package = PlannedPackage(name="tensorflow", version="2.21.0", index="pypi")
    assert full_version(package, offers) == "2.21.0"
    jax = PlannedPackage(name="jax", version="0.10.2", variant="cuda12", index="mirror", extras=["cuda12"])
    assert requirements(Plan(status="ok", device="cuda", packages=[jax]), None, []) == ["jax[cuda12]===0.10.2"]
