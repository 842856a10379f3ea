"""One episode as a page that stands by itself: no network, no script, everything that others wrote escaped."""
