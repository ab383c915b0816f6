"""The one wire between an observer and a mesh, and the one border between threads."""

from ztui.session.inbox import Inbox
from ztui.session.loops import Pacer
from ztui.session.session import SLICE_S, Memory, Session

__all__ = ["SLICE_S", "Inbox", "Memory", "Pacer", "Session"]
