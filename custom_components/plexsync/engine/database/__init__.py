"""One SQLite file: its transactions, its layout, counters and notes."""
