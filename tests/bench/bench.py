"""A run of the benchmark: how long, how often, and what it says while it goes on."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.corpus import Corpus, corpus
from tests.bench.measure import Run, in_turn


@dataclass(slots=True, kw_only=True)
class Bench:
    """What the groups measure with. `quick` takes smaller inputs and fewer rounds."""

    quick: bool
    rounds: int
    soak_s: float
    seed: int
    scratch: Path = field(default_factory=lambda: Path(tempfile.gettempdir()))

    @property
    def lines(self) -> int:
        """Lines of the big corpora."""
        return 200_000 if self.quick else 1_000_000

    def corpus(self, name: str, lines: int) -> Corpus:
        """Give a corpus; it is made if need be."""
        return corpus(name, lines, seed=self.seed)

    def in_turn(self, runs: Mapping[str, Run], *, rounds: int | None = None) -> dict[str, float]:
        """Let opponents run in turn; the best of each."""
        return in_turn(runs, rounds or self.rounds)

    def say(self, text: str) -> None:
        """Tell whoever waits what goes on."""
        print(text, file=sys.stderr, flush=True)


@contextmanager
def bench(*, quick: bool, rounds: int, soak_s: float, seed: int) -> Iterator[Bench]:
    """A run with a directory of its own for what the programs print."""
    with tempfile.TemporaryDirectory(prefix="ztui-bench-") as directory:
        yield Bench(quick=quick, rounds=rounds, soak_s=soak_s, seed=seed, scratch=Path(directory))
