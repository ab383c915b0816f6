"""Which requests go through a proxy, by the rules of Go's programs."""

from __future__ import annotations

import pytest

from ztui.kube.failures import Kind, KubeError
from ztui.kube.proxies import environment_proxy

PROXY = "http://proxy:3128"


@pytest.mark.parametrize(
    ("server", "environment", "expected"),
    [
        ("https://k.test:6443", {}, None),
        ("https://k.test:6443", {"HTTPS_PROXY": PROXY}, PROXY),
        ("https://k.test:6443", {"https_proxy": PROXY}, PROXY),
        ("https://k.test:6443", {"HTTPS_PROXY": "proxy:3128"}, PROXY),
        ("https://k.test:6443", {"HTTPS_PROXY": "https://me:pw@proxy:3128"}, "https://me:pw@proxy:3128"),
        ("https://k.test:6443", {"HTTP_PROXY": PROXY}, None),
        ("http://k.test:8080", {"HTTP_PROXY": PROXY}, PROXY),
        ("https://localhost:6443", {"HTTPS_PROXY": PROXY}, None),
        ("https://127.0.0.9:6443", {"HTTPS_PROXY": PROXY}, None),
        ("https://[::1]:6443", {"HTTPS_PROXY": PROXY}, None),
    ],
)
def test_the_proxy_of_the_environment(server: str, environment: dict[str, str], expected: str | None) -> None:
    assert environment_proxy(server, environment) == expected


@pytest.mark.parametrize(
    ("exceptions", "server", "is_excepted"),
    [
        ("*", "https://k.test", True),
        ("k.test", "https://k.test:6443", True),
        ("k.test", "https://a.k.test", True),
        (".k.test", "https://a.k.test", True),
        (".k.test", "https://k.test", False),
        ("*.k.test", "https://a.k.test", True),
        ("*.k.test", "https://k.test", False),
        ("other, K.TEST ,", "https://k.test", True),
        ("est", "https://k.test", False),
        ("k.test:6443", "https://k.test:6443", True),
        ("k.test:443", "https://k.test", True),
        ("k.test:6443", "https://k.test:6444", False),
        ("10.0.0.0/8", "https://10.1.2.3:6443", True),
        ("10.0.0.0/8", "https://11.1.2.3:6443", False),
        ("10.0.0.0/8", "https://k.test", False),
        ("10.1.2.3", "https://10.1.2.3", True),
        ("fd00::/8", "https://[fd00::1]", True),
        ("", "https://k.test", False),
    ],
)
def test_no_proxy(exceptions: str, server: str, is_excepted: bool) -> None:
    found = environment_proxy(server, {"HTTPS_PROXY": PROXY, "NO_PROXY": exceptions})
    assert found == (None if is_excepted else PROXY)


@pytest.mark.parametrize("url", ["socks5://me:canary@proxy:1080", "http://me:canary@proxy:port", "ftp://proxy"])
def test_a_proxy_that_is_of_no_use_is_told_by_its_variable(url: str) -> None:
    with pytest.raises(KubeError, match="HTTPS_PROXY") as caught:
        environment_proxy("https://k.test", {"HTTPS_PROXY": url})
    assert caught.value.kind is Kind.CONFIG
    assert "canary" not in f"{caught.value.what} {caught.value.remedy} {caught.value.detail}"
