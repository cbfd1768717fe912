"""Pictures of attention: what is drawn, and how it is shown or written to a file."""
