"""Template filters of the workbenches."""
