"""Everything at rest and everything in order: mission, ledger, intake, tally, comparison, exports."""

__version__ = "0.1.0"
