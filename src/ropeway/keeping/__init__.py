"""What keeps a workspace whole over the years: checks of soundness now; proofs, erasure, backups to come."""
