"""The known mistakes, a module a family."""
