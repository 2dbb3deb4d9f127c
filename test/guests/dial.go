// SPDX-License-Identifier: Apache-2.0

// A Go guest: looks localhost up, dials a port (PORT [HOST]), prints what it is greeted with.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
)

func main() {
	addrs, err := net.LookupHost("localhost")
	fmt.Println(len(addrs) > 0, err)
	host := "127.0.0.1"
	if len(os.Args) > 2 {
		host = os.Args[2]
	}
	conn, err := net.Dial("tcp", net.JoinHostPort(host, os.Args[1]))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	greeting := make([]byte, 5)
	_, err = io.ReadFull(conn, greeting)
	fmt.Println(string(greeting), err)
	_, err = net.LookupHost("no-such-host.invalid")
	fmt.Println(err != nil)
}
