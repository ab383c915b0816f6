"""Names, addresses and identifiers as Kubernetes hands them out, drawn from a seeded generator."""

from __future__ import annotations

import random

_SAFE = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes leaves vowels and look-alikes out of generated names."""


def generator(seed: int, purpose: str) -> random.Random:
    """Make a generator of its own for each purpose, so that one more draw here changes nothing there."""
    return random.Random(f"{seed}/{purpose}")


def suffix(draw: random.Random, length: int = 5) -> str:
    """Draw the random end of a pod's name (5) or the hash of a pod template (8 to 10)."""
    return "".join(draw.choices(_SAFE, k=length))


def uid(draw: random.Random) -> str:
    """Draw an object's uid: a version 4 UUID."""
    digits = f"{draw.getrandbits(128):032x}"
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def node_address(index: int) -> str:
    """Address of the index-th node."""
    return f"172.18.{index // 250}.{index % 250 + 2}"


def pod_address(node_index: int, count: int) -> str:
    """Give the count-th pod address of a node: `10.244.NODE.x`, and further blocks where a node has many pods."""
    block, last = divmod(count, 250)
    return f"10.{244 - node_index // 250 - 4 * block}.{node_index % 250 + 1}.{last + 2}"


def service_address(count: int) -> str:
    """Give the count-th virtual address of a service."""
    return f"10.96.{count // 250}.{count % 250 + 10}"
