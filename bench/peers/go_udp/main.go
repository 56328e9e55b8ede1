// Go's usual UDP server: one goroutine that reads a datagram, answers it, and reads the next.
package main

import (
	"fmt"
	"log"
	"net"
)

func toUpper(text []byte) {
	for i, letter := range text {
		if 'a' <= letter && letter <= 'z' {
			text[i] = letter - ('a' - 'A')
		}
	}
}

func main() {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		log.Fatal(err)
	}
	socket.SetReadBuffer(4 << 20)
	fmt.Println(socket.LocalAddr().(*net.UDPAddr).Port)
	buffer := make([]byte, 65536)
	for {
		// The variants with AddrPort allocate nothing.
		size, sender, err := socket.ReadFromUDPAddrPort(buffer)
		if err != nil {
			continue
		}
		toUpper(buffer[:size])
		socket.WriteToUDPAddrPort(buffer[:size], sender)
	}
}
