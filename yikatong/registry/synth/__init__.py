"""A made-up population for demonstration, tests and benchmarks: the census's sizes and ages, nobody's data.

Nothing in it can be mistaken for a person's: identity numbers carry division codes 1199xx, phones begin with 102, credit
codes carry the same divisions, and the names of units begin with 虚构.
"""
