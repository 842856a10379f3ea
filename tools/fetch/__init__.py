"""`fetch`: the readable text of a page on the web, and nothing of the network that the server stands in."""
