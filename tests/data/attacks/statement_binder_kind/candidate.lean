theorem imp {p : Prop} (h : p) : p := h
