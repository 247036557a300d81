"""Data: dataset versions, their contracts, checks, profiles, and the part that each row belongs to."""
