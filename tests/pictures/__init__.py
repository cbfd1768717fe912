"""Pictures in files: matplotlib's, and the page in a real browser."""
