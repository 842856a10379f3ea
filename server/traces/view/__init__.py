"""A stored episode as people read it: its tokens as text, with what happened between them."""
