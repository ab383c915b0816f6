"""The C library's heap: shared where it can be, left alone where it cannot."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from types import SimpleNamespace

import pytest

from ztui import heap

_GROW_AND_SHRINK = """
import threading
from ztui import heap

def held():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

assert heap.share_heap()
large, small = [], []
for _ in range(1_000):
    large.append(b"x" * 100_000)
    small.append(b"x" * 1_000)
full = held()
thread = threading.Thread(target=large.clear)
thread.start()
thread.join()
assert held() < full - 80_000_000, (full, held())
"""


def test_what_is_let_go_of_is_given_back_though_something_after_it_stays() -> None:
    done = subprocess.run([sys.executable, "-c", _GROW_AND_SHRINK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())
    assert not heap.share_heap()
