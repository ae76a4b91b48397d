"""The cheapest settings within a deadline: a search over plans."""
