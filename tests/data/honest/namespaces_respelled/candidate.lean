namespace A
namespace B
theorem t : 1 = 1 := rfl
end B
end A
