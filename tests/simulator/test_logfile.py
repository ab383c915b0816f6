"""A container's log: numbered for ever, bounded, and read from any line."""

from __future__ import annotations

from ztui.simulator.clock import SECOND
from ztui.simulator.logfile import LogFile


def filled(lines: int, limit_bytes: int = 1 << 20) -> LogFile:
    log = LogFile(limit_bytes)
    for number in range(lines):
        log.append(number * SECOND, f"line {number}".encode())
    return log


def test_lines_are_numbered_for_ever_and_the_oldest_fall_off() -> None:
    log = filled(100, limit_bytes=70)
    assert (log.first, log.written, len(log.lines)) == (90, 100, 10)
    text, number = log.read(0, 3, stamps=False)
    assert (text, number) == (b"line 90\nline 91\nline 92\n", 93)


def test_reading_in_parts_reads_everything_once_from_the_front_and_from_the_back() -> None:
    log = filled(50)
    for start in (0, 10, 40, 50):
        number, found = start, b""
        while number < log.written:
            text, number = log.read(number, 7, stamps=False)
            found += text
        assert found == b"".join(f"line {one}\n".encode() for one in range(start, 50))


def test_the_first_line_since_a_time() -> None:
    log = filled(10)
    assert log.number_since(0) == 0
    assert log.number_since(4 * SECOND * 1_000) == 4
    assert log.number_since(100 * SECOND * 1_000) == 10


def test_a_new_file_hides_the_old_lines_but_not_their_numbers() -> None:
    log = filled(5)
    log.rotate()
    log.append(9 * SECOND, b"after")
    assert (log.first, log.written, log.size) == (5, 6, 5)
    assert log.read(0, 9, stamps=False) == (b"after\n", 6)


def test_stamps_never_go_back_even_where_the_writer_does() -> None:
    log = LogFile(1 << 20)
    log.append(2 * SECOND, b"later")
    log.append(1 * SECOND, b"earlier")
    (first, _), (second, _) = log.lines
    assert first < second
