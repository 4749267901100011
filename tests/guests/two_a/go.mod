module two_a

go 1.21
