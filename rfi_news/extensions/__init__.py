"""What watches a run: its account, its progress, its errors in words. One class, one file each."""
