"""The prover: search, disproof, and the filling of a file's holes."""
