"""Every generated case of a mistake, on several seeds: minutes, in a job of their own."""
