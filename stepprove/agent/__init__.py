"""The prover: proof search, disproof, language models, and filling the holes of a file."""
