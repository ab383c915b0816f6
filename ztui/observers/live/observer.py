"""The observer of a live cluster: two threads, one login, and what they hand each other."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from ztui.errors import ZtuiError
from ztui.kube.credentials import Credentials
from ztui.model.observation import Shed
from ztui.observers.live.mailbox import Mailbox

if TYPE_CHECKING:
    from ztui.analysis.target import PodName
    from ztui.clock import Clock
    from ztui.kube.client import Client
    from ztui.kube.kubeconfig import ClusterAccess
    from ztui.model.observation import Deliver, Detail, Wish
    from ztui.observers.live.asking import Asking
    from ztui.observers.live.logs import Wanted
    from ztui.observers.live.options import LiveOptions

FOLLOW_SHARE = 0.25
"""Of the requests a second that are allowed, the share of those beside the log streams: probes, looks at a pod."""


class LiveObserver:
    """Watches every ztunnel of a cluster through the Kubernetes API.

    What talks to a cluster is imported on the collecting threads, so that the first picture need not wait for it.
    """

    is_finite = False
    is_saved = False

    def __init__(self, access: ClusterAccess, options: LiveOptions, clock: Clock) -> None:
        self.title = access.title
        self.is_unverified = access.insecure
        self._access = access
        self._options = options
        self._clock = clock
        self._credentials = Credentials(access, clock, may_ask=lambda: options.may_ask)
        self._wanted: Mailbox[Wanted] = Mailbox()
        self._peers: Mailbox[frozenset[PodName]] = Mailbox()
        self._detail: Mailbox[Detail] = Mailbox()
        self._asking: Asking | None = None
        self._wishes: dict[type, Wish] = {}

    @property
    def is_asking(self) -> bool:
        """Whether a login waits for what its user types."""
        return self._credentials.is_asking

    async def follow(self, deliver: Deliver) -> None:
        """Deliver log entries until cancelled."""
        from ztui.observers.live.following import follow  # noqa: PLC0415  not before the first picture

        async with self._client(FOLLOW_SHARE) as client:
            await follow(
                client, self._options, deliver, self._rng(), wanted=self._wanted, peers=self._peers, detail=self._detail
            )

    async def ask(self, deliver: Deliver) -> None:
        """Deliver lists, watches and dumps until cancelled. Raises ZtuiError for a TARGET that means nothing."""
        from ztui.observers.live.asking import Asking  # noqa: PLC0415  not before the first picture
        from ztui.observers.live.login import Explainer  # noqa: PLC0415

        try:
            async with self._client(1.0 - FOLLOW_SHARE if self._options.follows_logs else 1.0) as client:
                explain = Explainer(self._access, self._clock)
                self._asking = Asking(client, self._options, deliver, self._rng(), wanted=self._wanted, explain=explain)
                for wish in self._wishes.values():
                    self._asking.wish(wish)
                await self._asking.run(self._peers)
        except BaseExceptionGroup as group:
            raise _said_to_user(group) from None
        finally:
            self._credentials.close()

    def wish(self, wish: Wish) -> None:
        """Take a wish; one that comes before there is anybody to ask is kept, the latest of its kind."""
        if isinstance(wish, Shed):
            if self._options.sheds:
                self._detail.put(wish.detail)
        elif self._asking is not None:
            self._asking.wish(wish)
        else:
            self._wishes[type(wish)] = wish

    def _client(self, share: float) -> Client:
        from ztui.kube.client import Client  # noqa: PLC0415  a sixth of a second, not before the first picture

        return Client(
            self._access,
            self._credentials,
            clock=self._clock,
            qps=self._options.qps * share,
            request_timeout_s=self._options.request_timeout_s,
        )

    @staticmethod
    def _rng() -> Random:
        return Random()  # noqa: S311  spreads requests in time


def _said_to_user(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Unwrap what a task group wrapped: an error with words for its user, else the first bug."""
    leaves: list[BaseException] = []
    pending: list[BaseException] = [group]
    while pending:
        error = pending.pop(0)
        if isinstance(error, BaseExceptionGroup):
            pending += error.exceptions
        else:
            leaves.append(error)
    return next((leaf for leaf in leaves if isinstance(leaf, ZtuiError)), leaves[0])
