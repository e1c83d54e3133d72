example : "a  b" = "a  b" := by exact rfl
example : "a b" = "a b" := by rfl
example : 'a' = 'a' := rfl
