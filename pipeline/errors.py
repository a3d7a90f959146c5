"""The errors that a user's input can cause."""

from __future__ import annotations


class InputError(Exception):
    """Input that cannot be used; the message names the file, the place and the way out.

    Commands print the message as one line and exit with 2, without a traceback.
    """


class ResumeError(InputError):
    """What an earlier run left cannot be gone on with; the source has to begin anew."""
