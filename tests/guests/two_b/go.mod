module two_b

go 1.21
