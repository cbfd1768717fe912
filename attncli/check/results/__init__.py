"""Results on the way: each compared with what another program made of it, and the first that is wrong explained."""
