"""Small decision networks and rules, their features and their saved form."""
