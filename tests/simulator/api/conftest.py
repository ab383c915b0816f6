"""One authority for the session, one served world for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.simulator.serving import Api, serving
from ztui.simulator.api.tls import Signer


@pytest.fixture(scope="session")
def signer() -> Signer:
    return Signer()


@pytest.fixture
async def api(signer: Signer) -> AsyncIterator[Api]:
    async with serving(signer) as found:
        yield found
