module coserve/bench/peers/go

go 1.19
