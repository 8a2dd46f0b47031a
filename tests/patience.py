"""How long tests wait for what should come."""

from __future__ import annotations

PATIENCE = 600
"""Seconds after which a test that hangs fails. Long, since it says nothing about the machine's load: tests wait for a
state, and none passes because of this limit."""
