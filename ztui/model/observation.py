"""Everything an observer can say, and everything it can be asked. Frozen values: they cross a thread border."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ztui.model.cluster import KubeService, Namespace, Node, Pod, Ztunnel
    from ztui.model.configdump import ConfigDump
    from ztui.model.flow import EntryBatch, LineCounts, Origin, Shape, Tally
    from ztui.model.streams import Gap, StreamKey, StreamState


class Detail(StrEnum):
    """How much is kept of what is read; the steps of overload, in order."""

    FULL = "full"
    NO_HISTORY = "no history"
    """All is read and counted; single connections are kept only where they failed."""
    SAMPLED = "sampled"
    """Of most batches only failures are read whole; the others are counted exactly, without bytes and durations."""
    SKIP = "skip"
    """Only failures are read; other lines are counted and dropped, and the gap is recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntriesRead:
    """A batch of one ztunnel's log lines was read."""

    stream: StreamKey
    batch: EntryBatch
    observed_at: float
    detail: Detail = Detail.FULL


@dataclass(frozen=True, slots=True, kw_only=True)
class EntriesCounted:
    """Entries that were read, but whose rows had to go before memory could take them: their sums, per shape.

    Happens when the screen stands still for long (a stalled terminal): history loses rows, no count is lost.
    """

    stream: StreamKey
    origin: Origin
    logged_at: bytes
    """Time of the first of them as written; all lie in the same ten seconds of the log."""
    tallies: Mapping[Shape, Tally]
    lines: LineCounts
    byte_count: int
    observed_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionsCounted:
    """Completed connections that overload counted without reading their numbers (their shapes' `measures` are none).

    The lines themselves came as `counted_only` of EntriesRead.
    """

    stream: StreamKey
    logged_at: bytes
    """The ten seconds of the log they lie in, as written and cut off there."""
    counted: Mapping[Shape, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigDumpTaken:
    """A config dump of one ztunnel was read."""

    origin: Origin
    dump: ConfigDump
    taken_at: float
    """When the answer had arrived; for a file, when it was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterChanged:
    """Kubernetes objects of one kind appeared, changed or went. `synced` once the first list was complete."""

    resource: str
    """`pods`, `nodes`, `services`, `namespaces`."""
    changed: tuple[Pod | Node | KubeService | Namespace, ...] = ()
    deleted: tuple[str, ...] = ()
    """Keys: uid for pods and services, name for nodes and namespaces."""
    replaces_all: bool = False
    """A fresh list: what it does not name is gone."""
    synced: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ZtunnelsFound:
    """The whole set of ztunnels that exist now, each time it changes."""

    ztunnels: tuple[Ztunnel, ...]
    followed: frozenset[str]
    """Keys of those whose logs are followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamChanged:
    """A stream entered another state (or confirmed it, with a newer `at`)."""

    stream: StreamKey
    state: StreamState
    at: float
    reason: str | None = None
    """In plain words, where the state is not a happy one."""
    remedy: str | None = None
    """What its user can do about it, in one line."""
    retry_at: float | None = None
    probed_at: float | None = None
    """When a quiet log stream was last proved alive."""
    oldest_available: float | None = None
    """Where the kubelet's current file began later than was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GapFound:
    """Lines of a stream may be missing for good."""

    gap: Gap


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkSet:
    """A named point in time: set by the user, or by something that happened."""

    name: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhausted:
    """A finite observer has said all it will ever say: every file was read to its end."""


Observation = (
    EntriesRead
    | EntriesCounted
    | ConnectionsCounted
    | ConfigDumpTaken
    | ClusterChanged
    | ZtunnelsFound
    | StreamChanged
    | GapFound
    | MarkSet
    | Exhausted
)

Deliver = Callable[[Observation], None]
"""Hands one observation over. May be called from any thread; may block a finite observer until there is room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollNow:
    """Take fresh config dumps now (of these ztunnels; of all where empty)."""

    ztunnels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAt:
    """These ztunnels are on screen: poll them first and oftener."""

    ztunnels: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shed:
    """Read with less detail (or with all of it again)."""

    detail: Detail


Wish = PollNow | LookAt | Shed


class Observer(Protocol):
    """Where facts come from: a live cluster, saved files. Run by a Session on threads of its own."""

    @property
    def title(self) -> str:
        """What is observed, for the status row: `kind-ambient`, `w1.log`."""

    @property
    def is_finite(self) -> bool:
        """Whether it ends by itself; a finite observer waits for room instead of shedding."""

    @property
    def is_unverified(self) -> bool:
        """Whether a server is spoken to whose certificate is not verified."""

    @property
    def is_saved(self) -> bool:
        """Whether all it will say is there already, so that nothing has to be waited for."""

    async def follow(self, deliver: Deliver) -> None:
        """Deliver log entries until cancelled (or to the end, if finite). Runs on the *follow* thread's loop, paced."""

    async def ask(self, deliver: Deliver) -> None:
        """Deliver lists, watches and dumps until cancelled. Runs on the *ask* thread's loop, never paced."""

    def wish(self, wish: Wish) -> None:
        """Take a wish; called on the *ask* thread. The latest of a kind wins."""
