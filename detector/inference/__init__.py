"""Tiling, the device backend, suppression and merging."""
