// SPDX-License-Identifier: Apache-2.0
// As test/clients/c/writer.c, by database/sql; with READ set it asks who answers instead of writing, or
// what READ says, if that is a SELECT:
//
//	writer HOST NUMBER [MILLISECONDS [CONNECTIONS]]
//
// With LOOKUP, which is udp or tcp, it tells what its own resolver says of each word, asked all at once.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	_ "github.com/go-sql-driver/mysql"
)

const bootTime = 7 // CLOCK_BOOTTIME

var (
	lock   sync.Mutex
	number atomic.Int64
	ending atomic.Bool
)

func now() int64 {
	var t syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, bootTime, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano()
}

func tell(words ...any) {
	lock.Lock()
	defer lock.Unlock()
	fmt.Print(now(), " ", fmt.Sprintln(words...))
}

func argument(i int, otherwise string) string {
	if len(os.Args) > i {
		return os.Args[i]
	}
	return otherwise
}

func statement(db *sql.DB, n int64) (string, error) {
	if read := os.Getenv("READ"); read != "" {
		var id string
		if !strings.HasPrefix(read, "SELECT") {
			read = "SELECT @@aurora_server_id"
		}
		err := db.QueryRow(read).Scan(&id)
		return id, err
	}
	_, err := db.ExecContext(context.Background(),
		fmt.Sprintf("INSERT INTO journal (writer, n) VALUES (%s, %d)", os.Args[2], n))
	return "", err
}

func run(db *sql.DB, pause time.Duration) {
	for !ending.Load() {
		n := number.Add(1)
		said, err := statement(db, n)
		if err == nil {
			tell("ok", n, said)
		} else {
			tell("error", n, "-", strings.ReplaceAll(err.Error(), "\n", " "))
		}
		time.Sleep(pause)
	}
}

func lookUp(network string, names []string) {
	resolver := net.Resolver{PreferGo: true,
		Dial: func(ctx context.Context, _, address string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}}
	lines := make([]string, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Add(1)
		go func() {
			defer all.Done()
			found, err := resolver.LookupHost(context.Background(), name)
			if err != nil {
				found = []string{"none"}
			}
			lines[i] = strings.Join(found, " ")
		}()
	}
	all.Wait()
	fmt.Println(strings.Join(lines, "\n"))
}

func main() {
	if network := os.Getenv("LOOKUP"); network != "" {
		lookUp(network, os.Args[1:])
		return
	}
	connections, _ := strconv.Atoi(argument(4, "1"))
	pause, _ := strconv.Atoi(argument(3, "5"))
	address := os.Args[1]
	if !strings.Contains(address, ":") {
		address += ":3306"
	}
	db, err := sql.Open("mysql", "app:app@tcp("+address+")/app")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		ending.Store(true)
	}()
	tell("ok 0")
	var all sync.WaitGroup
	for range connections {
		all.Add(1)
		go func() {
			defer all.Done()
			run(db, time.Duration(pause)*time.Millisecond)
		}()
	}
	all.Wait()
}
