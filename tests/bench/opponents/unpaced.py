"""Following every ztunnel's log with aiohttp, each chunk parsed and counted as it arrives: CPU per line, as JSON."""

import asyncio
import json
import ssl
import sys
import time
from base64 import b64decode
from pathlib import Path
from typing import Any

import aiohttp

from ztui.clock import SystemClock
from ztui.model.accesslog import Reader, ShapeTable
from ztui.model.flow import Origin
from ztui.model.observation import EntriesRead
from ztui.model.streams import StreamKey, StreamKind
from ztui.store.mesh import Mesh

mesh = Mesh(clock=SystemClock())
table = ShapeTable()


async def follow(session: aiohttp.ClientSession, pod: str) -> None:
    reader = Reader(Origin(key=pod), table)
    stream = StreamKey(kind=StreamKind.LOG, of=pod)
    path = f"/api/v1/namespaces/istio-system/pods/{pod}/log"
    query = {"follow": "true", "tailLines": "0", "timestamps": "true"}
    async with session.get(path, params=query) as response:
        async for chunk in response.content.iter_any():
            batch = reader.feed(chunk)
            mesh.ingest(EntriesRead(stream=stream, batch=batch, observed_at=time.time()))


async def main(config: dict[str, Any], streams: int, seconds: float) -> None:
    cluster = config["clusters"][0]["cluster"]
    token = next(user["user"]["token"] for user in config["users"] if user["name"] == "admin")
    context = ssl.create_default_context(cadata=b64decode(cluster["certificate-authority-data"]).decode())
    connector = aiohttp.TCPConnector(limit=0, ssl=context)
    headers = {"Authorization": f"Bearer {token}"}
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(
        cluster["server"], connector=connector, headers=headers, timeout=timeout
    ) as session:
        query = {"labelSelector": "app=ztunnel"}
        async with session.get("/api/v1/namespaces/istio-system/pods", params=query) as response:
            pods = [pod["metadata"]["name"] for pod in (await response.json())["items"]]
        async with asyncio.TaskGroup() as tasks:
            following = [tasks.create_task(follow(session, pod)) for pod in pods[:streams]]
            while sum(row.lines.received > 0 for row in mesh.streams) < streams:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            await asyncio.sleep(3)
            lines, cpu = mesh.lines.received, time.process_time()
            await asyncio.sleep(seconds)
            lines, cpu = mesh.lines.received - lines, time.process_time() - cpu
            print(json.dumps({"lines": lines, "cpu_s": cpu}))
            for task in following:
                task.cancel()


kubeconfig = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
asyncio.run(main(kubeconfig, int(sys.argv[2]), float(sys.argv[3])))
