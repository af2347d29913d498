"""Record, item and ledger give the plan; what an owner approved."""
