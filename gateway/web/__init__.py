"""The pages for people: the playground and the welcome page, whose files are in the package."""
