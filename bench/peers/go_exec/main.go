// Go's usual server of commands: os/exec and a goroutine per connection. What one read gives is a command, whose words are split
// at blanks; the reply is its size as a 32-bit number, its stderr and its stdout.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log"
	"net"
	"os/exec"
	"strings"
)

func run(text string) []byte {
	words := strings.Fields(text)
	var stdout, stderr bytes.Buffer
	command := exec.Command(words[0], words[1:]...)
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		fmt.Fprintln(&stderr, err)
	}
	return append(stderr.Bytes(), stdout.Bytes()...)
}

func serve(connection net.Conn) {
	defer connection.Close()
	request := make([]byte, 1024)
	for {
		size, err := connection.Read(request)
		if err != nil || size == 0 {
			return
		}
		output := run(string(request[:size]))
		reply := binary.LittleEndian.AppendUint32(nil, uint32(len(output)))
		if _, err := connection.Write(append(reply, output...)); err != nil {
			return
		}
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	for {
		connection, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(connection)
	}
}
