"""Why a command ends before it did anything."""

from __future__ import annotations


class Refused(Exception):
    """The command cannot do what was asked; one line says why."""
