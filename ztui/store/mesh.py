"""The mesh: the one memory of facts, synchronous, used by one thread, bounded in every part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ztui.model.flow import LineCounts, failed_of
from ztui.model.observation import (
    ClusterChanged,
    ConfigDumpTaken,
    ConnectionsCounted,
    Detail,
    EntriesCounted,
    EntriesRead,
    Exhausted,
    GapFound,
    MarkSet,
    Observation,
    StreamChanged,
    ZtunnelsFound,
)
from ztui.model.streams import StreamKey, StreamKind, StreamState
from ztui.model.text import logged_at
from ztui.store.capture import Capture
from ztui.store.cluster import ClusterState
from ztui.store.edges import EdgeStore
from ztui.store.entries import EntryStore
from ztui.store.history import USUAL, Bounds
from ztui.store.inventory import Inventory
from ztui.store.marks import Marks
from ztui.store.streams import StreamTable

if TYPE_CHECKING:
    from ztui.clock import Clock


class Topic(StrEnum):
    """What an answer can depend on."""

    ENTRIES = "entries"
    EDGES = "edges"
    DUMPS = "dumps"
    CLUSTER = "cluster"
    STREAMS = "streams"
    MARKS = "marks"


class Mesh:
    """Everything that was observed, as far as its bounds reach. `versions` has a counter per topic that only grows.

    It keeps `max_rows` entries or `max_bytes` of them, and counts within `bounds`. A command that reads files to their
    end and prints every edge may raise these, and where it asks for no window, rate or trend do without `is_timed`.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        max_rows: int = 100_000,
        max_bytes: int = 64 << 20,
        bounds: Bounds = USUAL,
        is_timed: bool = True,
    ) -> None:
        self.clock = clock
        self.versions: dict[Topic, int] = dict.fromkeys(Topic, 0)
        self.entries = EntryStore(max_rows=max_rows, max_bytes=max_bytes)
        self.cluster = ClusterState()
        self.inventory = Inventory(self.cluster)
        self.capture = Capture(self.inventory)
        self.edges = EdgeStore(
            self.inventory,
            self.capture,
            bounds=bounds,
            is_timed=is_timed,
        )
        self.streams = StreamTable()
        self.marks = Marks()
        self.exhausted = False
        """Whether the observer has said all it will ever say."""
        self.detail = Detail.FULL
        """How much was kept of what was read last: less than all in overload."""
        self._ingest: Mapping[type, Callable[[Any], None]] = {
            EntriesRead: self._take_entries,
            EntriesCounted: self._take_counts,
            ConnectionsCounted: self._take_unmeasured,
            ConfigDumpTaken: self._take_dump,
            ClusterChanged: self._take_cluster,
            ZtunnelsFound: self._take_ztunnels,
            StreamChanged: self._take_stream,
            GapFound: self._take_gap,
            MarkSet: self._take_mark,
            Exhausted: self._take_end,
        }

    def ingest(self, observation: Observation) -> None:
        """Remember one observation: the one way in."""
        self._ingest[type(observation)](observation)

    def version_of(self, *topics: Topic) -> int:
        """One counter for several topics: grows when any of them changed."""
        return sum(self.versions[topic] for topic in topics)

    @property
    def lines(self) -> LineCounts:
        """Where every line of all streams went."""
        return self.streams.lines()

    @property
    def now_logged(self) -> float | None:
        """The latest time any entry was logged at, in Unix seconds; None before the first."""
        return max((row.last_logged_at for row in self.streams if row.last_logged_at is not None), default=None)

    def _take_entries(self, read: EntriesRead) -> None:
        batch = read.batch
        self.detail = read.detail
        logged: float | None = None
        if batch.shapes:
            latest = batch.latest or max(batch.times)
            logged = logged_at(latest)
            self.entries.append(batch if read.detail is Detail.FULL else failed_of(batch))
            self.edges.rates.count(self.edges.sources.noted(batch))
            self.versions[Topic.ENTRIES] += 1
            self.versions[Topic.EDGES] += 1
        row = self.streams.row(read.stream)
        if row.state in (StreamState.WAITING, StreamState.CONNECTING):
            row.state, row.since = StreamState.CONNECTED, read.observed_at
        row.saw(batch.lines, batch.byte_count, read.observed_at, logged)
        self.versions[Topic.STREAMS] += 1

    def _take_counts(self, counted: EntriesCounted) -> None:
        self.edges.rates.count_tallies(counted.logged_at, counted.tallies)
        self.streams.row(counted.stream).saw(
            counted.lines, counted.byte_count, counted.observed_at, logged_at(counted.logged_at)
        )
        self.versions[Topic.EDGES] += 1
        self.versions[Topic.STREAMS] += 1

    def _take_unmeasured(self, counted: ConnectionsCounted) -> None:
        self.edges.rates.count_unmeasured(counted.logged_at, counted.counted)
        self.versions[Topic.EDGES] += 1

    def _take_dump(self, taken: ConfigDumpTaken) -> None:
        self.inventory.take(taken)
        row = self.streams.row(StreamKey(kind=StreamKind.CONFIG_DUMP, of=taken.origin.key))
        row.last_observed_at = taken.taken_at
        self.versions[Topic.DUMPS] += 1
        self.versions[Topic.EDGES] += 1
        self.versions[Topic.STREAMS] += 1

    def _take_cluster(self, change: ClusterChanged) -> None:
        known = self.cluster.naming_version
        self.cluster.take(change)
        self.versions[Topic.CLUSTER] += 1
        if self.cluster.naming_version != known:  # apps, nodes and zones of edges are asked of the cluster
            self.versions[Topic.EDGES] += 1

    def _take_ztunnels(self, found: ZtunnelsFound) -> None:
        self.cluster.take_ztunnels(found)
        self.inventory.keep_only(ztunnel.key for ztunnel in found.ztunnels)
        self.capture.follow(z.node for z in found.ztunnels if z.key in found.followed and z.node is not None)
        self.versions[Topic.CLUSTER] += 1
        self.versions[Topic.DUMPS] += 1
        self.versions[Topic.EDGES] += 1

    def _take_stream(self, change: StreamChanged) -> None:
        self.streams.change(change)
        self.versions[Topic.STREAMS] += 1

    def _take_gap(self, found: GapFound) -> None:
        self.streams.add_gap(found.gap)
        self.versions[Topic.STREAMS] += 1

    def _take_mark(self, mark: MarkSet) -> None:
        self.marks.add(mark)
        self.versions[Topic.MARKS] += 1

    def _take_end(self, _: Exhausted) -> None:
        self.exhausted = True
        for topic in Topic:
            self.versions[topic] += 1
