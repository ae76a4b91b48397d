"""The pages: what each shows, by what the console has seen."""
