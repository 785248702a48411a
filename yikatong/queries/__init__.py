"""Reading fast what every page reads: query sets compiled once, and small tables kept in memory."""
