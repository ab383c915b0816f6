"""What proves who we are: obtained once for all who wait, kept fresh, and never shown."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import pytest

from tests.kube.apiserver import Authority, write_script
from tests.kube.conftest import until
from ztui.clock import ManualClock
from ztui.kube.credentials import Credential, Credentials
from ztui.kube.failures import Kind, KubeError
from ztui.kube.kubeconfig import Auth, Basic, ClusterAccess, Legacy, Plugin, Secret, Token, TokenFile

CANARY = "canary-77aa"
V1 = "client.authentication.k8s.io/v1"
NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z


@pytest.fixture
def manual() -> ManualClock:
    return ManualClock(NOW)


def access(auth: Auth | None) -> ClusterAccess:
    return ClusterAccess(context="test", server="https://k.test:6443", auth=auth)


def answer(expires: str | None = None, **status: Any) -> str:
    more = {"expirationTimestamp": expires} if expires else {}
    return json.dumps({"kind": "ExecCredential", "apiVersion": V1, "status": status | more})


def plugin(path: Path, script: str, **options: Any) -> Plugin:
    """A plugin that is a shell script; each run leaves a line in the file `runs` beside it."""
    command = write_script(path / "login.sh", f"echo run >> {path}/runs\n{script}\n")
    return Plugin(**({"command": str(command), "api_version": V1} | options))


def runs(path: Path) -> int:
    return len((path / "runs").read_text().splitlines()) if (path / "runs").exists() else 0


async def failure_of(credentials: Credentials) -> KubeError:
    """What `current` raises; nothing of it shows the canary, its chain of exceptions included."""
    with pytest.raises(KubeError) as caught:
        await credentials.current()
    error = caught.value
    assert error.kind is Kind.CREDENTIALS
    assert CANARY not in "".join(traceback.format_exception(error))
    assert CANARY not in f"{error!r} {error.what} {error.remedy} {error.detail}"
    return error


# -- without a plugin


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        (None, None),
        (Token(token=Secret("abc")), "Bearer abc"),
        (Basic(username="me", password=Secret("p:w")), "Basic " + base64.b64encode(b"me:p:w").decode()),
    ],
)
async def test_what_needs_nothing(manual: ManualClock, auth: Auth | None, expected: str | None) -> None:
    credentials = Credentials(access(auth), manual)
    credential = await credentials.current()
    assert credential.authorization == expected
    assert await credentials.current() is credential
    manual.advance(1e6)
    assert await credentials.renew(credential) is None, "it would be the same"
    assert credentials.login == ""


@pytest.mark.parametrize("token", [f"{CANARY}\nx", f"{CANARY} x", f"{CANARY}\x01", f"{CANARY}é"])
async def test_a_token_that_fits_in_no_header_is_refused_unseen(manual: ManualClock, token: str) -> None:
    error = await failure_of(Credentials(access(Token(token=Secret(token))), manual))
    assert "is no token" in error.what


async def test_a_token_file_is_read_again_each_minute_and_trimmed(tmp_path: Path, manual: ManualClock) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    credentials = Credentials(access(TokenFile(path=file)), manual)
    assert (await credentials.current()).authorization == "Bearer one"
    file.write_text("two\n")
    manual.advance(59)
    assert (await credentials.current()).authorization == "Bearer one"
    manual.advance(1)
    assert (await credentials.current()).authorization == "Bearer two"
    credentials.close()


async def test_a_token_file_is_read_again_after_a_401(tmp_path: Path, manual: ManualClock) -> None:
    file = tmp_path / "token"
    file.write_text("one")
    credentials = Credentials(access(TokenFile(path=file)), manual)
    rejected = await credentials.current()
    manual.advance(20)
    assert await credentials.renew(rejected) is None, "the file still says the same"
    file.write_text("two")
    manual.advance(20)
    renewed = await credentials.renew(rejected)
    assert renewed is not None
    assert renewed.authorization == "Bearer two"
    assert await credentials.renew(rejected) is renewed, "others that were rejected before join"
    credentials.close()


async def test_a_token_file_that_goes_missing_leaves_the_last_token(tmp_path: Path, manual: ManualClock) -> None:
    file = tmp_path / "token"
    file.write_text("one")
    credentials = Credentials(access(TokenFile(path=file)), manual)
    await credentials.current()
    file.unlink()
    manual.advance(61)
    assert (await credentials.current()).authorization == "Bearer one"
    credentials.close()


@pytest.mark.parametrize(
    ("content", "says"), [(None, "No such file"), (b" \n", "is empty"), (b"\xff\xfe", "holds no token")]
)
async def test_token_files_of_no_use(tmp_path: Path, manual: ManualClock, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    credentials = Credentials(access(TokenFile(path=tmp_path / "token")), manual)
    assert says in (await failure_of(credentials)).what
    credentials.close()


# -- plugins


async def test_a_plugin_runs_once_for_all_who_wait(tmp_path: Path, manual: ManualClock) -> None:
    auth = plugin(tmp_path, f"sleep 0.05; echo '{answer(token='abc')}'")
    credentials = Credentials(access(auth), manual)
    found = await asyncio.gather(*(credentials.current() for _ in range(20)))
    assert {credential.authorization for credential in found} == {"Bearer abc"}
    assert runs(tmp_path) == 1
    manual.advance(1e6)
    await credentials.current()
    assert runs(tmp_path) == 1, "it never said that it expires"
    credentials.close()


async def test_two_loops_share_one_run(tmp_path: Path, manual: ManualClock) -> None:
    credentials = Credentials(access(plugin(tmp_path, f"sleep 0.2; echo '{answer(token='abc')}'")), manual)
    found: list[Credential] = []
    other = threading.Thread(target=lambda: found.append(asyncio.run(credentials.current())))
    other.start()
    found.append(await credentials.current())
    await asyncio.to_thread(other.join)
    assert len(found) == 2
    assert runs(tmp_path) == 1
    credentials.close()


async def test_a_waiter_that_gives_up_ends_nothing(tmp_path: Path, manual: ManualClock) -> None:
    credentials = Credentials(access(plugin(tmp_path, f"sleep 0.1; echo '{answer(token='abc')}'")), manual)
    impatient = asyncio.ensure_future(credentials.current())
    await until(lambda: runs(tmp_path) == 1)
    impatient.cancel()
    assert (await credentials.current()).authorization == "Bearer abc"
    assert runs(tmp_path) == 1
    credentials.close()


async def test_a_plugins_credential_is_renewed_before_it_expires(tmp_path: Path, manual: ManualClock) -> None:
    auth = plugin(tmp_path, f"echo '{answer('2026-01-01T01:00:00Z', token='abc')}'")
    credentials = Credentials(access(auth), manual)
    first = await credentials.current()
    assert first.expires_at == NOW + 3600
    manual.advance(3539)
    assert await credentials.current() is first
    manual.advance(1)
    assert (await credentials.current()).obtained_at == NOW + 3540
    assert runs(tmp_path) == 2
    credentials.close()


async def test_a_short_life_is_used_for_its_half(tmp_path: Path, manual: ManualClock) -> None:
    auth = plugin(tmp_path, f"echo '{answer('2026-01-01T00:00:10+00:00', token='abc')}'")
    credentials = Credentials(access(auth), manual)
    await credentials.current()
    manual.advance(4.9)
    await credentials.current()
    assert runs(tmp_path) == 1
    manual.advance(0.2)
    await credentials.current()
    assert runs(tmp_path) == 2
    credentials.close()


@pytest.mark.parametrize("expires", ["2025-12-31T23:00:00Z", "0001-01-01T00:00:00Z", "2026-01-01T00:00:00.123456789Z"])
async def test_one_that_comes_expired_does_not_start_a_plugin_per_request(
    tmp_path: Path, manual: ManualClock, expires: str
) -> None:
    """A clock is wrong, ours or theirs: the server decides, and the plugin runs at most every 15 s."""
    manual.advance(0.5)
    credentials = Credentials(access(plugin(tmp_path, f"echo '{answer(expires, token='abc')}'")), manual)
    for _ in range(5):
        assert (await credentials.current()).authorization == "Bearer abc"
    assert runs(tmp_path) == 1
    manual.advance(15)
    await credentials.current()
    assert runs(tmp_path) == 2
    credentials.close()


async def test_a_failed_renewal_leaves_what_is_still_good_and_is_not_hurried(
    tmp_path: Path, manual: ManualClock
) -> None:
    script = f"[ -e {tmp_path}/broken ] && exit 1; echo '{answer('2026-01-01T01:00:00Z', token='abc')}'"
    credentials = Credentials(access(plugin(tmp_path, script)), manual)
    held = await credentials.current()
    (tmp_path / "broken").touch()
    manual.advance(3545)
    for _ in range(5):
        assert await credentials.current() is held
    assert runs(tmp_path) == 2
    manual.advance(60)
    assert "exit code 1" in (await failure_of(credentials)).what
    assert runs(tmp_path) == 3
    (tmp_path / "broken").unlink()
    manual.advance(14)
    await failure_of(credentials)
    assert runs(tmp_path) == 3
    manual.advance(1)
    assert (await credentials.current()).obtained_at == manual.now(), "its user has logged in again"
    credentials.close()


async def test_after_a_401_the_plugin_runs_again_once(tmp_path: Path, manual: ManualClock) -> None:
    script = f"n=$(wc -l < {tmp_path}/runs | tr -d ' '); echo '{answer(token='abcN')}' | sed s/N/$n/"
    credentials = Credentials(access(plugin(tmp_path, script)), manual)
    first = await credentials.current()
    assert await credentials.renew(first) is None, "it has only just been made"
    manual.advance(20)
    second, again = await asyncio.gather(credentials.renew(first), credentials.renew(first))
    assert second is again
    assert second is not None
    assert (first.authorization, second.authorization) == ("Bearer abc1", "Bearer abc2")
    assert runs(tmp_path) == 2
    credentials.close()


async def test_a_plugin_that_gives_a_certificate(tmp_path: Path, manual: ManualClock, authority: Authority) -> None:
    pair = authority.issue("jane")
    status = {"clientCertificateData": pair.certificate.decode(), "clientKeyData": pair.key.decode()}
    (tmp_path / "answer").write_text(answer(**status))
    credentials = Credentials(access(plugin(tmp_path, f"cat {tmp_path}/answer")), manual)
    credential = await credentials.current()
    assert credential.certificate == pair
    assert credential.authorization is None
    assert pair.key.decode()[30:60] not in repr(credential)
    credentials.close()


async def test_what_a_plugin_is_told(tmp_path: Path, manual: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_OUTSIDE", "yes")
    script = (
        f'printf %s "$KUBERNETES_EXEC_INFO" > {tmp_path}/info; '
        f'echo "$FROM_OUTSIDE $PROFILE $1 $2" > {tmp_path}/told; cat > {tmp_path}/stdin; '
        f"echo '{answer(token='abc')}'"
    )
    auth = plugin(
        tmp_path,
        script,
        args=("get-token", "a b"),
        env=(("PROFILE", "prod"),),
        cluster={"server": "https://k.test", "config": {"audience": "a"}},
    )
    credentials = Credentials(access(auth), manual)
    await credentials.current()
    assert json.loads((tmp_path / "info").read_text()) == {
        "kind": "ExecCredential",
        "apiVersion": V1,
        "spec": {"interactive": False, "cluster": {"server": "https://k.test", "config": {"audience": "a"}}},
    }
    assert (tmp_path / "told").read_text() == "yes prod get-token a b\n"
    assert (tmp_path / "stdin").read_text() == "", "it has no terminal to read from"
    credentials.close()


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo 'session expired, run: aws sso login' >&2; exit 255", "failed: session expired, run: aws sso login"),
        ("exit 3", "failed: exit code 3"),
        (f"echo '{CANARY}'", "printed no ExecCredential"),
        (f'echo \'{{"token": "{CANARY}"}}\'', "printed no ExecCredential"),
        ("echo '[]'", "printed no ExecCredential"),
        ("echo 'null'", "printed no ExecCredential"),
        ("echo '{\"status\": null}'", "printed no ExecCredential"),
        (f"echo '{answer(token=CANARY)}' | sed s,/v1,/v1beta1,", "answered in another version"),
        (f"echo '{answer()}'", "neither a token nor a certificate"),
        (f"echo '{answer(clientCertificateData=CANARY)}'", "neither a token nor a certificate"),
        (f"echo '{answer(token=[CANARY])}'", "is no token"),
        (f"echo '{answer(token=CANARY + ' x')}'", "is no token"),
        (f"echo '{answer(CANARY, token='abc')}'", "printed no ExecCredential"),
        ("printf '\\377\\376'", "printed no ExecCredential"),
        (f"echo 'Authorization: Bearer {CANARY}' >&2; exit 1", "failed: Authorization: Bearer (a secret)"),
        ("yes chatter | head -c 200000 >&2; echo 'the end' >&2; exit 1", "chatter the end"),
    ],
)
async def test_plugins_that_fail(tmp_path: Path, manual: ManualClock, script: str, says: str) -> None:
    credentials = Credentials(access(plugin(tmp_path, script)), manual)
    error = await failure_of(credentials)
    assert says in error.what
    assert "login.sh" in error.remedy
    credentials.close()


async def test_a_plugin_that_is_not_there_shows_how_to_install_it(tmp_path: Path, manual: ManualClock) -> None:
    auth = Plugin(command="no-such-login", api_version=V1, install_hint="Get it at https://login.test.")
    error = await failure_of(Credentials(access(auth), manual))
    assert "no-such-login was not found. Get it at https://login.test." in error.what


async def test_a_plugin_that_cannot_be_run(tmp_path: Path, manual: ManualClock) -> None:
    (tmp_path / "file").write_text("x")
    auth = Plugin(command=str(tmp_path / "file"), api_version=V1)
    assert "cannot be run: Permission denied" in (await failure_of(Credentials(access(auth), manual))).what
    auth = Plugin(command="sh", args=(f"--secret={CANARY}\0",), api_version=V1)
    assert "not text" in (await failure_of(Credentials(access(auth), manual))).what


async def test_a_plugin_that_does_not_end_is_ended(
    tmp_path: Path, manual: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ztui.kube.plugin.PLUGIN_TIMEOUT_S", 0.2)
    auth = plugin(tmp_path, f"sleep 100 & echo $! > {tmp_path}/pid; wait")
    credentials = Credentials(access(auth), manual)
    assert "did not end" in (await failure_of(credentials)).what
    pid = int((tmp_path / "pid").read_text())
    await until(lambda: not _is_alive(pid))
    credentials.close()


async def test_closing_ends_a_plugin_that_runs_and_starts_no_other(tmp_path: Path, manual: ManualClock) -> None:
    credentials = Credentials(access(plugin(tmp_path, "exec sleep 100")), manual)
    waiting = asyncio.ensure_future(credentials.current())
    await until(lambda: runs(tmp_path) == 1)
    credentials.close()
    with pytest.raises(KubeError):
        await waiting
    manual.advance(20)
    assert "ending" in (await failure_of(credentials)).what
    assert runs(tmp_path) == 1


def _is_alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


async def test_a_plugin_that_must_ask_is_refused_while_nobody_can_answer(tmp_path: Path, manual: ManualClock) -> None:
    auth = plugin(tmp_path, f"echo '{answer(token='abc')}'", interactive_mode="Always")
    credentials = Credentials(access(auth), manual)
    assert "wants to ask questions" in (await failure_of(credentials)).what
    assert runs(tmp_path) == 0


_ASKER = """
import asyncio, sys
from ztui.clock import SystemClock
from ztui.kube.credentials import Credentials
from ztui.kube.kubeconfig import ClusterAccess, Plugin
auth = Plugin(command=sys.argv[1], api_version="client.authentication.k8s.io/v1", interactive_mode=sys.argv[2])
access = ClusterAccess(context="c", server="https://k.test", auth=auth)
credentials = Credentials(access, SystemClock(), may_ask=lambda: True)
print("got", str(asyncio.run(credentials.current()).authorization))
credentials.close()
"""


@pytest.mark.parametrize(("mode", "is_asked"), [("Always", True), ("IfAvailable", True), ("Never", False)])
def test_a_plugin_may_ask_where_a_terminal_is_free(tmp_path: Path, mode: str, is_asked: bool) -> None:
    """In a pseudo terminal the plugin reads the password that is typed there."""
    said = answer(token="WORD")
    script = f'read word || word=nothing; echo "$KUBERNETES_EXEC_INFO" > {tmp_path}/info'
    script += f"\necho '{said}' | sed s/WORD/$word/"
    command = plugin(tmp_path, script).command
    master, slave = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", _ASKER, command, mode], stdin=slave, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        os.close(slave)
        os.write(master, b"typed\n")
        out, _ = process.communicate(timeout=30)
    os.close(master)
    assert out.decode() == f"got Bearer {'typed' if is_asked else 'nothing'}\n"
    assert json.loads((tmp_path / "info").read_text())["spec"]["interactive"] is is_asked


@pytest.mark.parametrize(
    ("args", "login"),
    [
        ((), "login.sh"),
        (("eks", "get-token", "--cluster-name", "c"), "login.sh eks get-token"),
        (("--region", "x", "eks"), "login.sh"),
        (("get-token", f"--oidc-client-secret={CANARY}"), "login.sh get-token"),
        (("a", "b", "c", "d"), "login.sh a b c"),
    ],
)
def test_how_to_log_in_is_named_without_flags(
    tmp_path: Path, manual: ManualClock, args: tuple[str, ...], login: str
) -> None:
    assert Credentials(access(plugin(tmp_path, "", args=args)), manual).login == login


# -- auth providers of old


def legacy(provider: str, **settings: str) -> Legacy:
    user = {"auth-provider": {"name": provider, "config": settings}}
    file = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": "https://k.test"}}],
        "users": [{"name": "u", "user": user}],
    }
    return Legacy(provider=provider, settings=settings, kubeconfig=file, context="c")


async def test_an_auth_provider_is_left_to_the_package(manual: ManualClock) -> None:
    auth = legacy("gcp", **{"access-token": "abc", "expiry": "2099-01-01T00:00:00Z"})
    credentials = Credentials(access(auth), manual)
    assert (await credentials.current()).authorization == "Bearer abc"
    credentials.close()


async def test_an_auth_provider_that_fails_shows_no_secret(manual: ManualClock) -> None:
    for auth in (legacy("gcp", **{"access-token": CANARY, "expiry": "garbage"}), legacy("openstack", token=CANARY)):
        credentials = Credentials(access(auth), manual)
        error = await failure_of(credentials)
        assert f"the auth provider {auth.provider}" in error.what
        credentials.close()


def jwt(expires_at: float) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return ".".join((part({"alg": "none"}), part({"exp": expires_at}), CANARY))


async def test_an_oidc_token_is_used_while_it_lasts(manual: ManualClock) -> None:
    token = jwt(NOW + 100)
    credentials = Credentials(access(legacy("oidc", **{"id-token": token})), manual)
    credential = await credentials.current()
    assert credential.authorization == f"Bearer {token}"
    assert credential.expires_at == NOW + 100
    assert CANARY not in repr(credential)


@pytest.mark.parametrize("token", [jwt(NOW - 1), ""])
async def test_an_oidc_token_that_has_expired_names_what_replaces_it(manual: ManualClock, token: str) -> None:
    error = await failure_of(Credentials(access(legacy("oidc", **{"id-token": token})), manual))
    assert "kubelogin" in error.what
