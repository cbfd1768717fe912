"""What a kernel of less precision gives, and which of its stages the error comes from."""
