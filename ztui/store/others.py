"""Shapes that stand for forgotten ones: a past with too many shapes folds the idle into them, which keeps the sums."""

from __future__ import annotations

from ztui.model.flow import OPENED_LINE, Shape, Verdict

OTHER = "(other)"
"""The message of a shape that stands for forgotten ones."""
NOT_COUNTED = "(other, not counted)"
OPENED = "(other, opened)"
"""Forgotten `connection opened` lines: no connections, whichever way entries are counted."""
NEVER_COUNTED = frozenset((OPENED_LINE, NOT_COUNTED, OPENED))
"""Messages of entries that are no connections, or stand for such."""
_OTHERS = frozenset((OTHER, NOT_COUNTED, OPENED))


def is_other(shape: Shape) -> bool:
    """Whether a shape stands for forgotten ones."""
    return shape.message in _OTHERS


def other_shape(shape: Shape, verdict: Verdict | None, *, is_counted: bool) -> Shape:
    """Make the shape that stands for all that are alike in who reports them and how they count."""
    errors = {Verdict.DENIED: "connection closed due to policy rejection", Verdict.DRAINED: shape.error}
    is_bad = verdict in (Verdict.DENIED, Verdict.FAILED)
    return Shape(
        origin=shape.origin,
        level="error" if is_bad else "info",
        message=OPENED if verdict is None else OTHER if is_counted else NOT_COUNTED,
        src_identity="" if shape.is_mtls and shape.direction == "inbound" else None,
        dst_hbone_addr="" if shape.is_mtls and shape.direction != "inbound" else None,
        direction=shape.direction,
        error=errors.get(verdict) if verdict else None,
        measures=shape.measures,
    )
