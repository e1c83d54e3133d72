"""A .lean file as data: commands, declarations, holes, byte-exact edits."""
