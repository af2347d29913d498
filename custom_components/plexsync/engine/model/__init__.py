"""What all the rest speaks of: records, fields, reasons, faults; and ``ports``, what the engine asks of the world."""
