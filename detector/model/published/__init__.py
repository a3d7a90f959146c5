"""Checkpoints of the published code (`.pt`): read without executing anything in them."""
