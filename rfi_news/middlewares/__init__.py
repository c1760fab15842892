"""What happens to requests and responses between spider, store and site: one class, one file each."""
