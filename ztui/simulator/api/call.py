"""One request that was understood: who asks, what for, and in which form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ztui.simulator.api.status import not_found
from ztui.simulator.api.tables import wanted_form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from ztui.simulator.api.host import Host
    from ztui.simulator.api.paths import Target
    from ztui.simulator.cluster import Pod


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request for a resource, after authentication."""

    host: Host
    request: web.BaseRequest
    user: str
    target: Target

    @property
    def query(self) -> Mapping[str, str]:
        """The query; of a repeated key the first."""
        return self.request.query

    @property
    def form(self) -> str:
        """Object, Table or metadata alone, as the Accept header asks."""
        return wanted_form(self.request.headers.get("Accept", ""))

    def pod(self) -> Pod:
        """Find the pod the path names; 404 where there is none."""
        key = (self.target.namespace or "", self.target.name or "")
        pod = self.host.world.cluster.pods.get(key)
        if pod is None:
            raise not_found("pods", key[1])
        return pod
