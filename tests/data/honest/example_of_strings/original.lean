example : "a b" = "a b" := by sorry
example : "a  b" = "a  b" := by sorry
example : 'a' = 'a' := sorry
