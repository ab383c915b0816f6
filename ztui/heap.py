"""Where memory lives that Python asks the C library for: every array of the history, and everything over 512 bytes.

glibc gives each thread a heap of its own. What one thread packs and another lets go of leaves holes in both, and as it
raises its threshold for giving memory back to 64 MB on the way, a screen that was left open never got smaller.
"""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Names of glibc's mallopt(3)."""
_LARGE = 1 << 16


def share_heap() -> bool:
    """Let all threads share one heap, and give back what is free at its end. To be called before there are threads.

    False where the C library is not glibc: it has no such choice, and mostly no need of it.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_ARENA_MAX, 1) and mallopt(_MMAP_THRESHOLD, _LARGE) and mallopt(_TRIM_THRESHOLD, _LARGE))
