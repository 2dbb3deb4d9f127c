// SPDX-License-Identifier: Apache-2.0

// A Go guest: tells of each word what its own resolver says, or, of NETWORK/ADDRESS, from which
// address it dials there.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

func main() {
	resolver := &net.Resolver{PreferGo: true}
	for _, word := range os.Args[1:] {
		network, address, dials := strings.Cut(word, "/")
		if !dials {
			fmt.Println(resolver.LookupHost(context.Background(), word))
			continue
		}
		conn, err := net.DialTimeout(network, address, 20*time.Second)
		if err != nil {
			fmt.Println(err)
			continue
		}
		host, _, _ := net.SplitHostPort(conn.LocalAddr().String())
		fmt.Println(host)
	}
}
