module blocked_init

go 1.21
