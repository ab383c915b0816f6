"""Label selectors against what kubectl's own grammar says of them."""

from __future__ import annotations

import pytest

from ztui.errors import UsageError
from ztui.model.labels import labels_text, parse_selector

CURL = {"app": "curl", "version": "v1", "example.com/tier": "2"}


@pytest.mark.parametrize(
    ("text", "is_selected"),
    [
        ("", True),
        ("app=curl", True),
        ("app==curl", True),
        (" app = curl , version = v1 ", True),
        ("app=curl,version=v2", False),
        ("app!=curl", False),
        ("app!=reviews", True),
        ("team!=a", True),
        ("app", True),
        ("team", False),
        ("!team", True),
        ("!app", False),
        ("app in (curl,reviews)", True),
        ("app in (reviews)", False),
        ("app notin (reviews, ratings)", True),
        ("team notin (a)", True),
        ("team in (a,)", False),
        ("version in (v1),!team,app", True),
        ("example.com/tier=2", True),
        ("example.com/tier>1", True),
        ("example.com/tier<2", False),
        ("app>1", False),
        ("team=", False),
        ("in=a", False),
    ],
)
def test_selectors_select_as_kubectl_does(text: str, is_selected: bool) -> None:
    selector = parse_selector(text)
    assert selector.matches(CURL) is is_selected
    assert selector.matches_text(labels_text(CURL)) is is_selected


def test_a_pod_without_labels_has_none() -> None:
    assert labels_text({}) == ""
    assert parse_selector("!app").matches_text("")
    assert not parse_selector("app").matches_text("")


@pytest.mark.parametrize(
    "text",
    [
        ",", "=a", "!", "app=curl,", "app=curl version=v1", "app in", "app in curl", "app in (a", "app=a=b", "app=-a",
        "-app", "a/b/c=d", "UPPER.case/x=1", "app>x", "app>", "app!", "(app)", "app=" + "x" * 64, "x" * 64, "/app",
        "app ~ x", "app=c*",
    ],
)  # fmt: skip
def test_what_is_no_selector_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_selector(text, "-l")
    assert repr(text) in refused.value.what
    assert refused.value.remedy
