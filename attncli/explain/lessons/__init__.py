"""What each stage says in a lesson, one module per stage, found by its name."""
