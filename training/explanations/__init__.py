"""Whether an explanation holds: attention maps of a network, and what they are held to (method.md, section 7)."""
