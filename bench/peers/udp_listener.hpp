// A UDP socket on loopback, at any port, which is printed.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>

inline int check(int result, const char* what) {
    if (result < 0) {
        std::perror(what);
        std::exit(1);
    }
    return result;
}

inline int bind_anywhere() {
    const int fd = check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    const int buffer = 2 << 20;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    check(bind(fd, reinterpret_cast<sockaddr*>(&address), size), "bind");
    check(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
    std::cout << ntohs(address.sin_port) << std::endl;
    return fd;
}
