"""Fill the holes of one file: search each hole, assemble the proofs, run the gate on the result."""
