"""Problems in Python and in notebooks: loading one, and what a notebook shows of it, of its steps and lessons."""
