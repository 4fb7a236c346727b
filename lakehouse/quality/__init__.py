"""What is expected of the tables, derived from the contracts, and whether it is so."""
