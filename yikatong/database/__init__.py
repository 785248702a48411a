"""PostgreSQL for everyone: the embedded server, how it is reached, and how its tables are distributed."""
