theorem base : 1 = 1 := rfl
alias t := base
