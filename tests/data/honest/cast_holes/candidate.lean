def conv {n m : Nat} (h : n = m) (v : Vector Nat (n + 0)) : Vector Nat m := (by omega : n + 0 = m) ▸ v
def conv2 {n m : Nat} (h : n = m) (v : Vector Nat (n + 0)) : Vector Nat m := cast (by simp [h]) v
def conv3 {n m : Nat} (h : n = m) (v : Vector Nat (n + 0)) : Vector Nat m := v.cast (by omega)
theorem c3 (v : Vector Nat (3 + 0)) : conv3 rfl v = v := by rfl
