"""Settings as what a live cluster is asked for, and kubeconfigs that name none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ztui.cli.cluster import live_options, make_live_observer
from ztui.cli.observing import Purpose, make_observer
from ztui.clock import ManualClock
from ztui.errors import NotObservableError, UsageError, ZtuiError
from ztui.settings import Settings

NOW = 1_780_000_000.0
ENTRY = "- name: {name}\n  {kind}: {{{body}}}\n"


def kubeconfig(
    path: Path, *, current: str = "here", user: str = "token: abc", contexts: str = "cluster: c, user: u"
) -> str:
    path.write_text(
        f"current-context: {current!r}\n"
        "clusters:\n" + ENTRY.format(name="c", kind="cluster", body="server: 'https://127.0.0.1:1'")
        + "users:\n" + ENTRY.format(name="u", kind="user", body=user)
        + "contexts:\n" + ENTRY.format(name="here", kind="context", body=contexts)
    )  # fmt: skip
    return str(path)


@pytest.mark.parametrize(
    ("settings", "purpose", "expected"),
    [
        (Settings(), Purpose(), (600.0, None)),
        (Settings(is_following=True), Purpose(), (None, None)),
        (Settings(is_following=True, since_s=60.0), Purpose(), (60.0, None)),
        (Settings(is_following=True, tail=5), Purpose(), (None, 5)),
        (Settings(tail=5), Purpose(), (None, 5)),
        (Settings(tail=5, since_s=60.0), Purpose(), (60.0, 5)),
        (Settings(since_time=NOW - 90.0), Purpose(), (90.0, None)),
        (Settings(since_time=NOW + 90.0), Purpose(), (1.0, None)),
        (Settings(), Purpose(since_s=10.0), (10.0, None)),
    ],
)
def test_a_log_is_read_from_where_its_user_said(
    settings: Settings, purpose: Purpose, expected: tuple[float | None, int | None]
) -> None:
    options = live_options(settings, NOW, purpose=purpose)
    assert (options.since_s, options.tail) == expected


def test_what_a_command_prints_is_whole_and_a_screen_is_fresh() -> None:
    screen, command = (live_options(Settings(), NOW, purpose=Purpose(is_command=each)) for each in (False, True))
    assert (screen.sheds, screen.refuses_more) == (True, False)
    assert (command.sheds, command.refuses_more) == (False, True)


def test_a_namespace_belongs_to_the_target_where_there_is_one() -> None:
    settings = Settings(namespaces=("a", "b"))
    assert live_options(settings, NOW).target_namespace is None
    assert live_options(settings, NOW, target="curl").target_namespace == "a"
    everywhere = live_options(Settings(namespaces=("a",), is_all_namespaces=True), NOW, target="curl")
    assert (everywhere.namespaces, everywhere.target_namespace) == ((), None)


@pytest.mark.parametrize(
    "settings",
    [Settings(qps=0.0), Settings(qps=-1.0), Settings(dump_interval_s=0.0), Settings(proxy_admin_port=70_000)],
)
def test_numbers_that_make_no_sense_are_wrong_usage(settings: Settings) -> None:
    with pytest.raises(UsageError) as refused:
        live_options(settings, NOW)
    assert refused.value.remedy


def test_the_observer_is_called_by_its_context(tmp_path: Path) -> None:
    settings = Settings(kubeconfig=kubeconfig(tmp_path / "config"))
    observer = make_live_observer(settings, ManualClock(NOW))
    assert (observer.title, observer.is_finite) == ("here", False)


@pytest.mark.parametrize(
    ("written", "context", "says", "advises"),
    [
        ({"current": ""}, None, "no current context", "Name one with --context: here"),
        ({}, "there", "no context 'there'", "Use one of: here"),
        ({"contexts": "cluster: gone, user: u"}, None, "'gone'", "kubeconfig"),
        ({"user": "exec: {args: [x]}"}, None, "exec plugin", "kubeconfig"),
        ({"user": "client-certificate-data: '%%%', client-key-data: abcd"}, None, "client", "kubeconfig"),
        ({"user": "client-certificate: /nonexistent, client-key: /nonexistent"}, None, "/nonexistent", "kubeconfig"),
    ],
)
def test_a_kubeconfig_that_names_no_cluster_is_said_before_anything_is_drawn(
    tmp_path: Path, written: dict[str, str], context: str | None, says: str, advises: str
) -> None:
    settings = Settings(kubeconfig=kubeconfig(tmp_path / "config", **written), context=context)
    with pytest.raises(ZtuiError) as refused:
        make_observer(settings, ManualClock(NOW))
    error = refused.value
    assert isinstance(error, NotObservableError)
    assert error.exit_code == 3
    assert says in error.what
    assert advises in error.remedy
    assert "\n" not in error.what + error.remedy


def test_what_talks_to_a_cluster_is_not_loaded_before_the_first_picture(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config")
    code = (
        "import sys; from ztui.cli.cluster import make_live_observer; from ztui.clock import SystemClock; "
        "from ztui.settings import Settings; "
        f"make_live_observer(Settings(kubeconfig={path!r}), SystemClock()); "
        "print(sorted({name.partition('.')[0] for name in sys.modules} & "
        "{'aiohttp', 'kubernetes', 'textual', 'rich', 'cryptography'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
