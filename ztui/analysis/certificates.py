"""Judges certificates by their dates, since ztunnel's own word is late.

A state stays `Available` while renewals fail, with a CA that never answers even past expiry, and nothing is logged
about it. ztunnel renews at half of a certificate's life, so one that is older than that is overdue.
Sources: ztunnel's `src/identity/manager.rs`, `src/tls/certificate.rs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ztui.model.certificate import CertificateChain, CertificateState
from ztui.model.configdump import ConfigDump
from ztui.units import format_age

_GRACE_S = 300.0
_GRACE_SHARE = 0.05
"""Eight renewals run at a time, so some lag is fine: 5 minutes, but never more than a twentieth of a short life."""
_URGENT_SHARE = 0.2


class CertificateVerdict(StrEnum):
    """How a certificate is, by its dates; the order is that of urgency, least first."""

    FRESH = "fresh"
    RENEWING = "renewing"
    INITIALIZING = "initializing"
    OVERDUE = "overdue"
    UNAVAILABLE = "unavailable"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateStatus:
    """How the certificate of one identity is on one node. Times are Unix seconds; None where the dump does not say."""

    identity: str
    ztunnel: str
    """`Origin.key` of the ztunnel that holds it."""
    node: str | None
    state: str | None
    """ztunnel's own word, without the reason it gives."""
    verdict: CertificateVerdict | None
    """None where there is neither a date nor a state that is known."""
    reason: str
    """In plain words: `renews in 3 h 12 m`, `renewal overdue 22 m`, or ztunnel's reason."""
    not_before: float | None = None
    not_after: float | None = None
    renews_at: float | None = None
    """Half of its life."""
    elapsed: float | None = None
    """How much of its life is over, 0–1."""
    overdue_s: float | None = None
    """For how long it should have been renewed; None while that is no problem."""
    is_urgent: bool = False
    """Whether new connections fail now, or will within the last fifth of its life."""
    serial: int | None = None
    roots: tuple[str, ...] = ()
    """SHA-256 fingerprints of what the identity trusts, in hex, sorted."""

    @property
    def key(self) -> str:
        """Identity and ztunnel: the same from dump to dump."""
        return f"{self.ztunnel}|{self.identity}"

    @property
    def name(self) -> str:
        """The identity without scheme and trust domain: `ns/default/sa/curl`."""
        return self.identity.removeprefix("spiffe://").partition("/")[2] or self.identity

    @property
    def is_problem(self) -> bool:
        return self.verdict is None or self.verdict not in (CertificateVerdict.FRESH, CertificateVerdict.RENEWING)


def judge_all(dumps: Mapping[str, ConfigDump], *, now: float) -> tuple[CertificateStatus, ...]:
    """Judge every certificate of the latest dumps, by `Origin.key`; the most urgent first, then by expiry."""
    judged = [
        judge(chain, now=now, ztunnel=ztunnel, node=dump.local_node)
        for ztunnel, dump in dumps.items()
        for chain in dump.certificates
    ]
    return tuple(sorted(judged, key=urgency))


def urgency(status: CertificateStatus) -> tuple[int, float, str]:
    """Sort key: worst verdict first, then what expires (or renews) first."""
    rank = -_RANKS.index(status.verdict) if status.verdict is not None else -_RANKS.index(CertificateVerdict.OVERDUE)
    due = status.renews_at if status.verdict is CertificateVerdict.FRESH else status.not_after
    return rank, due if due is not None else 0.0, status.key


_RANKS = list(CertificateVerdict)


def judge(chain: CertificateChain, *, now: float, ztunnel: str = "", node: str | None = None) -> CertificateStatus:
    """Judge one identity's certificate at `now` (Unix seconds)."""
    leaf = chain.leaf
    not_before = leaf.not_before if leaf else None
    not_after = leaf.not_after if leaf else None
    renews_at = elapsed = overdue_s = None
    is_urgent = False
    if not_before is None or not_after is None or not_after <= not_before:
        verdict, reason = _by_state(chain)
        is_urgent = verdict is CertificateVerdict.UNAVAILABLE
    else:
        life_s = not_after - not_before
        renews_at = not_before + life_s / 2
        elapsed = min(max((now - not_before) / life_s, 0.0), 1.0)
        verdict, reason = _by_dates(now, not_before, not_after)
        overdue_s = now - renews_at if verdict in (CertificateVerdict.OVERDUE, CertificateVerdict.EXPIRED) else None
        is_urgent = now > not_after - _URGENT_SHARE * life_s
    return CertificateStatus(
        identity=chain.identity,
        ztunnel=ztunnel,
        node=node,
        state=chain.state_word,
        verdict=verdict,
        reason=reason,
        not_before=not_before,
        not_after=not_after,
        renews_at=renews_at,
        elapsed=elapsed,
        overdue_s=overdue_s,
        is_urgent=is_urgent,
        serial=leaf.serial if leaf else None,
        roots=tuple(sorted({print_ for root in chain.roots if (print_ := root.fingerprint) is not None})),
    )


def _by_state(chain: CertificateChain) -> tuple[CertificateVerdict | None, str]:
    """Judge a chain without dates: only ztunnel's word is left."""
    if chain.state_word == CertificateState.UNAVAILABLE:
        return CertificateVerdict.UNAVAILABLE, chain.reason or "ztunnel gives no reason"
    if chain.state_word == CertificateState.INITIALIZING:
        return CertificateVerdict.INITIALIZING, "the first certificate has not arrived yet"
    return None, "the dump has no dates for it"


def _by_dates(now: float, not_before: float, not_after: float) -> tuple[CertificateVerdict, str]:
    life_s = not_after - not_before
    renews_at = not_before + life_s / 2
    if now >= not_after:
        return CertificateVerdict.EXPIRED, f"expired {format_age(now - not_after)} ago"
    if now < not_before:
        return CertificateVerdict.FRESH, f"not valid for another {format_age(not_before - now)}: a clock is off"
    if now < renews_at:
        return CertificateVerdict.FRESH, f"renews in {format_age(renews_at - now)}"
    if now < renews_at + min(_GRACE_S, _GRACE_SHARE * life_s):
        return CertificateVerdict.RENEWING, f"renewal due for {format_age(now - renews_at)}"
    return CertificateVerdict.OVERDUE, f"renewal overdue {format_age(now - renews_at)}"
