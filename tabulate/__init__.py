"""Everything at rest and everything in order: mission, ledger, intake, tally, comparison, exports."""
