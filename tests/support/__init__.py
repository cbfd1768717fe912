"""What tests share, apart from fixtures."""
