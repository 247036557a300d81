"""Pure ground: ids, hashing, canonical JSON, clock, errors. No I/O beyond reading a file to hash it."""
