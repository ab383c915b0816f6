"""How the lines of an access log are written most often, as regular expressions over blocks of lines and over one."""

from __future__ import annotations

import json
import re

from ztui.model.accesslog_strict import is_date

_DAY = rb"[0-9]{4}-[01][0-9]-[0-3][0-9]"
_CLOCK = rb"[0-2][0-9]:[0-5][0-9]:[0-5][0-9]"
_MINUTE = rb"%bT[0-2][0-9]:[0-5][0-9]:" % _DAY
_SECOND = rb"[0-5][0-9]\.[0-9]{6}Z"
_TIME = _MINUTE + _SECOND
_LIKE_TIME = rb".{17}" + _SECOND
"""The lines of a block mostly share their minute: whether it is one is asked once for all of them (`is_minute`)."""
_PREFIX = rb"%bT%b\.[0-9]{9}(?:Z|[+-][0-9][0-9]:[0-9][0-9]) (?:std(?:out|err) F )?" % (_DAY, _CLOCK)

# Numbers of 20 digits may have more than 64 bits: they are not of these forms.
# A line feed first: what stands between two matches is then whole lines, none where all are ordinary.
# What an address is made of is asked once for all of a block too: a set of characters takes twice as long to pass as
# all but one.
# The literal after the greedy `.+` must stand in the same group (`bound"`), or each step back re-enters the matcher.
_PLAIN = (
    rb"(%b)\tinfo\taccess\tconnection complete\tsrc\.addr=([^ ]++)"
    rb'( .+bound") bytes_sent=([0-9]{1,19}+ bytes_recv=[0-9]{1,19}+ duration="[0-9]{1,19}+)ms"\r?(?=\n)' % _LIKE_TIME
)
_JSON = (
    rb'\{"level":"info","time":"(%b)","scope":"access","message":"connection complete","src\.addr":"([^"]++)"'
    rb'(,.+bound"),"bytes_sent":([0-9]{1,19}+,"bytes_recv":[0-9]{1,19}+,"duration":"[0-9]{1,19}+)ms"\}\r?(?=\n)'
    % _LIKE_TIME
)
FORMATS = {
    (is_json, is_prefixed): re.compile(b"\n" + (_PREFIX if is_prefixed else b"") + (_JSON if is_json else _PLAIN))
    for is_json in (False, True)
    for is_prefixed in (False, True)
}
# The same, where nothing is wanted but what repeats: a time only has to look like one.
_SHORT_PLAIN = (
    rb"[0-9T:.Z-]{27}\tinfo\taccess\tconnection complete\tsrc\.addr=[!#-~]+"
    rb'( .+bound") bytes_sent=[0-9]+ bytes_recv=[0-9]+ duration="[0-9]+ms"\r?\n|(.*)\n'
)
_SHORT_JSON = (
    rb'\{"level":"info","time":"[0-9T:.Z-]{27}","scope":"access","message":"connection complete",'
    rb'"src\.addr":"[!#-\[\]-~]+"'
    rb'(,.+bound"),"bytes_sent":[0-9]+,"bytes_recv":[0-9]+,"duration":"[0-9]+ms"\}\r?\n|(.*)\n'
)
SHORT_FORMATS = {
    (is_json, is_prefixed): re.compile((_PREFIX if is_prefixed else b"") + form)
    for is_json, form in ((False, _SHORT_PLAIN), (True, _SHORT_JSON))
    for is_prefixed in (False, True)
}
# The same, where nothing is wanted of it but that it went well: a failure has another level, or an error at its end.
_SKIMMED_PLAIN = rb'.{27}\tinfo\taccess\tconnection complete\t.+ duration="[0-9]+ms"\r?(?=\n)'
_SKIMMED_JSON = (
    rb'\{"level":"info","time":".{27}","scope":"access","message":"connection complete",.+,"duration":"[0-9]+ms"\}'
    rb"\r?(?=\n)"
)
SKIMMED_FORMATS = {
    (is_json, is_prefixed): re.compile(b"\n" + (_PREFIX if is_prefixed else b"") + form)
    for is_json, form in ((False, _SKIMMED_PLAIN), (True, _SKIMMED_JSON))
    for is_prefixed in (False, True)
}
ANY_TIME = b"2000-01-01T00:00:00.000000Z"
ANY_NUMBERS = (b'0 bytes_recv=0 duration="0', b'0,"bytes_recv":0,"duration":"0')
_TIME_WITHIN = re.compile(rb'(%b)[\t"]' % _TIME)
TEN_SECONDS = len("2026-01-31T09:08:0")

UP_TO_SECONDS = len("2026-01-31T09:08:")
_IS_MINUTE = re.compile(_MINUTE)

_FIRST = re.compile(rb"(%b)?(?:(\{)|%b\t)" % (_PREFIX, _TIME))

# An access line of any message: time, level and message, address, the rest.
PLAIN_LINE = re.compile(rb"(?:%b)?(%b)\t([a-z]+\taccess\t[^\t]+)\tsrc\.addr=([!#-~]+)([ \t].*|)\Z" % (_PREFIX, _TIME))
PLAIN_NUMBERS = re.compile(
    rb' bytes_sent=([0-9]{1,19}) bytes_recv=([0-9]{1,19}) duration="([0-9]{1,19})ms"(?=[ \t]|\Z)'
)
JSON_LINE = re.compile(
    rb'(?:%b)?\{"level":"([a-z]+)","time":"(%b)","scope":"access","message":"([a-z ]+)",'
    rb'"src\.addr":"([!#-\[\]-~]+)"(,.*|)\}\Z' % (_PREFIX, _TIME)
)
REMARK = re.compile(rb"(?:%b)?(%b)\t([a-z]+)\t(?!access\t)([!-~]+)\t([ -~]*\t[ -~]*)\Z" % (_PREFIX, _TIME))
JSON_NUMBERS = re.compile(
    rb',"bytes_sent":([0-9]{1,19}),"bytes_recv":([0-9]{1,19}),"duration":"([0-9]{1,19})ms"(?=,|\Z)'
)

PLAIN_FORM = b'%b\tinfo\taccess\tconnection complete\tsrc.addr=%b%b bytes_sent=%bms"'
JSON_FORM = (
    b'{"level":"info","time":"%b","scope":"access","message":"connection complete",'
    b'"src.addr":"%b"%b,"bytes_sent":%bms"}'
)
read_numbers = json.JSONDecoder().raw_decode
BLANK_TO_COMMA = bytes.maketrans(b" ", b",")
NOT_A_NUMBER = b'abcdefghijklmnopqrstuvwxyz_=":'
OF_ADDRESSES = (bytes(set(range(0x21, 0x7F)) - set(b'"')), bytes(set(range(0x21, 0x7F)) - set(b'"\\')))
"""What addresses are made of, in plain lines and in JSON."""
NO_NUMBERS = b"0,0,0"


def is_minute(text: bytes) -> bool:
    """Whether a text is a time up to its seconds, `2026-01-31T09:08:`, of a day and an hour that exist."""
    return _IS_MINUTE.fullmatch(text) is not None and is_date(text.decode())


def kind_of(block: bytes, before: tuple[bool, bool], at: int = 0) -> tuple[bool, bool]:
    """See how the line at `at` is written, in JSON and with a prefix; most often all of them are written so."""
    first = _FIRST.match(block, at)
    return before if first is None else (first[2] is not None, first[1] is not None)


def last_time(block: bytes) -> bytes:
    """Give the time of the last line that has one, among the last few; b"" where none has."""
    end = len(block)
    for _ in range(20):
        start = block.rfind(b"\n", 0, end - 1) + 1
        found = _TIME_WITHIN.search(block, start, min(end, start + 200))
        if found is not None and is_date(found[1].decode()):
            return found[1]
        if not start:
            break
        end = start
    return b""
