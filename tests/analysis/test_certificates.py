"""Certificates judged by their dates, against what a real CA outage looked like."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ztui.analysis.certificates import CertificateStatus, CertificateVerdict, judge, judge_all
from ztui.model.certificate import read_chain
from ztui.model.configdump import DumpReader
from ztui.units import parse_time

DATA = Path(__file__).parents[1] / "data" / "ztunnel"
DAY_S = 86_400.0


def chain(
    state: str = "Available", issued: str = "2026-01-01T00:00:00Z", expires: str = "2026-01-02T00:00:00Z"
) -> dict[str, object]:
    return {
        "identity": "spiffe://cluster.local/ns/default/sa/curl",
        "state": state,
        "certChain": [{"pem": "", "serialNumber": "7", "validFrom": issued, "expirationTime": expires}],
        "rootCerts": [],
    }


def at(time: str) -> float:
    seconds = parse_time(time)
    assert seconds is not None
    return seconds


ISSUED = at("2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("hours", "verdict", "reason"),
    [
        (1, CertificateVerdict.FRESH, "renews in 11 h"),
        (12.01, CertificateVerdict.RENEWING, "renewal due for 36 s"),
        (12 + 22 / 60, CertificateVerdict.OVERDUE, "renewal overdue 22 m"),
        (23.9, CertificateVerdict.OVERDUE, "renewal overdue 11 h"),
        (24, CertificateVerdict.EXPIRED, "expired 0"),
        (26, CertificateVerdict.EXPIRED, "expired 2 h"),
        (-1, CertificateVerdict.FRESH, "a clock is off"),
    ],
)
def test_a_day_in_the_life(hours: float, verdict: CertificateVerdict, reason: str) -> None:
    status = judge(read_chain(chain()), now=ISSUED + hours * 3600)
    assert status.verdict is verdict
    assert reason in status.reason
    assert status.renews_at == ISSUED + DAY_S / 2
    assert status.is_problem == (verdict in (CertificateVerdict.OVERDUE, CertificateVerdict.EXPIRED))
    assert status.elapsed == pytest.approx(min(max(hours / 24, 0), 1))
    assert (status.overdue_s is not None) == status.is_problem
    assert status.is_urgent == (hours > 19.2)


def test_a_short_life_is_judged_by_the_same_share() -> None:
    short = read_chain(chain(expires="2026-01-01T00:08:00Z"))
    assert judge(short, now=ISSUED + 250).verdict is CertificateVerdict.RENEWING
    assert judge(short, now=ISSUED + 300).verdict is CertificateVerdict.OVERDUE


@pytest.mark.parametrize(
    ("name", "now", "verdict"),
    [
        ("available", "2026-11-23T09:13:00Z", CertificateVerdict.FRESH),
        ("ca-frozen-overdue", "2026-11-23T09:17:00Z", CertificateVerdict.OVERDUE),
        ("ca-frozen-expired", "2026-11-23T09:19:30Z", CertificateVerdict.EXPIRED),
        ("ca-gone-overdue", "2026-11-23T09:24:00Z", CertificateVerdict.OVERDUE),
        ("ca-gone-expired", "2026-11-23T09:25:30Z", CertificateVerdict.UNAVAILABLE),
        ("ca-back-60s", "2026-11-23T09:26:30Z", CertificateVerdict.UNAVAILABLE),
    ],
)
def test_through_a_real_outage(name: str, now: str, verdict: CertificateVerdict) -> None:
    part = json.loads((DATA / "istiod-mesh" / f"certificates-{name}.json").read_text())
    dump = DumpReader().read(json.dumps({"certificates": part, "config": {"localNode": "w1"}}).encode())
    judged = judge_all({"istio-system/ztunnel-a": dump}, now=at(now))
    assert [status.verdict for status in judged] == [verdict] * 4
    assert {status.node for status in judged} == {"w1"}
    if verdict is CertificateVerdict.UNAVAILABLE:
        assert judged[0].reason == "signing gRPC error (Unknown error): client error (Connect)"
        assert judged[0].state == "Unavailable"
    else:
        assert judged[0].state == "Available"  # whatever the dates say
        assert len(judged[0].roots) == 1


def test_the_most_urgent_come_first() -> None:
    def one(sa: str, state: str, expires: str | None) -> dict[str, object]:
        certificates = [{"validFrom": "2026-01-01T00:00:00Z", "expirationTime": expires}] if expires else []
        return {"identity": f"spiffe://td/ns/n/sa/{sa}", "state": state, "certChain": certificates}

    data = {
        "certificates": [
            one("fresh", "Available", "2026-01-04T00:00:00Z"),
            one("init", "Initializing", None),
            one("overdue", "Available", "2026-01-02T00:00:00Z"),
            one("odd", "Meditating", None),
            one("expired", "Available", "2026-01-01T10:00:00Z"),
            one("gone", "Unavailable: no", None),
        ]
    }
    judged = judge_all({"a": DumpReader().read(json.dumps(data).encode())}, now=ISSUED + 15 * 3600)
    assert [status.name for status in judged] == [
        f"ns/n/sa/{sa}" for sa in ("expired", "gone", "odd", "overdue", "init", "fresh")
    ]
    assert judged[2].verdict is None
    assert judged[2].is_problem


def test_the_key_is_identity_and_ztunnel() -> None:
    status: CertificateStatus = judge(read_chain(chain()), now=ISSUED, ztunnel="istio-system/z")
    assert status.key == "istio-system/z|spiffe://cluster.local/ns/default/sa/curl"
    assert status.serial == 7
