"""A byte stream cut into whole lines, on newlines only, and never more of one line than is good for us."""

from __future__ import annotations

LONGEST_LINE_BYTES = 1 << 20
KEPT_OF_LONG_LINE_BYTES = 64 * 1024


class Splitter:
    """Cuts a byte stream into whole lines on newlines only: other line ends of Unicode occur inside of fields."""

    def __init__(self) -> None:
        self._carry: list[bytes] = []
        self._carried = 0
        self.truncated = 0
        """Lines that were longer than a line may be; their beginning was kept."""

    @property
    def rest(self) -> bytes:
        """What has no newline yet."""
        return b"".join(self._carry)

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk; gives the lines that it completes."""
        cut = chunk.rfind(b"\n") + 1
        if cut == 0:
            self._hold(chunk)
            return b""
        block = chunk[:cut]
        if self._carry:
            block = self._with_carry(block)
        if cut < len(chunk):
            self._hold(chunk[cut:])
        return block

    def _hold(self, part: bytes) -> None:
        self._carried += len(part)
        if self._carried <= LONGEST_LINE_BYTES:
            self._carry.append(part)
        elif len(held := self.rest) != KEPT_OF_LONG_LINE_BYTES:
            self._carry = [(held + part)[:KEPT_OF_LONG_LINE_BYTES]]

    def _with_carry(self, block: bytes) -> bytes:
        """Put the held beginning before a block; of a line that grew too long only its beginning."""
        end = block.index(b"\n")
        first = self.rest + block[:end]
        if self._carried + end > LONGEST_LINE_BYTES:
            self.truncated += 1
            first = first[:KEPT_OF_LONG_LINE_BYTES]
        block = first + block[end:]
        self._carry, self._carried = [], 0
        return block
