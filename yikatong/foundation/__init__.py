"""Money in fen, clock, identifiers, checksums, masks and errors: what every floor stands on. No I/O, no framework."""
