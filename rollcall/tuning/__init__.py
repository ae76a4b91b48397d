"""The settings that are cheapest, or fastest, within a deadline: searched over the plan, shown, tried out."""
