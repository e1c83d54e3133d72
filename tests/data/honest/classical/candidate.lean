theorem dne (p : Prop) (h : ¬¬p) : p := Classical.byContradiction h
