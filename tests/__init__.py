"""Tests mirror the tree of ztui."""
