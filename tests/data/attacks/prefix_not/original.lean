theorem no : ¬ True := by sorry
