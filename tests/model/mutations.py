"""Log lines as a ztunnel writes them and as nothing should ever write them, seeded: what two readers must agree on."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

DATA = Path(__file__).parent.parent / "data" / "ztunnel"

Mutation = Callable[[random.Random, bytes], bytes]

_TEXT_PIECES = (
    *(
        b'"',
        b"\\",
        b'\\"',
        b"\\\\",
        b"\\u{1b}",
        b"\\u{110000}",
        b"\\u{200b}",
        b"\\u0041",
        b"\\ud800",
        b"\\0",
        b"\\n",
        b"\\q",
    ),
    *(
        b"\x00",
        b"\x1b[31m",
        b"\x85",
        b"\xc2\x85",
        b"\xc2\x9b",
        b"\xe2\x80\xa8",
        b"\xe2\x80\xae",
        b"\xe2\x80\x8b",
        b"\xc2\xa0",
    ),
    *(b"\xff", b"\xf0\x9f", b"\xed\xa0\x80", "ž".encode(), "🦀".encode(), b"\r", b"\x0b", b"\x0c", b"\t", b" ", b"  "),
    *(b"=", b",", b":", b"{", b"}", b"[", b"]", b"0", b"9", b"-", b"ms", b".", b"\ninfo"),
)
_FIELD_PIECES = (
    *(b' error="x"', b' error=""', b" src.addr=1.2.3.4:5", b" bytes_sent=7", b' new.key="v"', b' direction="inbound"'),
    b' bytes_sent=1 bytes_recv=2 duration="3ms"',
    *(
        b',"error":""',
        b',"a":1',
        b',"a":null',
        b',"a":true',
        b',"a":NaN',
        b',"a":[1,2.50,{"b":-0}]',
        b',"direction":"inbound"',
    ),
    *(b',"src.addr":null', b',"src.workload":null', b',"bytes_sent":true', b',"duration":7', b',"level":"warn"'),
    b',"bytes_sent":1,"bytes_recv":2,"duration":"3ms"',
)
_PIECES = _TEXT_PIECES + _FIELD_PIECES
_NUMBERS = (
    b"007",
    b"00",
    b"18446744073709551615",
    b"18446744073709551616",
    b"9" * 19,
    b"1" * 40,
    b"-1",
    b"1.5",
    b"1e3",
    b"",
    b"0x10",
    b"\xd9\xa1",
    b"1 ",
)
_PREFIXES = (
    b"2026-11-23T08:40:19.334981123Z ",
    b"2026-11-23T08:40:19.334981123+02:00 ",
    b"2026-11-23T08:40:19.334981123Z stdout F ",
    b"2026-11-23T08:40:19.33Z stderr F ",
    b"2026-11-23T08:40:19.334981123Z stdout P ",
    b"2026-13-23T08:40:19.334981123Z ",
    b" ",
)
_TIMES = (
    b"2026-02-30T08:40:19.334981Z",
    b"2026-11-23T24:00:00.000000Z",
    b"2026-19-39T08:40:19.334981Z",
    b"0000-01-01T00:00:00.000000Z",
    b"2026-11-23T08:40:60.334981Z",
    b"2026-11-23T08:40:19Z",
    b"2024-02-29T23:59:59.999999Z",
)


_BORDER = re.compile(rb'[ ,"\t=}]')
_DIGIT = re.compile(rb"[0-9]")


def _any_place(draw: random.Random, pattern: re.Pattern[bytes], line: bytes) -> int:
    """A place the pattern is found at, from a place drawn; 0 where there is none."""
    found = pattern.search(line, draw.randrange(len(line) + 1)) or pattern.search(line)
    return found.start() if found is not None else 0


def _delete(draw: random.Random, line: bytes) -> bytes:
    at = draw.randrange(len(line) + 1)
    return line[:at] + line[at + draw.choice((1, 1, 2, 8, 60)) :]


def _insert(draw: random.Random, line: bytes) -> bytes:
    at = draw.randrange(len(line) + 1)
    return line[:at] + draw.choice(_PIECES) + line[at:]


def _insert_at_border(draw: random.Random, line: bytes) -> bytes:
    at = _any_place(draw, _BORDER, line)
    return line[:at] + draw.choice(_PIECES) + line[at:]


def _replace(draw: random.Random, line: bytes) -> bytes:
    at = draw.randrange(len(line) + 1)
    return line[:at] + bytes([draw.randrange(256)]) + line[at + 1 :]


def _replace_digit(draw: random.Random, line: bytes) -> bytes:
    at = _any_place(draw, _DIGIT, line)
    return line[:at] + b"%d" % draw.randrange(10) + line[at + 1 :]


def _number(draw: random.Random, line: bytes) -> bytes:
    for name in draw.sample((b"bytes_sent", b"bytes_recv", b"duration"), 3):
        for mark in (name + b"=", b'"' + name + b'":'):
            at = line.find(mark)
            if at < 0:
                continue
            start = end = at + len(mark)
            start = end = start + (line[start : start + 1] == b'"')
            while line[end : end + 1].isdigit():
                end += 1
            return line[:start] + draw.choice(_NUMBERS) + line[end:]
    return line


def _truncate(draw: random.Random, line: bytes) -> bytes:
    return line[: draw.randrange(len(line) + 1)]


def _behead(draw: random.Random, line: bytes) -> bytes:
    return line[draw.randrange(len(line) + 1) :]


def _parts(line: bytes) -> tuple[bytes, bytes, list[bytes]]:
    if line.startswith(b"{"):
        return b",", b"{", line.strip(b"{}").split(b",")
    head, _, fields = line.rpartition(b"\t")
    return b" ", head + b"\t", fields.split(b" ")


def _fields(draw: random.Random, line: bytes) -> bytes:
    separator, head, fields = _parts(line)
    i, j = draw.randrange(len(fields)), draw.randrange(len(fields))
    match draw.randrange(4):
        case 0:
            fields[i], fields[j] = fields[j], fields[i]
        case 1:
            fields.insert(j, fields[i])
        case 2:
            del fields[i]
        case _:
            fields.insert(j, b'"x.new":"y"' if separator == b"," else b"x.new=y")
    return head + separator.join(fields) + (b"}" if separator == b"," else b"")


def _carriage_return(_draw: random.Random, line: bytes) -> bytes:
    return line + b"\r"


def _prefix(draw: random.Random, line: bytes) -> bytes:
    return draw.choice(_PREFIXES) + line


def _time(draw: random.Random, line: bytes) -> bytes:
    at = line.find(b"2026-")
    return line if at < 0 else line[:at] + draw.choice(_TIMES) + line[at + 27 :]


def _nest(draw: random.Random, line: bytes) -> bytes:
    depth = draw.choice((1, 3, 30, 5_000 if draw.random() < 0.01 else 100))
    return line[:-1] + b',"deep":' + b"[" * depth + b"1" + b"]" * depth + b"}"


def _spaces_for_tabs(_draw: random.Random, line: bytes) -> bytes:
    return line.replace(b"\t", b" ")


def _trailing_tab(_draw: random.Random, line: bytes) -> bytes:
    return line + b"\t"


def _garbage(draw: random.Random, _line: bytes) -> bytes:
    return draw.randbytes(draw.randrange(40)).replace(b"\n", b"")


def _same(_draw: random.Random, line: bytes) -> bytes:
    return line


_MUTATIONS: dict[Mutation, int] = {
    _delete: 10,
    _insert: 12,
    _insert_at_border: 14,
    _replace: 12,
    _replace_digit: 16,
    _number: 10,
    _truncate: 6,
    _behead: 3,
    _fields: 14,
    _carriage_return: 3,
    _prefix: 4,
    _time: 3,
    _nest: 1,
    _spaces_for_tabs: 2,
    _trailing_tab: 3,
    _garbage: 2,
    _same: 10,
}
"""Each with its weight."""


def captured_lines() -> list[bytes]:
    """Every line of the captures that is unlike the ones before, by what it says."""
    seen: dict[tuple[bytes, ...], bytes] = {}
    for path in sorted(DATA.glob("*/*.log")):
        for line in path.read_bytes().splitlines(keepends=False):
            quoted = line.split(b'"')
            seen.setdefault((line[27:60], *quoted[1:6:2], quoted[-2] if len(quoted) > 1 else b""), line)
    return list(seen.values())


def mutated_blocks(seed: int, lines: int) -> Iterator[list[bytes]]:
    """About `lines` mutated lines, in blocks of 1 to 120; most blocks keep to one format, as logs do."""
    draw = random.Random(seed)
    captured = captured_lines()
    plain = [line for line in captured if line.startswith(b"2026") and b"access" in line]
    in_json = [line for line in captured if line.startswith(b"{") and b"access" in line]
    mutations, weights = list(_MUTATIONS), list(_MUTATIONS.values())
    while lines > 0:
        pool = draw.choice((plain, plain, in_json, in_json, captured, plain + in_json))
        some = draw.choices(pool, k=draw.choice((1, 2, 5, 40, 120)))
        if draw.random() < 0.15:
            prefix = draw.choice(_PREFIXES)
            some = [prefix + line for line in some]
        block = [
            mutate(draw, line) for line, mutate in zip(some, draw.choices(mutations, weights, k=len(some)), strict=True)
        ]
        if draw.random() < 0.3 and len(block) > 1:
            at = draw.randrange(len(block) - 1)
            block[at : at + 2] = [block[at] + block[at + 1]]  # two lines glued
        yield block
        lines -= len(block)
