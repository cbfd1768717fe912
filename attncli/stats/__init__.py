"""What each head does, in numbers and a word: measured without a score matrix, as tables, pictures and a page."""
