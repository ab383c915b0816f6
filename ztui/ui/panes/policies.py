"""Policies (5): as the ztunnels hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ztui.store.mesh import Topic
from ztui.tables.holdings import POLICIES, PolicyRow, policy_rows
from ztui.ui.panes.dumppane import DumpPane
from ztui.ui.panes.fields import POLICY_FIELDS

if TYPE_CHECKING:
    from ztui.ui.stage import Stage


class PoliciesPane(DumpPane[PolicyRow]):
    """One row per policy."""

    NAME: ClassVar[str] = "policies"
    TITLE: ClassVar[str] = "Policies"
    SHORT: ClassVar[str] = "Pol"
    ABOUT: ClassVar[tuple[str, ...]] = (
        "Authorization policies as the ztunnels hold them, those istiod made of a PeerAuthentication included.",
        """Denials that name a policy, which clause a source fails, and what still arrives in plaintext before STRICT
        will stand here. Matches of allow policies are in no log above debug.""",
    )

    def __init__(self, stage: Stage) -> None:
        mesh = stage.mesh
        super().__init__(stage, POLICIES, lambda: policy_rows(mesh), Topic.DUMPS, fields=POLICY_FIELDS)

    def heading(self) -> str:
        """Say what is not here yet."""
        return "Policies as held · denials by policy and failing clauses will stand here"
