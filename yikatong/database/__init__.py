"""PostgreSQL for everyone: the embedded server, where it lives, how it is reached, and how its tables are distributed."""
