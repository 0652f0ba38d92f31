"""A campaign file as a Campaign, and the order of its runs."""
