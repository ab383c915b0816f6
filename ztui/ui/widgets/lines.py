"""The one way ztui draws: a widget is a list of lines, and only lines that changed are painted again.

Textual rewrites every region that is marked dirty, in full; so a widget that refreshes itself at each tick sends a
whole screen over ssh four times a second. `PaintedLines` remembers what every line last showed, and marks those that
differ, up to the last cell that does: what it sends of a region it crops at the right, never at the left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from ztui.ui.looks import BLANK, LOOKS, Line, Span, ascii_text, differing_width, filled

if TYPE_CHECKING:
    from rich.style import Style
    from textual.events import Resize


class LookScreen(Screen[None], inherit_bindings=False):
    """A screen that knows what every look is in the theme of now, for all lines painted on it.

    Were they component classes of each widget, Textual would match the style sheet with every look of every widget
    whenever a class changes: half of the time between start and first frame.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"look--{look}" for look in LOOKS} | {"look--cursor"}
    DEFAULT_CSS = """
    LookScreen {
        & > .look--dim { color: $text-muted; }
        & > .look--name { color: $foreground; }
        & > .look--number { color: $foreground; }
        & > .look--accent { color: $text-accent; }
        & > .look--ok { color: $text-success; }
        & > .look--warn { color: $text-warning; }
        & > .look--error { color: $text-error; text-style: bold; }
        & > .look--title { color: $text-primary; text-style: bold; }
        & > .look--header { color: $text-muted; text-style: bold; }
        & > .look--chosen { color: $foreground; text-style: bold underline; }
        & > .look--match { color: $text-warning; text-style: bold reverse; }
        & > .look--tab { color: $text-muted; }
        & > .look--tab-on { color: $foreground; text-style: bold reverse; }
        & > .look--key { color: $text-accent; text-style: bold; }
        & > .look--loud { color: $text-warning; text-style: bold reverse; }
        & > .look--bar { color: $text-primary; }
        & > .look--cursor { background: $primary-muted; }
        &:nocolor > .look--cursor { text-style: reverse; }
    }
    """


class PaintedLines(Widget, inherit_bindings=False):
    """A widget of spans; subclasses say what stands in it (`lines_now`), this class paints what differs.

    It is at home on a LookScreen.
    A look that begins with `cursor ` is drawn on the cursor's background.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    PaintedLines { height: 1; }
    """

    def __init__(self, *, classes: str | None = None) -> None:
        super().__init__(classes=classes)
        self._painted: list[Line] = []
        self._wholes: dict[int, Line] = {}
        """Painted lines as they are drawn, by where they stand, as far as anyone asked; all of one width."""
        self._wholes_width = 0
        self._looks: dict[str, Style] = {}

    def lines_now(self, width: int, height: int) -> Sequence[Line]:
        """Say what stands in the widget now; at most `height` lines are shown."""
        raise NotImplementedError

    def sync(self) -> int:
        """Compare what stands here now with what is painted, and repaint the lines that differ; how many did."""
        width, height = self.size
        if width <= 0 or height <= 0:
            return 0
        before, self._painted = self._painted, self._now(width, height)
        now = self._painted
        if len(before) != height:
            self._wholes.clear()
            self.refresh()
            return height
        regions = []
        for y in [y for y in range(height) if now[y] != before[y]]:
            kept = self._wholes.pop(y, None) if width == self._wholes_width else None
            old = self._whole(before[y], width) if kept is None else kept
            if end := differing_width(old, self._whole_line(y, width)):
                regions.append(Region(0, y, end, 1))
        if regions:
            self.refresh(*regions)
        return len(regions)

    def _now(self, width: int, height: int) -> list[Line]:
        now = list(self.lines_now(width, height))[:height]
        return now + [BLANK] * (height - len(now))

    def _whole_line(self, y: int, width: int) -> Line:
        """Give a painted line as it is drawn."""
        if width != self._wholes_width:
            self._wholes.clear()
            self._wholes_width = width
        whole = self._wholes.get(y)
        if whole is None:
            spans = self._painted[y] if y < len(self._painted) else BLANK
            whole = self._wholes[y] = self._whole(spans, width)
        return whole

    def render_line(self, y: int) -> Strip:
        """Draw one painted line. What is drawn before it was ever synced shows at once what it has to show."""
        width = self.size.width
        if not self._painted:
            self._painted = self._now(*self.size)
        segments: list[Segment] = []
        for span in self._whole_line(y, width):
            style = self._look(span.look)
            if segments and segments[-1].style is style:  # each stretch costs some forty bytes on the wire
                segments[-1] = Segment(segments[-1].text + span.text, style)
            elif span.text:
                segments.append(Segment(span.text, style))
        return Strip(segments, width)

    def _whole(self, spans: Line, width: int) -> Line:
        """Make a line as it is drawn: as wide as the widget, and in ASCII where that is asked for."""
        if not getattr(self.app, "ascii_only", False):
            return filled(spans, width)
        spans = filled(tuple(Span(ascii_text(span.text), span.look) for span in spans), width)
        return tuple(Span(ascii_text(span.text), span.look) for span in spans)  # cutting leaves a `…`

    def _look(self, look: str) -> Style:
        style = self._looks.get(look)
        if style is None:
            style = self.rich_style
            for part in look.split():
                style += self.screen.get_component_rich_style(f"look--{part}", partial=True)
            # Looks that are drawn alike share one style, so that neighbours can be told to be one stretch.
            style = next((known for known in self._looks.values() if known == style), style)
            self._looks[look] = style
        return style

    def on_resize(self, _: Resize) -> None:
        """Show at once what belongs into the new size."""
        self.sync()

    def notify_style_update(self) -> None:
        """Forget resolved styles: the theme changed."""
        super().notify_style_update()
        self._looks.clear()


class TextLines(PaintedLines):
    """Lines that are handed over as they are: a title, a hint, a few sentences."""

    def __init__(self, *, classes: str | None = None) -> None:
        super().__init__(classes=classes)
        self._content: Sequence[Line] = ()

    def show(self, *lines: Line) -> None:
        """Show these lines from now on."""
        self._content = lines
        self.sync()

    def lines_now(self, width: int, height: int) -> Sequence[Line]:  # noqa: ARG002  cutting is render_line's
        """Return what was last shown."""
        return self._content
