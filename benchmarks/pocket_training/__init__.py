"""How long the pocket models take to train."""
