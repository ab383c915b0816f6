"""A log is cut at every byte and re-opened: nothing is lost, nothing is read twice."""

from __future__ import annotations

import pytest

from tests.kube.apiserver import stamp
from ztui.kube.resume import LARGEST_SECOND_BYTES, ResumePoint, seconds_of, stamp_of


def lines_of(*entries: tuple[float, str]) -> list[bytes]:
    return [f"{stamp(at)} {text}\n".encode() for at, text in entries]


THREE_SECONDS = lines_of(
    (0.1, "a"),
    (0.9, "b"),
    (1.0, "c"),
    (1.0, "c"),
    (1.0, "d"),
    (1.7, "e"),
    (1.7, "e"),
    (2.0, "f"),
    (2.2, ""),
    (2.2, "g"),
)


def resumed(point: ResumePoint, log: list[bytes]) -> tuple[bytes, int]:
    """What a kubelet sends again, filtered: sinceTime is cut to the second."""
    assert point.last is not None
    since = point.last[:19]
    replay = point.replay()
    assert replay is not None
    kept = replay.filter(b"".join(line for line in log if line[:19] >= since))
    return kept, int(replay.gap is not None)


@pytest.mark.parametrize("count", range(1, len(THREE_SECONDS) + 1))
def test_after_any_number_of_lines_the_rest_follows_exactly(count: int) -> None:
    point = ResumePoint()
    point.delivered(b"".join(THREE_SECONDS[:count]))
    assert resumed(point, THREE_SECONDS) == (b"".join(THREE_SECONDS[count:]), 0)


@pytest.mark.parametrize("first", range(1, 6))
@pytest.mark.parametrize("second", range(1, 5))
def test_interrupted_within_the_replay_or_just_behind_it(first: int, second: int) -> None:
    point = ResumePoint()
    for line in THREE_SECONDS[:first]:
        point.delivered(line)
    kept, _ = resumed(point, THREE_SECONDS[: first + second])
    if kept:
        point.delivered(kept)
    more, gaps = resumed(point, THREE_SECONDS)
    assert b"".join(THREE_SECONDS[:first]) + kept + more == b"".join(THREE_SECONDS)
    assert gaps == 0


def test_a_rotated_log_is_one_gap_and_no_line_is_held_back() -> None:
    point = ResumePoint()
    point.delivered(b"".join(THREE_SECONDS))
    later = lines_of((60.0, "x"), (60.5, "y"))
    replay = point.replay()
    assert replay is not None
    assert replay.filter(b"".join(later)) == b"".join(later)
    assert replay.gap is not None
    assert (replay.gap.first, replay.gap.last) == (seconds_of(stamp(2.2).encode()), seconds_of(stamp(60.0).encode()))


def test_a_second_too_large_to_keep_is_resumed_by_time_and_said() -> None:
    point = ResumePoint()
    text = "x" * 1_000_000
    many = lines_of(*((5.0 + i / 100, text) for i in range(LARGEST_SECOND_BYTES // 1_000_000 + 2)))
    for line in many:
        point.delivered(line)
    replay = point.replay()
    assert replay is not None
    after = lines_of((5.9, "new"))
    assert replay.filter(b"".join(many + after)) == b"".join(after)
    assert replay.gap is not None


def test_the_kubelets_own_text_is_no_place_to_resume_from() -> None:
    point = ResumePoint()
    point.delivered(THREE_SECONDS[0] + b"rpc error: code = NotFound\n")
    assert point.last == stamp(0.1).encode()


def test_stamps_of_nodes_with_another_time_zone() -> None:
    line = b"2026-01-01T02:00:00.123456789+02:00 text"
    found = stamp_of(line)
    assert found == b"2026-01-01T02:00:00.123456789+02:00"
    assert seconds_of(found) == pytest.approx(1767225600.123456)


def test_there_is_nothing_to_replay_before_the_first_line() -> None:
    assert ResumePoint().replay() is None
