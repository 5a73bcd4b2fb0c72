"""Recovery of records from a damaged database."""
