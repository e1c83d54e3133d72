theorem trip (p : Prop) (h : p) : ¬¬p := fun hn => show False from hn h
