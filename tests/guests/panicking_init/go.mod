module panicking_init

go 1.21
