"""The proofs in their quick forms, and that each can fail."""
