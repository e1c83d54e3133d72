initialize do
  IO.println "hello"
theorem fine : 1 = 1 := rfl
