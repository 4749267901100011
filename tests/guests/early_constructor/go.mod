module early_constructor

go 1.21
