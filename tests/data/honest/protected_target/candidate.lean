namespace Z
protected theorem t : 1 = 1 := rfl
end Z
