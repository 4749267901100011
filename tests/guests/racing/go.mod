module racing

go 1.21
