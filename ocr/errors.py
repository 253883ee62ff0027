"""The errors that reach a person: one sentence that says what, where and what to do."""

from __future__ import annotations


class CotejoError(Exception):
    """Wrong usage or bad input. The message is one sentence: what is wrong, where, and what to do.

    Raising it means that nothing was changed.
    """

    exit_code = 2


class MachineError(CotejoError):
    """The machine failed (disk, database, worker), not the person."""

    exit_code = 3
