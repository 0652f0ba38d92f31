"""Images: what they are, and how they come into an engine."""
