"""`attncli.check`, part by part."""
