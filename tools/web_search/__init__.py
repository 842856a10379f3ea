"""`web_search`: a search engine on the web, described by data."""
