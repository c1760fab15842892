"""What happens to an article on its way to the store: one class, one verb, one file."""
