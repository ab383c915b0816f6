"""The only memory of facts: mutable, synchronous, single-threaded, bounded."""
