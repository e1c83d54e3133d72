"""What the gate decides: judgements from facts alone."""
