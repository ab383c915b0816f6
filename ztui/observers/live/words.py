"""The states of kube's streams in the words of model/streams.py."""

from __future__ import annotations

from ztui.kube.failures import Kind, KubeError
from ztui.kube.logtypes import LogReport, LogState
from ztui.kube.reflector import WatchReport, WatchState
from ztui.model.observation import StreamChanged
from ztui.model.streams import StreamKey, StreamState
from ztui.model.text import clean

_LOG_STATES = {
    LogState.WAITING: StreamState.WAITING,
    LogState.CONNECTING: StreamState.CONNECTING,
    LogState.FOLLOWING: StreamState.CONNECTED,
    LogState.RETRYING: StreamState.UNAVAILABLE,
    LogState.DENIED: StreamState.NOT_PERMITTED,
    LogState.ENDED: StreamState.GONE,
}

_WATCH_STATES = {
    WatchState.SYNCING: StreamState.CONNECTING,
    WatchState.LIVE: StreamState.CONNECTED,
    WatchState.STALE: StreamState.UNAVAILABLE,
    WatchState.DENIED: StreamState.NOT_PERMITTED,
    WatchState.ABSENT: StreamState.ERROR,
}


_UNTIL_CHANGED = frozenset(
    {Kind.CONFIG, Kind.CREDENTIALS, Kind.CERTIFICATE, Kind.NOT_TLS, Kind.TLS_EXPECTED, Kind.UNAUTHORIZED}
)
"""What waiting does not mend: somebody has to log in, or to correct a kubeconfig."""


def log_changed(stream: StreamKey, report: LogReport, at: float) -> StreamChanged:
    """Say how a log stream is."""
    return StreamChanged(
        stream=stream,
        state=_judged(_LOG_STATES[report.state], report.why),
        at=at,
        reason=_what(report.why),
        remedy=_remedy(report.why),
        retry_at=report.retry_at,
        probed_at=report.probed_at,
        oldest_available=report.oldest_available,
    )


def watch_changed(stream: StreamKey, report: WatchReport, at: float) -> StreamChanged:
    """Say how a watch is. One that never had an answer is not connecting for ever, it is unavailable."""
    state = _WATCH_STATES[report.state]
    if report.why is not None and state is StreamState.CONNECTING:
        state = StreamState.UNAVAILABLE
    return StreamChanged(
        stream=stream,
        state=_judged(state, report.why),
        at=at,
        reason=_what(report.why),
        remedy=_remedy(report.why),
        retry_at=report.retry_at,
    )


def failed(stream: StreamKey, state: StreamState, why: KubeError, at: float, retry_at: float | None) -> StreamChanged:
    """Say why something could not be had."""
    return StreamChanged(
        stream=stream,
        state=_judged(state, why),
        at=at,
        reason=_what(why),
        remedy=_remedy(why),
        retry_at=retry_at,
    )


def _judged(state: StreamState, why: KubeError | None) -> StreamState:
    """Tell what is lost for now from what stays so until something is changed."""
    is_stuck = why is not None and why.kind in _UNTIL_CHANGED and state is StreamState.UNAVAILABLE
    return StreamState.ERROR if is_stuck else state


def _what(why: KubeError | None) -> str | None:
    return clean(why.what) if why is not None else None


def _remedy(why: KubeError | None) -> str | None:
    return clean(why.remedy) if why is not None else None
