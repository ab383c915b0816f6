"""What proves who we are, kept fresh: tokens, token files and exec plugins, renewed once for all who wait.

One Credentials serves every thread and loop of the process, so a plugin that opens a browser opens it once.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from ztui.kube.failures import Asked, Kind, KubeError, failure, plain
from ztui.kube.kubeconfig import Basic, ClientCertificate, ClusterAccess, Legacy, Plugin, Secret, Token, TokenFile
from ztui.kube.plugin import PLUGIN_TIMEOUT_S, PluginProcess

if TYPE_CHECKING:
    from ztui.clock import Clock

RENEW_BEFORE_S = 60.0
"""A credential is renewed this long before it expires."""
REREAD_S = 60.0
"""How often a token file, and whatever does not say when it expires, is read again."""
RENEW_AGAIN_AFTER_S = 15.0
"""A credential younger than this is not renewed, it would be the same; and what failed is not tried again before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What is shown to the server now. `generation` grows with each renewal that brought something else."""

    generation: int = 0
    authorization: Secret | None = field(default=None, repr=False)
    """The Authorization header's value."""
    certificate: ClientCertificate | None = None
    expires_at: float | None = None
    """Unix seconds; None where nobody said."""
    obtained_at: float = 0.0


Obtain = Callable[[], Credential]


class Credentials:
    """The credential of one user of one cluster: obtained when first needed, renewed before it expires or on a 401.

    `may_ask` says whether a plugin may use the terminal now: never while a screen is drawn on it.
    """

    def __init__(self, access: ClusterAccess, clock: Clock, *, may_ask: Callable[[], bool] = lambda: False) -> None:
        self._access = access
        self._clock = clock
        self._may_ask = may_ask
        self.is_asking = False
        """Whether a plugin has the terminal now: it takes as long as its user does."""
        self._lock = threading.Lock()
        self._credential: Credential | None = None
        self._flight: Future[Credential] | None = None
        self._worker: ThreadPoolExecutor | None = None
        self._failed: tuple[float, str] | None = None
        self._plugin = PluginProcess()
        self._is_closed = False
        self._obtain, self._can_renew = self._way(access)

    @property
    def login(self) -> str:
        """The command its user logs in with, for words; empty where there is none. Flags may hold secrets: left out."""
        auth = self._access.auth
        if not isinstance(auth, Plugin):
            return ""
        flags = (at for at, arg in enumerate(auth.args) if arg.startswith("-"))
        return " ".join((os.path.basename(auth.command), *auth.args[: next(flags, 3)][:3]))  # noqa: PTH119

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
            return held  # it is good for a while yet

    async def renew(self, rejected: Credential) -> Credential | None:
        """Find a newer credential than the one the server `rejected`; None where there is none to be had."""
        held = self._credential
        if held is not None and held.generation > rejected.generation:
            return held
        if not self._can_renew or self._clock.now() - rejected.obtained_at < RENEW_AGAIN_AFTER_S:
            return None
        renewed = await self._renewed()
        return renewed if renewed.generation > rejected.generation else None

    def close(self) -> None:
        """Stop a plugin that is still running, and start no other."""
        self._is_closed = True
        self._plugin.close()
        if self._worker is not None:
            self._worker.shutdown(wait=False, cancel_futures=True)

    def _is_stale(self, held: Credential) -> bool:
        if not self._can_renew:
            return False
        now = self._clock.now()
        if held.expires_at is None:
            return isinstance(self._access.auth, TokenFile) and now - held.obtained_at >= REREAD_S
        life_s = held.expires_at - held.obtained_at
        if life_s <= 0:  # by our clock it came expired: one of the clocks is wrong, so the server shall judge
            return now - held.obtained_at >= RENEW_AGAIN_AFTER_S
        return now >= held.expires_at - min(RENEW_BEFORE_S, life_s / 2)

    async def _renewed(self) -> Credential:
        """Join the renewal under way, or start it. Works from several loops; a cancelled waiter ends nothing."""
        if not self._can_renew:
            return self._renew_now()
        with self._lock:
            if self._failed is not None and self._clock.now() - self._failed[0] < RENEW_AGAIN_AFTER_S:
                raise self._failure(self._failed[1])  # a thousand streams do not start a thousand plugins
            if self._is_closed:
                raise self._failure("ztui is ending")
            if self._flight is None or self._flight.done():
                if self._worker is None:
                    self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="credentials")
                self._flight = self._worker.submit(self._renew_now)
            flight = self._flight
        return await asyncio.shield(asyncio.wrap_future(flight))

    def _renew_now(self) -> Credential:
        try:
            found = self._obtain()
        except KubeError as error:
            self._failed = (self._clock.now(), error.detail)
            raise
        self._failed = None
        before, certificate = self._credential, found.certificate or self._access.certificate
        is_same = before is not None and (before.authorization, before.certificate) == (
            found.authorization,
            certificate,
        )
        self._credential = Credential(
            generation=(before.generation if before else 0) + (not is_same),
            authorization=found.authorization,
            certificate=certificate,
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
                return lambda: self._bearer(token, "the kubeconfig"), False
            case Basic(username=username, password=password):
                pair = base64.b64encode(f"{username}:{password}".encode()).decode()
                return lambda: Credential(authorization=Secret(f"Basic {pair}")), False
            case TokenFile() as file:
                return lambda: self._read_token(file), True
            case Plugin() as plugin:
                return lambda: self._run(plugin), True
            case Legacy() as legacy:
                return lambda: self._ask_package(legacy), legacy.provider != "oidc"

    def _read_token(self, file: TokenFile) -> Credential:
        try:
            token = file.path.read_bytes().decode().strip()
        except UnicodeDecodeError:
            raise self._failure(f"the token file {file.path} holds no token") from None
        except OSError as error:
            raise self._failure(f"the token file {file.path} cannot be read: {error.strerror}") from error
        if not token:
            raise self._failure(f"the token file {file.path} is empty")
        return self._bearer(token, f"the token file {file.path}")

    def _run(self, plugin: Plugin) -> Credential:
        asks = plugin.interactive_mode != "Never" and self._may_ask()
        if plugin.interactive_mode == "Always" and not asks:
            raise self._failure(f"{plugin.command} wants to ask questions, which it cannot here")
        self.is_asking = asks
        try:
            code, out, err = self._plugin.run(plugin, asks=asks)
        except FileNotFoundError as error:
            hint = f". {plugin.install_hint}" if plugin.install_hint else ""
            raise self._failure(f"the command {plugin.command} was not found{hint}") from error
        except subprocess.TimeoutExpired:
            raise self._failure(f"{plugin.command} did not end within {PLUGIN_TIMEOUT_S:.0f} s") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "its arguments or environment are not text"
            raise self._failure(f"the command {plugin.command} cannot be run: {reason}") from None
        finally:
            self.is_asking = False
        if code != 0:
            raise self._failure(f"{plugin.command} failed: {_last_words(err) or f'exit code {code}'}")
        return self._read_answer(plugin, out)

    def _read_answer(self, plugin: Plugin, out: bytes) -> Credential:
        """Read an ExecCredential. Its text is a secret, so no part of it is quoted, nor the exception that has it."""
        try:
            answer = json.loads(out)
            version, status = answer.get("apiVersion"), answer["status"]
            token, certificate, key = (status.get(k) for k in ("token", "clientCertificateData", "clientKeyData"))
            expires = status.get("expirationTimestamp")
            expires_at = datetime.fromisoformat(expires).timestamp() if expires else None
            pair = (
                ClientCertificate(certificate=certificate.encode(), key=key.encode()) if certificate and key else None
            )
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            raise self._failure(f"{plugin.command} printed no ExecCredential") from None
        if version != plugin.api_version:
            raise self._failure(f"{plugin.command} answered in another version than {plugin.api_version}")
        if not token and pair is None:
            raise self._failure(f"{plugin.command} printed neither a token nor a certificate with its key")
        bearer = self._bearer(token, plugin.command) if token else Credential()
        return replace(bearer, certificate=pair, expires_at=expires_at)

    def _bearer(self, token: object, giver: str) -> Credential:
        """Make a credential of a token; one that fits in no header is refused here, or it would show in an error."""
        token = token.strip() if isinstance(token, str) else ""
        if _TOKEN.fullmatch(token) is None:
            raise self._failure(f"what {giver} holds is no token")
        return Credential(authorization=Secret(f"Bearer {token}"))

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
            # The package has called it both; asking it for the other one gives None.
            keys = configuration.api_key
            authorization = keys.get("BearerToken") or keys.get("authorization")
        except Exception as error:  # noqa: BLE001  whatever a provider's library raises, it is its user's login
            # Its text may hold what it was given, so only its kind is told.
            raise self._failure(f"the auth provider {legacy.provider} failed ({type(error).__name__})") from None
        if not authorization:
            raise self._failure(f"the auth provider {legacy.provider} gave none; use an exec plugin instead")
        return self._bearer(str(authorization).removeprefix("Bearer "), f"the auth provider {legacy.provider}")

    def _read_oidc(self, legacy: Legacy) -> Credential:
        token = legacy.settings.get("id-token", "")
        expires_at = _expiry_of_jwt(token)
        if not token or (expires_at is not None and expires_at <= self._clock.now()):
            raise self._failure("the OIDC token of the kubeconfig has expired; use an exec plugin (kubelogin)")
        return replace(self._bearer(token, "the kubeconfig's id-token"), expires_at=expires_at)

    def _failure(self, detail: str) -> KubeError:
        return failure(Kind.CREDENTIALS, Asked(host=self._access.host, login=self.login), detail)


_TOKEN = re.compile(r"[\x21-\x7e]+")
"""What fits in a header: no space, no line break, nothing beyond ASCII."""


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
