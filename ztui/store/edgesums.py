"""Sums over the connections of one edge, and the row they are shown as."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import ceil

from ztui.analysis.overload import estimated, share_read
from ztui.model.flow import round_duration
from ztui.model.text import logged_at
from ztui.store.segments import Spread

EXACT_DURATIONS = 1024
"""Distinct durations an edge keeps apart; beyond, they are rounded to two digits."""


class Sums:
    """Sums over the connections of one edge. Durations are only counted when somebody asks for them."""

    __slots__ = (
        "_counted",
        "_is_rounded",
        "_parts",
        "_raw",
        "_spread",
        "bytes_recv",
        "bytes_sent",
        "denied",
        "failed",
        "flows",
        "last",
        "last_error",
        "last_error_at",
        "unread",
    )

    def __init__(self) -> None:
        self.flows = self.failed = self.denied = 0
        self.bytes_sent = self.bytes_recv = 0
        self.last = self.last_error_at = b""
        self.last_error: str | None = None
        self.unread = 0
        """Connections that only were counted (overload), or of which the line told no numbers."""
        self._counted: Counter[int] | None = None
        self._is_rounded = False
        self._raw: list[int] | None = None  # an empty list takes 56 bytes, and totals have none
        self._parts: Sequence[Sums] | None = None
        """Whose durations are to be merged when somebody asks for them."""
        self._spread: Spread | None = None
        """Durations of what has been settled."""

    @classmethod
    def of(cls, parts: Sequence[Sums]) -> Sums:
        """Add up several, which are kept: their durations are added when a percentile is asked for."""
        total = cls()
        for part in parts:
            total._merge(part)
        total._parts = parts
        return total

    @classmethod
    def settled(cls, known: Sums | None, more: Sums) -> Sums:
        """Add up for good: nothing of the parts is kept, and of many durations only evenly spaced quantiles."""
        total = cls()
        spread = total._spread = Spread()
        for part in (more,) if known is None else (known, more):
            total._merge(part)
            part.pour_into(spread)
        return total

    def pour_into(self, spread: Spread) -> None:
        """Add the durations to others."""
        if self._raw:
            spread.add(self._raw, len(self._raw))
        if self._counted:
            spread.add(list(self._counted.elements()), self._counted.total())
        for durations, weight in () if self._spread is None else self._spread.parts():
            spread.add(durations, round(weight * len(durations)))
        for part in self._parts or ():
            part.pour_into(spread)

    def copied(self) -> Sums:
        """Give the same sums, to add to: what was handed out stays as it was."""
        copy = Sums()
        copy.flows, copy.failed, copy.denied = self.flows, self.failed, self.denied
        copy.bytes_sent, copy.bytes_recv = self.bytes_sent, self.bytes_recv
        copy.unread = self.unread
        copy.last, copy.last_error_at, copy.last_error = self.last, self.last_error_at, self.last_error
        copy._counted = self._counted.copy() if self._counted is not None else None
        copy._is_rounded = self._is_rounded
        copy._raw = self._raw and self._raw.copy()
        return copy

    @property
    def durations(self) -> Counter[int]:
        """Duration in milliseconds → how often."""
        if self._spread is not None:
            return _weighted(Counter(), self._spread.parts())
        if self._counted is None:
            self._counted = Counter()
        if self._parts is not None:
            for part in self._parts:
                self._counted.update(part.durations)
            self._parts = None
        if self._raw:
            self._counted.update(map(round_duration, self._raw) if self._is_rounded else self._raw)
            self._raw = None
            if len(self._counted) > EXACT_DURATIONS:
                # From now on all are: the answer must not depend on how often it was asked for in between.
                self._counted, self._is_rounded = _rounded(self._counted), True
        return self._counted

    def add_failed(self, entries: int, time: bytes, error: str | None, *, is_denied: bool) -> None:
        """Add failed entries with the same error, the latest of them at `time`."""
        self.failed += entries
        if is_denied:
            self.denied += entries
        if time >= self.last_error_at:
            self.last_error_at, self.last_error = time, error

    def add_durations(self, durations_ms: Sequence[int], weight: float) -> None:
        """Add durations, each of which stands for `weight` entries."""
        if weight == 1.0:
            if self._raw is None:
                self._raw = list(durations_ms)
            else:
                self._raw += durations_ms
            return
        _weighted(self.durations, [(durations_ms, weight)])

    def percentiles(self, *shares: float) -> tuple[float | None, ...]:
        """Give the smallest durations that at least these shares of all are not above; None of nothing."""
        raw = self._raw or []
        if not (self._counted or self._parts or self._spread) and len(raw) <= EXACT_DURATIONS:
            raw.sort()  # few and as they came: most edges of a large mesh
            return tuple(float(raw[max(ceil(share * len(raw)) - 1, 0)]) if raw else None for share in shares)
        durations = self.durations
        return tuple(percentile(durations, share) for share in shares)

    def _merge(self, more: Sums) -> None:
        self.flows += more.flows
        self.failed += more.failed
        self.denied += more.denied
        self.bytes_sent += more.bytes_sent
        self.bytes_recv += more.bytes_recv
        self.unread += more.unread
        self.last = max(self.last, more.last)
        if more.last_error_at > self.last_error_at:
            self.last_error_at, self.last_error = more.last_error_at, more.last_error


def _weighted(counted: Counter[int], parts: Iterable[tuple[Sequence[int], float]]) -> Counter[int]:
    """Count durations, each as often as the entries it stands for."""
    for durations, weight in parts:
        often = round(weight)
        for duration in durations:
            counted[duration] += often
    return counted


def _rounded(durations: Mapping[int, int]) -> Counter[int]:
    rounded: Counter[int] = Counter()
    for duration, often in durations.items():
        rounded[round_duration(duration)] += often
    return rounded


def percentile(durations: Mapping[int, int], share: float) -> float | None:
    """Give the smallest value that at least `share` of all are not above; None of nothing."""
    total = sum(durations.values())
    if not total:
        return None
    reached, wanted = 0, share * total
    for value in sorted(durations):
        reached += durations[value]
        if reached >= wanted:
            return float(value)
    return float(max(durations))


class EdgeRow:
    """One edge: its keys, and what its connections add up to. `failed` includes `denied`; drained are neither.

    Percentiles are found when asked for: merging durations costs more than all the sums together.
    """

    __slots__ = ("_percentiles", "_total", "by", "failed", "failed_per_s", "flows", "group", "rate_per_s", "trend")

    def __init__(
        self, by: tuple[str, ...], group: tuple[str | None, ...], total: Sums, span_s: float, trend: tuple[float, ...]
    ) -> None:
        self.by = by
        """What edges were asked for by: keys of `--by`."""
        self.group = group
        """The values of these keys; another behind them marks what was forgotten."""
        self._total = total
        self._percentiles: tuple[float | None, ...] | None = None
        self.flows = total.flows
        """Connections (entries, where direction was asked for)."""
        self.failed = total.failed
        """Connections that failed or were denied."""
        self.rate_per_s = total.flows / span_s
        self.failed_per_s = total.failed / span_s
        self.trend = trend
        """Connections per second in each of the last ten seconds, oldest first."""

    @property
    def keys(self) -> dict[str, str | None]:
        """Key → value."""
        return dict(zip(self.by, self.group, strict=False))

    @property
    def is_other(self) -> bool:
        """Whether it stands for edges that were forgotten because there were too many."""
        return len(self.group) > len(self.by)

    @property
    def denied(self) -> int:
        """Connections that a policy refused."""
        return self._total.denied

    @property
    def read_share(self) -> float:
        """Of the connections that went well, the share whose numbers were read: less than 1.0 after overload.

        Bytes are estimated from that share, and durations are those of that share.
        """
        return share_read(self.flows - self.failed, self._total.unread)

    @property
    def bytes_sent(self) -> int | None:
        """Client → server; an estimate where `read_share` is below 1.0, None where it is nothing."""
        return estimated(self._total.bytes_sent, self.read_share)

    @property
    def bytes_recv(self) -> int | None:
        """Server → client; as `bytes_sent`."""
        return estimated(self._total.bytes_recv, self.read_share)

    @property
    def last_seen(self) -> float | None:
        """Unix seconds: when the latest was logged."""
        return logged_at(self._total.last)

    @property
    def last_error(self) -> str | None:
        """The latest error's text, as logged."""
        return self._total.last_error

    @property
    def durations_ms(self) -> Mapping[int, int]:
        """Duration → how often."""
        return self._total.durations

    @property
    def p50(self) -> float | None:
        """Median duration in milliseconds; None where no entry carried one."""
        return self._known_percentiles()[0]

    @property
    def p99(self) -> float | None:
        """99th percentile of the durations in milliseconds."""
        return self._known_percentiles()[1]

    def _known_percentiles(self) -> tuple[float | None, ...]:
        if self._percentiles is None:
            self._percentiles = self._total.percentiles(0.50, 0.99)
        return self._percentiles

    def __repr__(self) -> str:
        return f"EdgeRow({self.keys}, flows={self.flows}, failed={self.failed})"
