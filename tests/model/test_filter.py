"""The filter language: what it reads, what it refuses and how, what it lets through, and the sentence it says."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.feed import START, Fed, batch, line, service, workload
from ztui.model.accesslog import entry_at
from ztui.model.cluster import Node
from ztui.model.fields import NOTHING_KNOWN, Lookup
from ztui.model.filter import ALIASES, KEYS, FilterError, FlowFilter, failures, from_flags, parse
from ztui.model.flow import AccessLogEntry
from ztui.model.observation import ClusterChanged

CURL = line(1, src="curl", dst="reviews-1")
DENIED = line(2, src="ratings", error="http status: 401 Unauthorized")
PLAIN = line(3, "inbound", src=None, dst="db", hbone=None, dst_addr="10.1.2.9:5432", src_addr="192.0.2.7:5", sent=9)
OPENED = line(4, message="connection opened")
SLOW = line(5, sent=5_000_000, recv=10, took=90_000)
LINES = {"curl": CURL, "denied": DENIED, "plain": PLAIN, "opened": OPENED, "slow": SLOW}


def entry_of(text: str, node: str = "w1") -> AccessLogEntry:
    return entry_at(batch(node, text), 0)


def matching(text: str, lookup: Lookup = NOTHING_KNOWN) -> set[str]:
    where = parse(text)
    return {name for name, one in LINES.items() if where.matches(entry_of(one), lookup, now=START + 60)}


# -- what matches


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("curl", {"curl", "opened", "slow"}),
        ("CURL", {"curl", "opened", "slow"}),
        ("10.1.1.2", {"curl", "denied", "opened", "slow"}),
        ("192.0.2.7", {"plain"}),
        ("from:curl", {"curl", "opened", "slow"}),
        ("from:default/curl", {"curl", "opened", "slow"}),
        ("from:curl.default", {"curl", "opened", "slow"}),
        ("from:Curl", set()),
        ("from:cur", set()),
        ("from:cu*", {"curl", "opened", "slow"}),
        ("from:[cr]*", {"curl", "denied", "opened", "slow"}),
        ("from:192.0.2.*", {"plain"}),
        ("from~^192\\.0\\.2", {"plain"}),
        ("from~^(curl|ratings)$", {"curl", "denied", "opened", "slow"}),
        ("from:curl from:ratings", {"curl", "denied", "opened", "slow"}),
        ("from:curl or from:ratings", {"curl", "denied", "opened", "slow"}),
        ("from:curl from:ratings verdict:denied", {"denied"}),
        ("!from:curl", {"denied", "plain"}),
        ("! from:curl", {"denied", "plain"}),
        ("!(from:curl or dir:inbound)", {"denied"}),
        ("!!from:curl", {"curl", "opened", "slow"}),
        ("to:reviews-1 !dir:inbound", {"curl", "denied", "opened", "slow"}),
        ("to:reviews", {"curl", "denied", "opened", "slow", "plain"}),
        ("to:default/reviews", {"curl", "denied", "opened", "slow", "plain"}),
        ("to:10.1.2.9", {"plain"}),
        ("from.ns:default", {"curl", "denied", "opened", "slow"}),
        ("to.ns:default", set(LINES)),
        ("ns:default", set(LINES)),
        ("service:reviews.default.svc.cluster.local", set(LINES)),
        ("svc:reviews.default", set(LINES)),
        ("workload:db", {"plain"}),
        ("workload:default/ratings", {"denied"}),
        ("identity:default/curl", {"curl", "opened", "slow"}),
        ("identity:spiffe://cluster.local/ns/default/sa/ratings", {"denied"}),
        ("node:w1", set(LINES)),
        ("src.node:w1", {"curl", "denied", "opened", "slow"}),
        ("dst.node:w1", {"plain"}),
        ("ztunnel:ztunnel-w1", set(LINES)),
        ("ztunnel:istio-system/ztunnel-w1", set(LINES)),
        ("port:9080", {"curl", "denied", "opened", "slow"}),
        ("port>5000 port<6000", {"plain"}),
        ("port~^54", {"plain"}),
        ("dir:inbound", {"plain"}),
        ("direction:outbound", {"curl", "denied", "opened", "slow"}),
        ("security:plaintext", {"plain"}),
        ("security:mTLS", {"curl", "denied", "opened", "slow"}),
        ("verdict:denied", {"denied"}),
        ("verdict:Forwarded", {"curl", "plain", "slow"}),
        ("verdict:*ed", {"curl", "denied", "plain", "slow"}),
        ("flag:CONNECT", {"denied"}),
        ("flag:-", {"curl", "plain", "slow"}),
        ("error~40[13]", {"denied"}),
        ("error:*Unauthorized", {"denied"}),
        ('error:"http status: 401 Unauthorized"', {"denied"}),
        ("bytes>1MB", {"slow"}),
        ("bytes>1MiB", {"slow"}),
        ("sent<10", {"plain"}),
        ("recv:10", {"slow"}),
        ("bytes:2100", {"curl", "denied"}),
        ("duration>1m", {"slow"}),
        ("duration>250ms", {"slow"}),
        ("duration<1s", {"curl", "denied", "plain"}),
        ("duration:15ms", {"curl", "denied", "plain"}),
        ("age<57s", {"opened", "slow"}),
        ("age>57s", {"curl", "denied"}),
        ("protocol:hbone", {"curl", "denied", "opened", "slow"}),
        ("protocol:TCP", {"plain"}),
        ("src.zone:z1", set()),
        ("revision:v1", set()),
        ('"status: 401"', {"denied"}),
        ("nothing-of-the-kind", set()),
        ("(from:curl or from:ratings) (duration>1m or verdict:denied)", {"denied", "slow"}),
    ],
)  # fmt: skip
def test_what_a_filter_lets_through(text: str, names: set[str]) -> None:
    assert matching(text) == names


def test_every_key_of_the_contract_is_known() -> None:
    contract = (
        "from to from.ns to.ns ns service workload identity node src.node dst.node src.zone dst.zone ztunnel port dir "
        "security verdict flag error rule revision bytes sent recv duration age protocol"
    )
    assert set(contract.split()) - set(KEYS) <= {"rule"}
    assert set(ALIASES.values()) <= set(KEYS)


def test_what_only_the_dumps_know_can_be_asked_too() -> None:
    fed = Fed()
    fed.dump(
        "w1",
        workload("curl", canonicalRevision="v7", workloadName="curl-app", locality={"zone": "z1"}),
        workload("reviews-1", "w2", locality={"zone": "z2"}),
        workload("db", services=["default/db.default.svc.cluster.local"]),
        services=[service("reviews", "reviews-1"), service("postgres", "db", vip="10.96.0.3", port=5432)],
    )
    fed.mesh.ingest(ClusterChanged(resource="nodes", changed=(Node(name="w1", zone="z1"),)))
    ask = fed.mesh.inventory
    for text in ("from:curl-app", "from:default/curl-app", "src.zone:z1 dst.zone:z2", "revision:v7", "dst.node:w2"):
        assert parse(text).matches(entry_of(CURL), ask), text
    without_service = line(3, "inbound", src=None, dst="db", service=None, hbone=None, dst_addr="10.1.2.9:5432")
    for text in ("service:postgres", "to:postgres.default"):
        assert parse(text).matches(entry_of(without_service), ask), text
        assert not parse(text).matches(entry_of(without_service), NOTHING_KNOWN), text


@pytest.mark.parametrize("text", ["bytes>0", "sent<1", "duration<1h", "error~.", "error:*", "src.zone:*"])
def test_a_value_that_is_missing_fulfils_nothing(text: str) -> None:
    assert "opened" not in matching(text)


# -- what a shape alone decides


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_shape_never_decides_against_its_entries(data: st.DataObject) -> None:
    where = data.draw(filters)
    for text in LINES.values():
        entry = entry_of(text)
        verdict = where.on_shape(entry.shape, NOTHING_KNOWN)
        if verdict is not None:
            assert verdict == where.matches(entry, NOTHING_KNOWN, now=START + 60), (str(where), text)
        if not where.needs_entry and "*" not in where.keys:
            assert verdict is not None


def test_which_filters_need_the_entry_itself() -> None:
    needs = {
        text: parse(text).needs_entry for text in ("bytes>1", "age<1m", "duration:5", "from:10.1.1.2", "from~10.*")
    }
    assert all(needs.values()), needs
    plain = {text: parse(text).needs_entry for text in ("from:curl", "from~cur", "port:80", "verdict:denied", "word")}
    assert not any(plain.values()), plain


# -- refused, in two plain lines


@pytest.mark.parametrize(
    ("text", "what", "remedy", "position"),
    [
        ("form:curl", "There is no key “form”.", "from", 0),
        ("a colour:red", "There is no key “colour”.", "Keys are from, to,", 2),
        ("http://x", "There is no key “http”.", "quote", 0),
        ("from:", "from: needs a value.", "from:curl", 0),
        ("node~", "node~ needs a value.", "node:w1", 0),
        ("error~[", "“[” is not a regular expression", "mend", 0),
        ("error~a{99999999999999999999}", "is not a regular expression", "mend", 0),
        ("from>5", "from is not a number.", "Write from:5 or from~5.", 0),
        ("bytes>1XB", "“1XB” is not a number that bytes can be compared with.", "kb", 0),
        ("port:http", "“http” is not a number that port", "Write a plain number.", 0),
        ("duration>-5ms", "is not a number", "ms, s, m", 0),
        ("duration>1h30m", "is not a number", "ms, s, m", 0),
        ("(from:a", "This “(” is never closed.", "“)”", 0),
        ("from:a)", "There is a “)” without its “(”.", "quotes", 6),
        ("from:a or", "A condition is missing here.", "from:curl", 9),
        ("or from:a", "A condition is missing here.", "from:curl", 0),
        ("()", "A condition is missing here.", "from:curl", 1),
        ("", "A condition is missing here.", "from:curl", 0),
        ("from:a !", "Nothing follows the “!”.", "!node:w1", 7),
        ('error:"io', "This quote is never closed.", "end of the value", 6),
        ("(" * 400 + "a" + ")" * 400, "nested too deeply", "fewer", 50),
        ("!" * 4_000 + "a", "nested too deeply", "fewer", 50),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_remedy(text: str, what: str, remedy: str, position: int) -> None:
    with pytest.raises(FilterError) as refused:
        parse(text)
    assert what in refused.value.what
    assert remedy in refused.value.remedy
    assert refused.value.position == position
    assert refused.value.exit_code == 2
    assert "\n" not in refused.value.what + refused.value.remedy


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='from:to!()~<>"\\ orbytes1MB*?[]$.^', max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    where, refused = read_or_refused(text)
    if where is not None:
        where.matches(entry_of(CURL), NOTHING_KNOWN)
        assert where.sentence()
    else:
        assert refused is not None
        assert 0 <= refused.position <= len(text)
        assert refused.what
        assert refused.remedy


def read_or_refused(text: str) -> tuple[FlowFilter | None, FilterError | None]:
    try:
        return parse(text), None
    except FilterError as refused:
        return None, refused


# -- written out again

values = st.one_of(
    st.sampled_from(
        ["curl", "default/curl", "or", "OR", "a b", 'say "no"', "back\\slash", "x:y", "10.1.1.2", "(a)", "!"]
    ),
    st.text(min_size=1, max_size=6),
)
terms = st.one_of(
    st.builds(lambda key, value: (key, ":", value), st.sampled_from(["from", "to", "error", "node"]), values),
    st.builds(lambda op, n: ("bytes", op, str(n)), st.sampled_from("<>:"), st.integers(0, 10**7)),
    st.builds(lambda word: ("*", ":", word), values),
)


def quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def written(term: tuple[str, str, str]) -> str:
    key, op, value = term
    return quoted(value) if key == "*" else f"{key}{op}{quoted(value)}"


expressions = st.recursive(
    terms.map(written),
    lambda inner: st.one_of(
        inner.map(lambda one: f"!({one})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda some: "(" + ") (".join(some) + ")"),
        st.lists(inner, min_size=2, max_size=3).map(lambda some: "(" + " or ".join(some) + ")"),
    ),
    max_leaves=5,
)
filters = expressions.map(parse)


@settings(max_examples=120, deadline=None)
@given(where=filters)
def test_a_filter_that_is_written_out_reads_the_same(where: FlowFilter) -> None:
    again = parse(where.text)
    assert again.text == where.text
    for text in LINES.values():
        entry = entry_of(text)
        assert again.matches(entry, NOTHING_KNOWN) == where.matches(entry, NOTHING_KNOWN), where.text
        assert where.negated().matches(entry, NOTHING_KNOWN) != where.matches(entry, NOTHING_KNOWN)


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("  from:curl   to:reviews ", "from:curl to:reviews"),
        ("src.workload:curl", "from:curl"),
        ("FROM:curl", "from:curl"),
        ("from:a from:b to:c", "(from:a or from:b) to:c"),
        ("!(from:a to:b)", "!(from:a to:b)"),
        ('"or"', '"or"'),
        (r'error:"say \"no\" \\"', r'error:"say \"no\" \\"'),
    ],
)
def test_the_normal_form(text: str, again: str) -> None:
    assert parse(text).text == again


# -- said in a sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("from:curl verdict:failed !node:w1", "from curl, failed, not on w1"),
        ("from:curl from:ratings", "from curl or from ratings"),
        ("to:reviews port:9080 dir:inbound", "to reviews, on port 9080, inbound"),
        ("duration>250ms bytes<1MB", "duration over 250ms, bytes under 1MB"),
        ("error~refused", "error like /refused/"),
        ("word", "with “word”"),
        ("!(from:a or from:b)", "not from a, not from b"),
        ("!(from:a to:b)", "not (from a, to b)"),
        ("src.zone:z1 identity:default/curl", "from zone z1, with identity default/curl"),
    ],
)
def test_the_sentence(text: str, sentence: str) -> None:
    assert parse(text).sentence() == sentence


def test_every_key_has_words_for_the_sentence() -> None:
    for key in KEYS:
        said = parse(f"{key}:1").sentence()
        assert "1" in said
        assert "{" not in said


# -- what can never match


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("verdict:refused", "verdict is one of forwarded, denied, failed, drained, never refused"),
        ("verdict:refused verdict:bad", "never refused"),
        ("from:curl (dir:up or dir:down)", "dir is one of inbound, outbound, never up"),
        ("security:tls", "security is one of mtls, plaintext, never tls"),
        ("bytes>1MB bytes<1kB", "no bytes is over and under these numbers at once"),
        ("duration>5s duration<5s", "no duration is over and under"),
    ],
)
def test_what_cannot_match_anything_says_so(text: str, why: str) -> None:
    said = parse(text).never_matches()
    assert said is not None
    assert why in said
    assert matching(text) == set()


@pytest.mark.parametrize(
    "text",
    ["verdict:denied", "verdict:Denied", "verdict:d*", "verdict:bad or from:curl", "!verdict:bad", "bytes>1 bytes<9",
     "verdict~bad", "dir:inbound dir:outbound", "from:anything"],
)  # fmt: skip
def test_what_may_match_is_not_called_impossible(text: str) -> None:
    assert parse(text).never_matches() is None


def test_a_key_that_a_table_lacks_is_said() -> None:
    assert parse("from:curl").never_matches(["ns"]) == "nothing here has a from"
    assert parse("ns:a from:curl").never_matches(["ns"]) == "nothing here has a from"
    assert parse("ns:a or from:curl").never_matches(["ns"]) is None
    assert parse("!from:curl").never_matches(["ns"]) is None
    assert parse("word").never_matches(["ns"]) is None


# -- flags


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        ([("from", "curl"), ("to", "reviews")], "from:curl to:reviews"),
        ([("from", "curl"), ("from", "ratings")], "from:curl or from:ratings"),
        ([("not", ""), ("from", "curl"), ("port", "80")], "!from:curl port:80"),
        ([("not", ""), ("not", ""), ("from", "curl")], "from:curl"),
        ([("failed", "")], "verdict:failed or verdict:denied"),
        ([("not", ""), ("failed", "")], "!(verdict:failed or verdict:denied)"),
        ([("error", "4.1")], "error~4.1"),
        ([("filter", "from:a or to:b"), ("port", "80")], "(from:a or to:b) port:80"),
        ([("not", ""), ("filter", "from:a to:b")], "!(from:a to:b)"),
        (
            [("from-namespace", "x"), ("direction", "inbound"), ("security", "mtls")],
            "from.ns:x dir:inbound security:mtls",
        ),
    ],
)
def test_flags_say_the_same_as_the_prompt(flags: Sequence[tuple[str, str]], text: str) -> None:
    where = from_flags(flags)
    assert where is not None
    assert where.text == text


def test_flags_that_say_nothing() -> None:
    assert from_flags([]) is None
    with pytest.raises(FilterError, match="--not negates nothing") as refused:
        from_flags([("from", "a"), ("not", "")])
    assert "before the filter" in refused.value.remedy


def test_filters_are_combined() -> None:
    both = parse("from:curl") & failures()
    assert both.sentence() == "from curl, failed"
    assert (parse("from:curl") | parse("from:ratings")).matches(entry_of(DENIED), NOTHING_KNOWN)
    assert parse("!from:curl").negated().text == "from:curl"
    assert str(both) == both.text


def test_of_anded_conditions_those_of_some_keys_can_be_kept() -> None:
    whole = parse("ns:secure !from:curl (to:a or error~b)")
    kept = whole.only({"ns", "from", "to"})
    assert kept is not None
    assert kept.text == parse("ns:secure !from:curl").text
    single = whole.only({"ns"})
    assert single is not None
    assert single.text == "ns:secure"
    assert whole.only({"port"}) is None
