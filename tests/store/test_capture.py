"""The counting rule by itself: which workloads a watched ztunnel writes for, and notes of who was refused."""

from __future__ import annotations

import pytest

from tests.store.feed import Fed, batch, line, workload
from ztui.model.flow import Shape
from ztui.store.capture import SOURCE_IP, own_workload, source_ip
from ztui.store.sources import SourceNotes

REFUSAL = line(1, "inbound", message="connection failed", error="tls handshake error: x", src_addr="10.1.1.2:5")


def shape(text: str, node: str = "w1") -> Shape:
    return batch(node, text).shapes[0]


@pytest.mark.parametrize(
    ("text", "own"),
    [
        (line(1), ("default", "curl")),
        (line(1, "inbound"), ("default", "reviews-1")),
        (line(1, src=None), None),
        (line(1, "inbound", dst=None), None),
        (REFUSAL, None),
    ],
)
def test_an_entry_is_written_for_one_workload(text: str, own: tuple[str, str] | None) -> None:
    assert own_workload(shape(text)) == own


def test_a_ztunnel_is_watched_once_it_is_followed_or_heard() -> None:
    fed = Fed()
    capture = fed.mesh.capture
    assert not capture.is_watched("w1")
    fed.ztunnels("w1", "w2", followed=["w1"])
    assert [capture.is_watched(node) for node in ("w1", "w2", None)] == [True, False, False]
    fed.log("w2", line(1))
    fed.mesh.edges.learn()
    assert capture.is_watched("w2")


def test_captured_is_what_a_log_or_a_dump_proves() -> None:
    fed = Fed()
    capture = fed.mesh.capture
    fed.ztunnels("w1")
    fed.dump("w1", workload("hbone"), workload("plain", protocol="TCP"), workload("native", nativeTunnel=True),
             workload("far", "w9"))  # fmt: skip
    names = ("hbone", "plain", "native", "far", "nobody")
    assert [capture.is_captured("default", name) for name in names] == [True, False, False, False, False]
    assert not capture.is_captured("default", None)
    fed.log("w1", line(1, src="plain"))
    fed.mesh.edges.learn()
    assert capture.is_captured("default", "plain"), "its own ztunnel wrote for it"


def test_its_version_grows_only_when_a_decision_may_change() -> None:
    fed = Fed()
    capture = fed.mesh.capture
    fed.log("w1", line(1))
    fed.mesh.edges.learn()
    before = capture.version
    fed.log("w1", line(2), line(3, recv=7))
    fed.mesh.edges.learn()
    fed.ztunnels("w1", followed=[])
    assert capture.version == before
    fed.ztunnels("w1")
    assert capture.version == before + 1


def test_a_refusal_is_noted_with_its_address_once_for_each() -> None:
    notes = SourceNotes()
    read = batch("w1", REFUSAL, line(1), REFUSAL.replace("10.1.1.2", "[fd00::2]"), REFUSAL)
    noted = notes.noted(read)
    assert [source_ip(one) for one in noted.shapes] == ["10.1.1.2", None, "fd00::2", "10.1.1.2"]
    assert noted.shapes[0] is noted.shapes[3]
    assert noted.shapes[1] is read.shapes[1]
    assert noted.shapes[0].other == ((SOURCE_IP, "10.1.1.2"),)


def test_what_needs_no_note_stays_the_same() -> None:
    notes = SourceNotes()
    plain = batch("w1", line(1), line(2, "inbound"))
    assert notes.noted(plain) is plain
    outbound = shape(line(1, message="connection failed", error="no healthy upstream: x"))
    assert notes.note(outbound, "10.1.1.2:5") is outbound
    refused = shape(REFUSAL)
    assert notes.note(refused, None) is notes.note(refused, "no address") is refused


def test_notes_are_bounded() -> None:
    notes = SourceNotes(limit=2)
    refused = shape(REFUSAL)
    noted = [notes.note(refused, f"10.1.1.{i}:5") for i in range(9)]
    assert [source_ip(one) for one in noted] == [f"10.1.1.{i}" for i in range(9)]
    assert len(notes._noted) <= 2
