"""The screen over captures: every key opens something true, and nothing it shows can hurt a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot

from tests.ui.scene import NOW, HandFeed, capture, glass, make_app, origin, read_lines
from ztui.keys import REGISTRY, remap
from ztui.model.cluster import Ztunnel
from ztui.model.observation import LookAt, PollNow, StreamChanged, ZtunnelsFound
from ztui.model.streams import StreamKey, StreamKind, StreamState
from ztui.ui.app import ZtuiApp
from ztui.ui.panes import PANES

SIZES = [(140, 40), (80, 24), (60, 15)]
SHOWS = {
    "overview": "reviews",
    "flows": "reviews",
    "workloads": "ratings",
    "certificates": "ns/",
    "services": "ratings",
    "policies": "only-productpage",
    "connections": "hold no connections",
    "drift": "every ztunnel that answered holds the same",
    "rollout": "marks",
    "health": "w1",
    "balance": "opened",
}


def text(app: ZtuiApp) -> str:
    return "\n".join(glass(app))


async def press(pilot: Pilot[str], app: ZtuiApp, *keys: str) -> str:
    await pilot.press(*keys)
    app.tick()
    await pilot.pause()
    return text(app)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_pane_shows_what_it_promises(size: tuple[int, int]) -> None:
    app = make_app(capture())
    async with app.run_test(size=size) as pilot:
        for binding in REGISTRY:
            name = binding.id.removeprefix("pane.")
            if binding.id.startswith("pane.") and name in SHOWS:
                shown = await press(pilot, app, binding.keys[0])
                assert SHOWS[name] in shown, name
                assert app.pane_name == name
                assert PANES[name].TITLE in shown  # type: ignore[attr-defined]
        assert all(len(row) <= size[0] for row in glass(app))


async def test_a_filter_narrows_while_it_is_typed_says_what_it_understood_and_esc_takes_it_back() -> None:
    app = make_app(capture())
    async with app.run_test(size=(120, 30)) as pilot:
        before = await press(pilot, app, "1")
        assert "productpage.default" in before
        shown = await press(pilot, app, "slash", *"to:loc")
        assert "to:locked" in shown  # a value that exists is proposed
        await pilot.press(*"ked !from:curl*")
        shown = await press(pilot, app)
        assert "understood:" in shown
        shown = await press(pilot, app, "enter")
        assert "locked.secure" in shown
        assert "reviews.default" not in shown
        assert "curl-7656cf8794-r7zb9    locked" not in shown
        assert "reviews.default" in await press(pilot, app, "escape")


async def test_a_filter_that_makes_no_sense_keeps_what_was_shown_and_says_why() -> None:
    app = make_app(capture())
    async with app.run_test(size=(120, 30)) as pilot:
        await press(pilot, app, "1")
        shown = await press(pilot, app, "slash", *"error~[")
        assert "✖ " in shown
        assert "reviews.default" in shown
        await pilot.press("enter")
        assert app.prompt.is_open
        await press(pilot, app, "escape")
        assert not app.prompt.is_open


async def test_problems_only_hides_what_is_fine_and_x_brings_it_back() -> None:
    app = make_app(capture())
    async with app.run_test(size=(120, 30)) as pilot:
        await press(pilot, app, "1")
        shown = await press(pilot, app, "x")
        assert "problems only" in shown
        assert "ratings.default" not in shown
        assert "denied" in shown
        assert "ratings.default" in await press(pilot, app, "x")


async def test_detail_raw_and_back() -> None:
    app = make_app(capture())
    async with app.run_test(size=(120, 40)) as pilot:
        await press(pilot, app, "1", "x")
        shown = await press(pilot, app, "enter")
        assert "What it means" in shown
        shown = await press(pilot, app, "y")
        assert '"flows":' in shown
        await press(pilot, app, "escape", "escape")
        assert not app.overlays


async def test_single_flows_end_with_the_newest_and_e_goes_to_failures() -> None:
    app = make_app(capture())
    async with app.run_test(size=(120, 30)) as pilot:
        await press(pilot, app, "1")
        for _ in range(6):
            shown = await press(pilot, app, "a")
        assert "1164" in shown
        await press(pilot, app, "g")
        shown = await press(pilot, app, "e")
        row = app.pane.row
        assert row is not None
        assert row.shape.error
        shown = await press(pilot, app, "enter")
        assert "Error" in shown
        first = row
        await press(pilot, app, "escape", "e")
        assert app.pane.row is not first


async def test_a_paused_view_stands_still_and_counts_what_is_new() -> None:
    app = make_app(capture(), is_finite=False)
    feed = app.feed
    assert isinstance(feed, HandFeed)
    line = (
        "2026-07-25T17:19:59.100000Z\tinfo\taccess\tconnection complete\t"
        'src.addr=10.1.1.1:4000 src.workload="newcomer" src.namespace="default" '
        'dst.addr=10.1.1.2:15008 dst.hbone_addr=10.1.1.2:80 dst.service="late.default.svc.cluster.local" '
        'dst.workload="late-1" dst.namespace="default" direction="outbound" bytes_sent=1 bytes_recv=2 duration="3ms"\n'
    )
    async with app.run_test(size=(120, 30)) as pilot:
        await press(pilot, app, "1", "space")
        feed.waiting.append(read_lines(line * 3))
        shown = await press(pilot, app)
        assert "PAUSED" in shown
        assert "+3 new" in shown
        assert "newcomer" not in shown
        shown = await press(pilot, app, "space")
        assert "PAUSED" not in shown
        assert "newcomer" in shown


async def test_o_follows_a_workload_in_all_panes() -> None:
    app = make_app(capture())
    async with app.run_test(size=(120, 30)) as pilot:
        await press(pilot, app, "1")
        shown = await press(pilot, app, "o")
        followed = app.stage.followed
        assert followed
        assert f"only {followed}" in shown
        shown = await press(pilot, app, "2")
        assert followed in shown
        assert "ratings-v1" not in shown
        assert "ratings-v1" in await press(pilot, app, "escape")


async def test_window_zone_wide_sort_and_columns_answer() -> None:
    app = make_app(capture())
    async with app.run_test(size=(140, 30)) as pilot:
        await press(pilot, app, "1")
        assert "Window:" in await press(pilot, app, "left_curly_bracket")
        await press(pilot, app, "right_curly_bracket")
        assert "local" in await press(pilot, app, "t", "t")
        shown = await press(pilot, app, "shift+right", "shift+right", "O")
        assert "orted by" in shown
        before = app.pane.table
        assert before is not None
        narrow = before.columns_shown
        await press(pilot, app, "w")
        assert before.columns_shown != narrow
        await press(pilot, app, "w", "v")
        assert before.columns_shown != narrow


async def test_marks_are_set_where_the_key_was_pressed_and_listed() -> None:
    app = make_app(capture())
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot, app, "m", *"deploy", "enter")
        assert "deploy" in await press(pilot, app, "M")
        assert [mark.at for mark in app.stage.mesh.marks] == [NOW]


def content(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def write(path: Path, words: str) -> None:
    path.write_text(words, encoding="utf-8")


async def test_saving_writes_a_private_new_file_and_never_over_an_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = make_app(capture())
    target = Path("f.txt")
    async with app.run_test(size=(120, 30)) as pilot:
        await press(pilot, app, "1", "ctrl+s", "ctrl+u", *str(target), "enter")
        assert "reviews" in content(target)
        assert mode(target) == 0o600
        write(target, "mine")
        shown = await press(pilot, app, "ctrl+s", "ctrl+u", *str(target), "enter")
        assert "cannot be written" in shown
        assert content(target) == "mine"


async def test_polling_is_asked_of_a_cluster_and_refused_of_files() -> None:
    live = make_app(capture(), is_finite=False)
    async with live.run_test(size=(100, 30)) as pilot:
        await press(pilot, live, "ctrl+r")
        assert isinstance(live.feed, HandFeed)
        assert [wish for wish in live.feed.wishes if not isinstance(wish, LookAt)] == [PollNow()]
    files = make_app(capture())
    async with files.run_test(size=(100, 30)) as pilot:
        assert "do not change" in await press(pilot, files, "ctrl+r")


async def test_help_lists_every_key_and_the_palette_runs_them() -> None:
    app = make_app(capture())
    async with app.run_test(size=(100, 120)) as pilot:
        shown = await press(pilot, app, "question_mark")
        for binding in REGISTRY:
            assert binding.description in shown, binding.id
        await press(pilot, app, "escape")
        await pilot.press("colon")
        await pilot.pause()
        await pilot.press(*"Certificates: ren")
        await pilot.pause(0.3)
        await pilot.press("enter", "enter")
        await pilot.pause(0.2)
        assert app.pane_name == "certificates"


async def test_maximise_gives_the_screen_to_one_part_and_takes_it_back() -> None:
    app = make_app(capture())
    async with app.run_test(size=(120, 30)) as pilot:
        await press(pilot, app)
        assert "Latest" in text(app)
        assert "Latest" not in await press(pilot, app, "z")
        assert "Latest" in await press(pilot, app, "z")


@pytest.mark.parametrize(("key", "code"), [("q", 0), ("ctrl+q", 0), ("Q", 0), ("ctrl+c", 130)])
async def test_ways_to_leave(key: str, code: int) -> None:
    app = make_app(capture())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key)
        await pilot.pause()
        assert app.return_code == code


async def test_q_closes_what_is_open_before_it_quits() -> None:
    app = make_app(capture())
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, app, "question_mark", "q")
        assert not app.overlays
        assert app.is_running


async def test_any_size_is_survived() -> None:
    app = make_app(capture())
    async with app.run_test(size=(200, 60)) as pilot:
        for size in ((1, 1), (2, 2), (80, 24), (20, 5), (60, 15), (300, 100), (5, 60)):
            await pilot.resize_terminal(*size)
            for key in "0123456789":
                await pilot.press(key)
            app.tick()
        await pilot.pause()
        assert app.return_code is None


HOSTILE = "\x1b]0;owned\x07\x9b31m[/][@click=app.quit]x[/]\u202e\u2066\u200b"


async def test_hostile_text_is_inert_on_every_pane() -> None:
    quoted = json.dumps(HOSTILE)
    lines = "".join(
        f'{{"level":"error","time":"2026-07-25T17:19:59.10000{i}Z","scope":"access","message":"connection complete",'
        f'"src.addr":"10.1.1.1:1","src.workload":{quoted},"src.namespace":{quoted},"src.identity":{quoted},'
        f'"dst.addr":"10.1.1.2:2","dst.service":{quoted},"dst.workload":{quoted},"dst.namespace":{quoted},'
        f'"direction":"outbound","bytes_sent":1,"bytes_recv":2,"duration":"1ms","error":{quoted}}}\n'
        for i in range(3)
    )
    app = make_app([read_lines(lines)])
    async with app.run_test(size=(140, 40)) as pilot:
        for key in ("0", "1", "enter", "y", "escape", "2", "3", "4", "5", "6", "7", "8", "9", "0", "a", "o"):
            shown = await press(pilot, app, key)
            assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in shown.replace("\n", ""))
            assert not any(char in shown for char in "\u202e\u2066\u200b")
        assert app.is_running


def found(*names: str) -> ZtunnelsFound:
    ztunnels = tuple(Ztunnel(name=f"ztunnel-{name}", namespace="istio-system", node=name) for name in names)
    return ZtunnelsFound(ztunnels=ztunnels, followed=frozenset(ztunnel.key for ztunnel in ztunnels))


def changed(kind: StreamKind, of: str, state: StreamState, reason: str | None = None) -> StreamChanged:
    return StreamChanged(stream=StreamKey(kind=kind, of=of), state=state, at=NOW, reason=reason)


NO_LOGS = "user sre may not get pods/log in namespace istio-system"


@pytest.mark.parametrize(
    ("observations", "pane", "says"),
    [
        ([], "1", "Looking for ztunnels"),
        ([], "9", "Looking for ztunnels"),
        ([found("w1")], "1", "no connection has closed yet"),
        ([found("w1")], "2", "Waiting for the first config dump"),
        (
            [found("w1"), changed(StreamKind.LOG, origin("w1").key, StreamState.NOT_PERMITTED, NO_LOGS)],
            "1",
            NO_LOGS,
        ),
        (
            [found("w1"), changed(StreamKind.CONFIG_DUMP, origin("w1").key, StreamState.NOT_PERMITTED, "no forward")],
            "3",
            "flows need only the logs",
        ),
        (
            [changed(StreamKind.WATCH, "pods", StreamState.UNAVAILABLE, "127.0.0.1:6443 refused the connection")],
            "0",
            "refused the connection",
        ),
        (
            [found("w1"), changed(StreamKind.LOG, origin("w1").key, StreamState.UNAVAILABLE, "kubelet: i/o timeout")],
            "9",
            "i/o timeout",
        ),
    ],
)
async def test_an_empty_pane_says_why_and_what_would_fill_it(
    observations: list[StreamChanged | ZtunnelsFound], pane: str, says: str
) -> None:
    app = make_app(observations, is_finite=False)
    async with app.run_test(size=(140, 40)) as pilot:
        assert says in await press(pilot, app, pane)


@pytest.mark.parametrize(("pane", "says"), [("1", "no access log lines"), ("2", "no config dump"), ("0", "no access")])
async def test_files_without_what_a_pane_needs_say_so(pane: str, says: str) -> None:
    observations = capture()
    app = make_app([observations[-1]])
    async with app.run_test(size=(140, 40)) as pilot:
        assert says in await press(pilot, app, pane)


async def test_ascii_draws_nothing_else() -> None:
    app = make_app(capture(), is_ascii=True)
    async with app.run_test(size=(140, 40)) as pilot:
        for key in "0123456789?":
            shown = await press(pilot, app, "question_mark" if key == "?" else key)
            assert shown.isascii(), [char for char in shown if not char.isascii()]
        await pilot.press("colon")
        await pilot.pause(0.1)
        shown = text(app)
        assert "Search for commands" in shown
        assert "Choose the column to the left" in shown
        assert shown.isascii(), [char for char in shown if not char.isascii()]


async def test_only_changed_lines_are_painted_again() -> None:
    app = make_app(capture(), is_finite=False)
    async with app.run_test(size=(140, 40)) as pilot:
        await press(pilot, app, "1")
        app.tick()
        assert app.pane.sync() == 0


async def test_remapped_keys_do_the_work_and_the_old_ones_do_not() -> None:
    app = make_app(capture())
    app = ZtuiApp(
        type(app.stage)(
            mesh=app.stage.mesh,
            clock=app.stage.clock,
            settings=app.stage.settings,
            title="x",
            is_finite=True,
            bindings=remap({"problems": "ctrl+y"}),
        ),
        app.feed,
        ticks=False,
    )
    async with app.run_test(size=(120, 30)) as pilot:
        assert "problems only" not in await press(pilot, app, "1", "x")
        assert "problems only" in await press(pilot, app, "ctrl+y")


async def test_a_bug_in_the_observer_ends_the_program_as_a_bug() -> None:
    app = make_app(capture())
    app.feed.failure = ValueError("broken")
    async with app.run_test(size=(80, 24)):
        with pytest.raises(ValueError, match="broken"):
            app.tick()


async def test_keys_typed_right_behind_the_slash_belong_to_the_prompt() -> None:
    app = make_app(capture())
    async with app.run_test(size=(120, 30)) as pilot:
        await press(pilot, app, "1")
        for key in ("slash", *"q:x"):
            app.post_message(
                events.Key(key if len(key) > 1 else _character_to_key(key), "/" if key == "slash" else key)
            )
        await pilot.pause()
        assert app.is_running
        assert app.return_code is None
        assert app.prompt.is_open
        assert app.prompt._input.value == "q:x"
