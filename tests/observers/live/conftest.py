"""Shared: simulated clusters, one whose time goes by for all tests that only look, one that a test may torture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kube.conftest import api, authority, client, clock, no_proxy
from tests.observers.live.simulated import Simulator, simulator

__all__ = ["api", "authority", "client", "clock", "cluster", "no_proxy", "tortured"]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """A cluster whose time stands still, so that every look at it sees the same."""
    with simulator(tmp_path_factory.mktemp("cluster"), "--stepped", "--rate", "15") as made:
        made.ask("clock", by="30s")
        yield made


@pytest.fixture
def tortured(tmp_path: Path) -> Iterator[Simulator]:
    """A cluster of one's own, whose time stands still until it is stepped."""
    with simulator(tmp_path, "--stepped", "--rate", "30") as made:
        made.ask("clock", by="1s")
        yield made
