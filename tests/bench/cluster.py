"""A simulated cluster in a process of its own, without the environment of whoever runs the benchmark."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.measure import environment
from tests.simulated import SimulatedCluster, simulated

Cluster = SimulatedCluster


@contextmanager
def cluster(*flags: str) -> Iterator[Cluster]:
    """Run the simulator with these flags while the block runs."""
    with simulated(*flags, environment=environment()) as found:
        yield found
