"""`python -m ztui.simulator`: serve the simulated cluster until told to end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
import tempfile
import threading
from asyncio import sslproto
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ztui.simulator.api.access import ROLES, groups_of
from ztui.simulator.api.control import PREFIX
from ztui.simulator.api.host import Host
from ztui.simulator.api.kubeconfig import kubeconfig, write_private
from ztui.simulator.api.server import ApiServer
from ztui.simulator.api.tls import Signer
from ztui.simulator.clock import WorldClock
from ztui.simulator.options import OptionError, Options, read_options
from ztui.simulator.scenario import names_of_scenarios, read_scenario
from ztui.simulator.world import World, WorldSettings

_TLS_BUFFER_BYTES = 32 << 10


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line and return its status: 0, or 2 for what cannot be."""
    try:
        options = read_options(sys.argv[1:] if words is None else words)
        if options.is_listing:
            _list_scenarios()
            return 0
        asyncio.run(_serve(options))
    except OptionError as error:
        print(error, error.remedy, sep="\n", file=sys.stderr)  # noqa: T201
        return 2
    except OSError as error:
        print(f"The simulated cluster cannot be served: {error}.", _REMEDY, sep="\n", file=sys.stderr)  # noqa: T201
        return 2
    return 0


_REMEDY = "Choose another --port, or none."


def _list_scenarios() -> None:
    width = max(map(len, names_of_scenarios()))
    for name in names_of_scenarios():
        print(f"{name:<{width}}  {read_scenario(name).title}")  # noqa: T201


async def _serve(options: Options) -> None:
    """Live and serve until SIGTERM, SIGINT or the end of standard input."""
    _keep_lean()
    ends = asyncio.Event()
    _end_on_signals(ends)
    if options.ends_with_stdin:
        _end_with_stdin(ends)
    signer = Signer()
    host = _make_host(options)
    server = ApiServer(host, signer.server_context(), port=options.port)
    await server.listen()
    with _kubeconfig_path(options) as path:
        file = _KubeconfigFile(options.user, path, signer, server, host)
        server.on_token = file.write
        file.write()
        async with asyncio.TaskGroup() as tasks:
            work = [
                tasks.create_task(host.live(options.tick_ms / 1_000), name="live"),
                tasks.create_task(server.serve(), name="serve"),
            ]
            _announce(server.url, path)
            await ends.wait()
            for task in work:
                task.cancel()


def _announce(url: str, path: Path) -> None:
    """Print the one line that says it serves."""
    line = {"server": url, "kubeconfig": str(path.absolute()), "control": url + PREFIX, "pid": os.getpid()}
    print(json.dumps(line), flush=True)  # noqa: T201


def _make_host(options: Options) -> Host:
    clock = WorldClock(start_us=options.start_us, speed=options.speed, stepped=options.is_stepped)
    settings = WorldSettings(
        start_us=clock.now_us(),
        scenario=read_scenario(options.scenario),
        nodes=options.nodes,
        pods=options.pods,
        rate=options.rate,
        seed=options.seed,
        versions=options.versions,
        json_log=options.is_json_log,
    )
    host = Host(World(settings), clock)
    gc.freeze()  # the cluster stays; looking at it again and again would stop the streams
    return host


class _KubeconfigFile:
    """The kubeconfig on disk, written anew whenever a token changes."""

    def __init__(self, user: str, path: Path, signer: Signer, server: ApiServer, host: Host) -> None:
        self._user = user
        self._path = path
        self._authority = signer.pem
        self._server = server
        self._accounts = host.accounts
        self._pairs = {role: signer.client_pair(role, tuple(groups_of(role)[:-1])) for role in ROLES}

    def write(self) -> None:
        """Write it with the tokens of now. Raises OptionError."""
        value = kubeconfig(self._server.url, self._authority, self._accounts, self._pairs, self._user)
        try:
            write_private(self._path, value)
        except OSError as error:
            what = f"The kubeconfig {self._path} cannot be written: {error.strerror}."
            raise OptionError(what, "Choose another --kubeconfig-out.") from error


@contextlib.contextmanager
def _kubeconfig_path(options: Options) -> Iterator[Path]:
    """Say where the kubeconfig goes: where it is wanted, or into a directory that ends with this process."""
    if options.kubeconfig is not None:
        yield options.kubeconfig
        return
    with tempfile.TemporaryDirectory(prefix="ztui-simulator-") as directory:
        yield Path(directory, "kubeconfig")


def _keep_lean() -> None:
    """Prepare for a thousand streams: asyncio reads TLS into 256 KiB for each, and garbage is looked for too often."""
    if hasattr(sslproto.SSLProtocol, "max_size"):
        sslproto.SSLProtocol.max_size = _TLS_BUFFER_BYTES
    gc.set_threshold(20_000, 50, 100)


def _end_on_signals(ends: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ends.set)


def _end_with_stdin(ends: asyncio.Event) -> None:
    """Let a thread read to the end: unlike a selector it can do so with files and terminals too."""
    loop = asyncio.get_running_loop()
    threading.Thread(target=_read_to_end, args=(lambda: loop.call_soon_threadsafe(ends.set),), daemon=True).start()


def _read_to_end(then: Callable[[], object]) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4_096):
            pass
    with contextlib.suppress(RuntimeError):  # the loop has ended before standard input
        then()


if __name__ == "__main__":
    sys.exit(main())
