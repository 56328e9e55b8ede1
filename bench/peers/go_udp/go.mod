module coserve/bench/peers/go_udp

go 1.19
