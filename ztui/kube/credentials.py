"""What proves who we are, kept fresh: tokens, token files and exec plugins, renewed once for all who wait.

One Credentials serves every thread and loop of the process, so a plugin that opens a browser opens it once.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from ztui.kube.failures import Asked, Kind, KubeError, failure, plain
from ztui.kube.kubeconfig import Basic, ClientCertificate, ClusterAccess, Legacy, Plugin, Token, TokenFile

if TYPE_CHECKING:
    from ztui.clock import Clock

RENEW_BEFORE_S = 60.0
"""A credential is renewed this long before it expires."""
REREAD_S = 60.0
"""How often a token file, and whatever does not say when it expires, is read again."""
PLUGIN_TIMEOUT_S = 60.0
RENEW_AGAIN_AFTER_S = 15.0
"""A credential younger than this is not renewed because of a 401: it would be the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What is shown to the server now. `generation` grows with each renewal."""

    generation: int = 0
    authorization: str | None = field(default=None, repr=False)
    """The Authorization header's value."""
    certificate: ClientCertificate | None = None
    expires_at: float | None = None
    """Unix seconds; None where nobody said."""
    obtained_at: float = 0.0


Obtain = Callable[[], Credential]


class Credentials:
    """The credential of one user of one cluster: obtained when first needed, renewed before it expires or on a 401."""

    def __init__(self, access: ClusterAccess, clock: Clock) -> None:
        self._access = access
        self._clock = clock
        self._lock = threading.Lock()
        self._credential: Credential | None = None
        self._flight: Future[Credential] | None = None
        self._worker: ThreadPoolExecutor | None = None
        self._plugin = _PluginRun()
        self._obtain, self._can_renew = self._way(access)

    @property
    def login(self) -> str:
        """The command its user logs in with, for words; empty where there is none."""
        auth = self._access.auth
        return " ".join((os.path.basename(auth.command), *auth.args[:3])) if isinstance(auth, Plugin) else ""  # noqa: PTH119

    async def current(self) -> Credential:
        """Give the credential to use now, renewed first if it is about to expire. Raises KubeError(CREDENTIALS)."""
        held = self._credential
        if held is not None and not self._is_stale(held):
            return held
        try:
            return await self._renewed()
        except KubeError:
            if held is None or (held.expires_at is not None and held.expires_at <= self._clock.now()):
                raise
            return held

    async def renew(self, rejected: Credential) -> Credential | None:
        """Find a newer credential than the one the server `rejected`; None where there is none to be had."""
        held = self._credential
        if held is not None and held.generation > rejected.generation:
            return held
        if not self._can_renew or self._clock.now() - rejected.obtained_at < RENEW_AGAIN_AFTER_S:
            return None
        renewed = await self._renewed()
        return renewed if renewed.authorization != rejected.authorization or renewed.certificate else None

    def close(self) -> None:
        """Stop a plugin that is still running, and start no other."""
        self._plugin.close()
        if self._worker is not None:
            self._worker.shutdown(wait=False, cancel_futures=True)

    def _is_stale(self, held: Credential) -> bool:
        if not self._can_renew:
            return False
        now = self._clock.now()
        if held.expires_at is not None:
            return now >= held.expires_at - min(RENEW_BEFORE_S, (held.expires_at - held.obtained_at) / 2)
        return isinstance(self._access.auth, TokenFile) and now - held.obtained_at >= REREAD_S

    async def _renewed(self) -> Credential:
        """Join the renewal under way, or start it. Works from several loops; a cancelled waiter ends nothing."""
        if not self._can_renew:
            return self._renew_now()
        with self._lock:
            if self._flight is None or self._flight.done():
                if self._worker is None:
                    self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="credentials")
                self._flight = self._worker.submit(self._renew_now)
            flight = self._flight
        return await asyncio.shield(asyncio.wrap_future(flight))

    def _renew_now(self) -> Credential:
        found = self._obtain()
        before = self._credential
        self._credential = Credential(
            generation=(before.generation + 1) if before else 1,
            authorization=found.authorization,
            certificate=found.certificate or self._access.certificate,
            expires_at=found.expires_at,
            obtained_at=self._clock.now(),
        )
        return self._credential

    def _way(self, access: ClusterAccess) -> tuple[Obtain, bool]:
        """How the credential is obtained, and whether doing so again can give another one."""
        match access.auth:
            case None:
                return Credential, False
            case Token(token=token):
                return lambda: _bearer(token), False
            case Basic(username=username, password=password):
                pair = base64.b64encode(f"{username}:{password}".encode()).decode()
                return lambda: Credential(authorization=f"Basic {pair}"), False
            case TokenFile() as file:
                return lambda: self._read_token(file), True
            case Plugin() as plugin:
                return lambda: self._run(plugin), True
            case Legacy() as legacy:
                return lambda: self._ask_package(legacy), legacy.provider != "oidc"

    def _read_token(self, file: TokenFile) -> Credential:
        try:
            token = file.path.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise self._failure(f"the token file {file.path} cannot be read: {error}") from error
        if not token:
            raise self._failure(f"the token file {file.path} is empty")
        return _bearer(token)

    def _run(self, plugin: Plugin) -> Credential:
        if plugin.interactive_mode == "Always":
            raise self._failure(f"{plugin.command} wants to ask questions, which it cannot while the screen is drawn")
        try:
            code, out, err = self._plugin.run(plugin)
        except FileNotFoundError as error:
            hint = f" {plugin.install_hint}" if plugin.install_hint else ""
            raise self._failure(f"the command {plugin.command} was not found.{hint}") from error
        except OSError as error:
            raise self._failure(f"the command {plugin.command} cannot be run: {error.strerror}") from error
        except subprocess.TimeoutExpired as error:
            raise self._failure(f"{plugin.command} did not end within {PLUGIN_TIMEOUT_S:.0f} s") from error
        if code != 0:
            raise self._failure(f"{plugin.command} failed: {_last_words(err) or f'exit code {code}'}")
        return self._read_answer(plugin, out)

    def _read_answer(self, plugin: Plugin, out: bytes) -> Credential:
        """Read an ExecCredential. Its text is a secret, so no part of it is ever quoted in words."""
        try:
            answer = json.loads(out)
            status = answer["status"]
            if answer.get("apiVersion") != plugin.api_version:
                raise self._failure(f"{plugin.command} answered in another version than {plugin.api_version}")
            token, certificate, key = (status.get(k) for k in ("token", "clientCertificateData", "clientKeyData"))
            expires = status.get("expirationTimestamp")
            expires_at = datetime.fromisoformat(expires).timestamp() if expires else None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._failure(f"{plugin.command} printed no ExecCredential") from error
        if not token and not (certificate and key):
            raise self._failure(f"{plugin.command} printed neither a token nor a certificate")
        pair = ClientCertificate(certificate=certificate.encode(), key=key.encode()) if certificate and key else None
        return Credential(
            authorization=f"Bearer {token.strip()}" if token else None, certificate=pair, expires_at=expires_at
        )

    def _ask_package(self, legacy: Legacy) -> Credential:
        """Serve an `auth-provider`: an OIDC token while it lasts; anything else is left to the kubernetes package."""
        if legacy.provider == "oidc":
            return self._read_oidc(legacy)
        try:
            from kubernetes import client, config  # noqa: PLC0415  costs 300 ms, and hardly anybody needs it

            configuration = client.Configuration()
            config.load_kube_config_from_dict(  # type: ignore[no-untyped-call]
                dict(legacy.kubeconfig),
                context=legacy.context,
                client_configuration=configuration,
                persist_config=False,
            )
            authorization = configuration.get_api_key_with_prefix("authorization")
        except Exception as error:  # whatever a provider's library raises, it is its user's login
            raise self._failure(f"the auth provider {legacy.provider} failed: {error}") from error
        if not authorization:
            raise self._failure(f"the auth provider {legacy.provider} gave none; use an exec plugin instead")
        return Credential(authorization=str(authorization))

    def _read_oidc(self, legacy: Legacy) -> Credential:
        token = legacy.settings.get("id-token", "")
        expires_at = _expiry_of_jwt(token)
        if not token or (expires_at is not None and expires_at <= self._clock.now()):
            raise self._failure("the OIDC token of the kubeconfig has expired; use an exec plugin (kubelogin)")
        return Credential(authorization=f"Bearer {token}", expires_at=expires_at)

    def _failure(self, detail: str) -> KubeError:
        return failure(Kind.CREDENTIALS, Asked(host=self._access.host, login=self.login), detail)


def _bearer(token: str) -> Credential:
    return Credential(authorization=f"Bearer {token}", expires_at=None)


def _expiry_of_jwt(token: str) -> float | None:
    """Read the `exp` of a JSON web token, Unix seconds; None where it cannot be read."""
    try:
        claims = token.split(".")[1]
        return float(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"])
    except (ValueError, KeyError, IndexError, TypeError):
        return None


def _last_words(text: bytes) -> str:
    """Pick what a plugin said last, which is most often why it failed."""
    lines = [line for line in text[-4096:].decode("utf-8", "replace").splitlines() if line.strip()]
    return plain(" ".join(lines[-2:]))


class _PluginRun:
    """One plugin process at a time, without a terminal: it must not fight the screen for it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def run(self, plugin: Plugin) -> tuple[int, bytes, bytes]:
        """Run it to its end: exit code, output, error output. Raises OSError or TimeoutExpired."""
        with subprocess.Popen(  # noqa: S603  the kubeconfig's own command, as in kubectl
            [plugin.command, *plugin.args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **dict(plugin.env), "KUBERNETES_EXEC_INFO": _exec_info(plugin)},
            start_new_session=True,
        ) as self._process:
            try:
                if self._closed:
                    self.kill()
                out, err = self._process.communicate(timeout=PLUGIN_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
            return self._process.returncode, out, err

    def close(self) -> None:
        """End what runs now, and at once whatever is started later."""
        self._closed = True
        self.kill()

    def kill(self) -> None:
        """End it and whatever it started."""
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _exec_info(plugin: Plugin) -> str:
    spec: dict[str, object] = {"interactive": False}
    if plugin.cluster is not None:
        spec["cluster"] = plugin.cluster
    return json.dumps({"kind": "ExecCredential", "apiVersion": plugin.api_version, "spec": spec})
